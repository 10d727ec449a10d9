/**
 * A map with a bound: when it is full, what was used once goes before what is used again and again.
 *
 * An entry is new until its second use. New entries go first, the oldest before the others, so that a flood of them leaves those
 * alone that are established. Of these, one goes that was not used lately: each has a mark, which its use sets (CLOCK, a
 * second chance), so that use costs nothing.
 */

/** What a table keeps; both marks are the table's. */
export interface Entry {
  isEstablished: boolean
  /** Whether it was used since the table last passed it. */
  isRecent: boolean
}

/** The part of a table that new entries may fill when it is full. */
const newPart = 1 / 4

/** A bounded map. */
export class BoundedTable<Value extends Entry> {
  readonly #new = new Map<string, Value>()
  readonly #established = new Map<string, Value>()
  readonly #most: number
  readonly #forget: (value: Value) => void

  /**
   * @param forget - Is given each entry that had to go.
   */
  constructor(most: number, forget: (value: Value) => void) {
    this.#most = most
    this.#forget = forget
  }

  get size(): number {
    return this.#new.size + this.#established.size
  }

  *values(): Iterable<Value> {
    yield* this.#established.values()
    yield* this.#new.values()
  }

  /** Finds an entry, which uses it. */
  use(key: string): Value | undefined {
    const established = this.#established.get(key)
    if (established !== undefined) {
      established.isRecent = true
      return established
    }
    const value = this.#new.get(key)
    if (value === undefined) return undefined
    this.#new.delete(key)
    this.#established.set(key, value)
    value.isEstablished = value.isRecent = true
    return value
  }

  /** Adds an entry with a new key. */
  add(key: string, value: Value): void {
    if (this.size >= this.#most) this.#makeRoom()
    this.#new.set(key, value)
  }

  #makeRoom(): void {
    const isNew = this.#new.size > this.#most * newPart || this.#established.size === 0
    const entries = isNew ? this.#new : this.#established
    for (;;) {
      const [key, value] = entries.entries().next().value as [string, Value]
      entries.delete(key)
      if (isNew || !value.isRecent) {
        this.#forget(value)
        return
      }
      value.isRecent = false
      entries.set(key, value)
    }
  }
}
