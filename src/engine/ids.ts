/**
 * The ids of a queue that are taken: a message whose id another one has taken is the same one, within a window of time.
 *
 * Ids are kept twice, by name to find them, and by time to give them free.
 */
import { readU64, writeU64 } from '../store/index.js'
import { keyName, keyOf, nameKey, rangeOf, secondNumber, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** The ids of a queue that are taken, each for a while. */
export class Ids {
  readonly #queue: number

  constructor(queue: number) {
    this.#queue = queue
  }

  /** The position of the message that has an id; `undefined` if none has taken it within the window. */
  find(tx: Transaction, id: string, windowMs: number): number | undefined {
    const value = tx.get(nameKey(table.id, this.#queue, keyName(id)))
    if (!value || tx.wall - readU64(value, 8) >= windowMs) return undefined
    return readU64(value)
  }

  take(tx: Transaction, id: string, position: number): void {
    const name = keyName(id)
    const value = Buffer.allocUnsafe(16)
    writeU64(value, position)
    writeU64(value, tx.wall, 8)
    tx.putVisible(nameKey(table.id, this.#queue, name), value)
    tx.put(keyOf(table.idTime, this.#queue, tx.wall, position), name)
  }

  /** Removes some expired ids; returns whether there may be more. */
  sweep(tx: Transaction, windowMs: number, limit: number): boolean {
    const [from] = rangeOf(table.idTime, this.#queue)
    const before = Math.max(0, Math.floor(tx.wall - windowMs))
    let count = 0
    for (const { key, value: name } of tx.stored(from, keyOf(table.idTime, this.#queue, before), limit)) {
      count += 1
      tx.remove(key)
      const idKey = nameKey(table.id, this.#queue, name)
      const taken = tx.get(idKey)
      // a later message may have taken it again
      if (taken && readU64(taken) === secondNumber(key)) tx.removeVisible(idKey)
    }
    return count === limit
  }
}
