/**
 * Failures of calls: what the server reports, and which errors the caller gets.
 *
 * A failure is a code, a message and whether the call may have run. It carries no stack and no message of a handler:
 * what a handler throws stays with the server.
 */
import { brief } from '../avro/codec.js'
import { type ErrorCode, type Issue, type ReceivedFailure, RivuletError, receivedFailure } from '../errors/index.js'
import { describe } from '../options/index.js'
import { type ItemBody, RecordBody } from '../session/index.js'
import { CallFailure } from './schemas.js'

/** Whether the handler of a call may have run. */
export type Executed = 'no' | 'maybe'

/** The codes that a server may answer with. */
const remoteCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'RIVULET_DEADLINE_EXCEEDED',
  'RIVULET_CANCELLED',
  'RIVULET_UNAVAILABLE',
  'RIVULET_SERVER_CLOSING',
  'RIVULET_OVERLOADED',
  'RIVULET_UNIMPLEMENTED',
  'RIVULET_UNAUTHENTICATED',
  'RIVULET_PERMISSION_DENIED',
  'RIVULET_INVALID_REQUEST',
  'RIVULET_INVALID_SCHEMA',
  'RIVULET_INCOMPATIBLE_SCHEMA',
  'RIVULET_INTERNAL',
])

/** The longest message that travels, in characters. */
export const maxMessageCharacters = 1000

/** Returns a failure that a server reported, with a code of this version. */
export function failureOfServer(code: string, message: string): ReceivedFailure {
  return receivedFailure(code, brief(message, maxMessageCharacters), (one) => remoteCodes.has(one))
}

/** Returns the body of a failure. */
export function failureBody(code: ErrorCode, message: string, executed: Executed): ItemBody {
  return new RecordBody(CallFailure, { code, message: brief(message, maxMessageCharacters).toWellFormed(), executed })
}

/** Returns the error of a failure that the server told. */
export function failureError(failure: CallFailure, executedBefore: Executed): RivuletError {
  const executed = executedBefore === 'maybe' ? 'maybe' : failure.executed
  const { code, message } = failureOfServer(failure.code, failure.message)
  return new RivuletError(code, message, { executed })
}

/** Returns an error as the outcome of a call; the outcome of one call is never that of another. */
export function outcomeOf(error: RivuletError, executed: Executed): RivuletError {
  const { code, message, cause, issues } = error
  return new RivuletError(code, message, { cause, issues, executed })
}

/** What a handler did that returned no stream of responses, and what it should return. */
export function noResponses(value: unknown): string {
  return `returned ${describe(value)} where a stream of responses is due; return an iterable, an async iterable, an observable, or a promise of one of them: [response] for a single response`
}

/** Returns the report of an error that no subscriber handled. */
export function unhandledError(subject: string, cause: Error): RivuletError {
  return new RivuletError('RIVULET_UNHANDLED_ERROR', `${subject} failed, and a subscriber has no error callback`, {
    cause,
  })
}

/** Returns the outcome of a call that ended at this side. */
export function callError(
  code: ErrorCode,
  message: string,
  executed: Executed,
  details: { readonly cause?: unknown; readonly issues?: readonly Issue[] } = {},
): RivuletError {
  return new RivuletError(code, message, { ...details, executed })
}
