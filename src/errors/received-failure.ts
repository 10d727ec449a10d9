/** Codes that another side tells: its version may have codes that this one does not know. */
import type { ErrorCode } from './codes.js'

/** A failure as the other side tells it, with a code of this version. */
export interface ReceivedFailure {
  readonly code: ErrorCode
  readonly message: string
}

/** Characters of a code that is not known, at the most. */
const maxCodeCharacters = 64

/** Returns what was told; a code that is not one of those expected becomes RIVULET_UNKNOWN_ERROR, and stands in the message. */
export function receivedFailure(code: string, message: string, isExpected: (code: string) => boolean): ReceivedFailure {
  if (isExpected(code)) return { code: code as ErrorCode, message }
  return { code: 'RIVULET_UNKNOWN_ERROR', message: `${code.slice(0, maxCodeCharacters)}: ${message}` }
}
