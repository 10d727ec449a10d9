/** The signal of a buffer without room: it has a file of its own so that the codec's contract and its parts can share it. */

/** Thrown, this very value, by `write` when the value does not fit before `end`; the caller takes a larger buffer. */
export const bufferFull: unique symbol = Symbol('rivulet.buffer-full')
