/** Virtual time: what is planned happens in order of its time, and of its planning where times are equal. */

interface Planned {
  readonly at: number
  readonly order: number
  readonly action: () => void
}

/** A queue of actions, and the time that they make. */
export class Scheduler {
  #now = 1000
  #order = 0
  #steps = 0
  /** A binary heap, the earliest in front. */
  readonly #heap: Planned[] = []

  /** The time, in milliseconds. */
  get now(): number {
    return this.#now
  }

  /** Actions that were run. */
  get steps(): number {
    return this.#steps
  }

  /** Plans an action. */
  after(delayMs: number, action: () => void): void {
    const heap = this.#heap
    const planned = { at: this.#now + delayMs, order: this.#order++, action }
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(planned, heap[parent] as Planned)) break
      heap[at] = heap[parent] as Planned
      at = parent
    }
    heap[at] = planned
  }

  /** Runs what is planned within a time, also what that plans. */
  run(durationMs: number): void {
    const end = this.#now + durationMs
    while (this.step(end)) {}
    this.skipTo(end)
  }

  /** Runs what is planned next, unless it is later than a time; tells whether it did. */
  step(end: number): boolean {
    const next = this.#heap[0]
    if (!next || next.at > end) return false
    this.#shift()
    this.#now = next.at
    this.#steps += 1
    next.action()
    return true
  }

  /** Lets time pass in which nothing is planned. */
  skipTo(end: number): void {
    this.#now = end
  }

  #shift(): void {
    const heap = this.#heap
    const last = heap.pop() as Planned
    const { length } = heap
    if (length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      if (child + 1 < length && isBefore(heap[child + 1] as Planned, heap[child] as Planned)) child += 1
      if (!isBefore(heap[child] as Planned, last)) break
      heap[at] = heap[child] as Planned
      at = child
    }
    heap[at] = last
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
