/**
 * What a connecting side learns when security refuses its connection: one code for each cause.
 *
 * Which sign of the library stands for which cause is decided in `src/socket`.
 */
import { type ErrorCode, RivuletError } from '../errors/index.js'

/** Why security refused a connection, as far as the connecting side can know. */
export type RefusalCause =
  /** The server does not admit the key of this side. */
  | 'unknown-key'
  /** The server cannot decide now. */
  | 'unavailable'
  /** The server does not have the key that this side expects. */
  | 'server-key'
  /** One side has security and the other has not, or they use different mechanisms. */
  | 'mechanism'

const refusals: Readonly<Record<RefusalCause, readonly [code: ErrorCode, message: string]>> = Object.freeze({
  'unknown-key': ['RIVULET_UNAUTHENTICATED', 'the server does not admit the key of this side'],
  unavailable: ['RIVULET_ADMISSION_UNAVAILABLE', 'the server cannot decide now whether it admits the key of this side'],
  'server-key': ['RIVULET_SERVER_KEY_MISMATCH', 'the server does not have the key that `serverKey` names'],
  mechanism: ['RIVULET_SECURITY_MISMATCH', 'one side has security and the other has not, or another mechanism'],
})

/** The error for a connection that security refused. */
export function refusalError(subject: string, cause: RefusalCause): RivuletError {
  const [code, message] = refusals[cause]
  return new RivuletError(code, `${subject}: ${message}`)
}
