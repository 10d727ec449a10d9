/** Failures that a peer reports: its version may have codes that this one does not know. */
import type { ErrorCode } from './codes.js'

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
