/** Refuses a schema of an untrusted peer that would overflow the stack. */
import { invalidSchema } from './parse.js'

/**
 * Returns what `make` returns.
 *
 * Types that refer to types that refer to types, a thousand deep, can exceed the stack before any other bound does.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA` if there was not stack enough; and what `make` throws.
 */
export function withinStack<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw invalidSchema([{ path: '', message: 'types refer to one another too deeply' }])
  }
}
