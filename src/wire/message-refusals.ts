/**
 * Why a message is refused while it is encoded.
 */
import { RivuletError } from '../errors/index.js'

/** The message takes more than its limit; `size` is `undefined` where it was given up before it was written. */
export function messageTooLarge(maxMessageBytes: number, size?: number): RivuletError {
  const found = size === undefined ? '' : `${size} bytes, `
  const message = `a message has ${found}more than maxMessageBytes, ${maxMessageBytes}`
  return new RivuletError('RIVULET_MESSAGE_TOO_LARGE', message, { executed: 'no' })
}

/** A getter of the message that is being encoded sends, too. */
export function messageWithin(): RivuletError {
  const message = 'a getter of a message sends on the sink that is writing the message'
  return new RivuletError('RIVULET_INVALID_MESSAGE', message, { executed: 'no' })
}
