/**
 * Translates what a reader throws into the error to report: the one place where malformed bytes become a `RivuletError`.
 */
import { isRivuletError, RivuletError } from '../errors/index.js'
import { fieldPath } from './path.js'
import { Malformed, Unresolvable } from './read-primitives.js'

/**
 * Returns the error for what a reader threw.
 *
 * `RIVULET_DECODE_FAILED` for malformed bytes; `RIVULET_INCOMPATIBLE_SCHEMA`, with the path of the field, for a value
 * that the writer's schema allows and the reader's has no place for.
 *
 * @param where - What was read, for the message, for example `value of market.Tick`.
 */
export function decodeFailure(cause: unknown, where: string): RivuletError {
  if (isRivuletError(cause)) return cause
  if (cause instanceof Unresolvable) {
    const { path, reason } = cause
    const place = path === '' ? '' : ` at ${fieldPath('', path)}`
    return new RivuletError('RIVULET_INCOMPATIBLE_SCHEMA', `Cannot read ${where}${place}: ${reason}`, {
      issues: [{ path, message: reason }],
    })
  }
  if (cause instanceof Malformed)
    return new RivuletError('RIVULET_DECODE_FAILED', `Cannot read ${where}: ${cause.reason}`)
  return new RivuletError('RIVULET_DECODE_FAILED', `Cannot read ${where}`, { cause })
}
