/** Failures that a peer reports: its version may have codes that this one does not know. */
import { type ErrorCode, errorCodes } from './codes.js'
import { RivuletError } from './rivulet-error.js'

/** A failure that a peer reported, with a code of this version. */
export interface ReceivedFailure {
  readonly code: ErrorCode
  readonly message: string
}

/** The most characters of a code that is not known. */
const maxCodeCharacters = 64

/** Returns a failure that a peer reported; an unexpected code becomes RIVULET_UNKNOWN_ERROR, and the message names it. */
export function receivedFailure(code: string, message: string, isExpected: (code: string) => boolean): ReceivedFailure {
  if (isExpected(code)) return { code: code as ErrorCode, message }
  return { code: 'RIVULET_UNKNOWN_ERROR', message: `${code.slice(0, maxCodeCharacters)}: ${message}` }
}

/** The longest message of an error that travels, in characters. */
export const maxReceivedCharacters = 1000

/** Returns what the other side has told as an error of this one. */
export function receivedError(code: string, message: string): RivuletError {
  const failure = receivedFailure(code, message.slice(0, maxReceivedCharacters), (one) =>
    Object.hasOwn(errorCodes, one),
  )
  return new RivuletError(failure.code, failure.message, { executed: 'no' })
}
