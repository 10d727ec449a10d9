/** What is wrong with frames and messages of byte streams, the same for every framing. */
import { RivuletError } from '../../../src/errors/index.js'

/** A frame of the peer that exceeds the limit: declared or arrived so far. */
export function frameTooLarge(framing: string, bytes: number, most: number): RivuletError {
  const text = `${framing}: a frame of ${bytes} bytes or more; at most ${most} are read`
  return new RivuletError('RIVULET_FRAME_TOO_LARGE', text)
}

/** A message of this side that exceeds the limit. */
export function messageTooLarge(framing: string, bytes: number, most: number): RivuletError {
  const text = `${framing}: a message of ${bytes} bytes; at most ${most} are sent`
  return new RivuletError('RIVULET_MESSAGE_TOO_LARGE', text)
}

/** A message that the framing cannot carry. */
export function invalidMessage(framing: string, problem: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_MESSAGE', `${framing}: ${problem}`)
}

/** The end of a stream in the middle of a frame; `undefined` if nothing is left of one. */
export function truncated(framing: string, bytes: number): RivuletError | undefined {
  if (bytes === 0) return undefined
  const text = `${framing}: the peer ended the stream ${bytes} bytes into a frame`
  return new RivuletError('RIVULET_TRUNCATED_FRAME', text)
}

/** The end of a connection before both sides have sent what comes before the first message. */
export function notAgreed(): RivuletError {
  return new RivuletError('RIVULET_CONNECTION_LOST', 'the connection ended before both sides had agreed')
}
