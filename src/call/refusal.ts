/** Refusals: why a method cannot be called at a server, as both sides know it before any call. */
import { brief } from '../avro/codec.js'
import { type ErrorCode, type Issue, isRivuletError, RivuletError } from '../errors/index.js'
import { type Executed, failureOfServer, maxMessageCharacters } from './failure.js'
import type { CallRefusal } from './schemas.js'

/** Why a method cannot be called. */
export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  readonly issues: readonly Issue[]
}

/** Issues that travel with a refusal, so that it fits an item of stream 0. */
const maxIssues = 8

/** Returns what comparing two protocols threw, as the reason to refuse a method or all of them. */
export function asRefusal(cause: unknown): Refusal {
  if (isRivuletError(cause)) return { code: cause.code, message: cause.message, issues: cause.issues }
  return { code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: 'the protocols cannot be compared', issues: [] }
}

/** Returns a refusal as the server sends it. */
export function refusalRecord(binding: number, method: string, { code, message, issues }: Refusal) {
  return {
    binding,
    method,
    code,
    message: brief(message, maxMessageCharacters).toWellFormed(),
    issues: issues.slice(0, maxIssues).map(({ path, message }) => ({
      path: brief(path, maxMessageCharacters).toWellFormed(),
      message: brief(message, maxMessageCharacters).toWellFormed(),
    })),
  }
}

/** Returns a refusal as the client keeps it. */
export function receivedRefusal({ code, message, issues }: CallRefusal): Refusal {
  return {
    ...failureOfServer(code, message),
    issues: issues.slice(0, maxIssues),
  }
}

/** Returns the outcome of a call that a server refuses from the beginning. */
export function refusalError({ code, message, issues }: Refusal, executed: Executed): RivuletError {
  return new RivuletError(code, message, { issues, executed })
}
