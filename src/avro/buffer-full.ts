/** A buffer without room: this has a file of its own so that the codec's contract and its parts can share it. */

/**
 * Thrown, this very value, by `write` when the value does not fit before `end`; the caller takes a larger buffer. Schemas of another
 * copy of the package throw the same.
 */
export const bufferFull: unique symbol = Symbol.for('rivulet.buffer-full') as never

/** What a writer may want beyond the bytes of a value, in bytes: with so many more it does not throw `bufferFull`. */
export const spareBytes = 64
