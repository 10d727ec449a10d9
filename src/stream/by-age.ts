/**
 * What waits, by when it arrived: the oldest is known, and any can be taken out or become the newest.
 */

/** One that waits; its neighbours are kept by `ByAge`. */
export interface Aged<One> {
  older: One | undefined
  newer: One | undefined
}

/** Those that wait, from the oldest to the newest. */
export class ByAge<One extends Aged<One>> {
  #first: One | undefined
  #last: One | undefined

  /** The oldest. */
  get first(): One | undefined {
    return this.#first
  }

  /** Adds one, which is the newest. */
  add(one: One): void {
    const last = this.#last
    one.older = last
    if (last) last.newer = one
    else this.#first = one
    this.#last = one
  }

  /** Takes one out. */
  remove(one: One): void {
    const { older, newer } = one
    if (older) older.newer = newer
    else this.#first = newer
    if (newer) newer.older = older
    else this.#last = older
    one.older = undefined
    one.newer = undefined
  }

  /** Makes one the newest. */
  renew(one: One): void {
    if (one === this.#last) return
    this.remove(one)
    this.add(one)
  }

  /** Takes all out. */
  clear(): void {
    this.#first = undefined
    this.#last = undefined
  }
}
