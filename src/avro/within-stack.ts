/** Keeps a schema of a stranger from ending the stack: it is then refused like any other. */
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
