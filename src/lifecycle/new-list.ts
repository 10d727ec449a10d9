/**
 * Empty lists for what one turn or one batch gathers.
 *
 * The engine remembers how long the lists of each `[]` in the source lived. If the first ones of a busy place stayed, as those
 * of many senders do that have just been made, it makes all later ones among the old objects. Each of them then keeps what it
 * held, long after its batch, until the next full collection. It keeps no such count of copies.
 */
const none: readonly never[] = []

/** Returns a new empty list. */
export function newList<T>(): T[] {
  return none.slice()
}
