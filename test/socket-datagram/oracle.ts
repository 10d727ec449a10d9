/** What a receiver must count of one source, worked out the slow way: from all that has arrived, in the order in which it has. */

/** How many numbers a receiver remembers; docs/reference/protocol states it. */
const rememberedNumbers = 8192

/** What arrives: a datagram with messages, or the number of the next message. */
export interface Arrived {
  readonly sequence: number
  /** 0 for an announcement. */
  readonly count: number
}

/** The counts of one source, as `stats()` shows them. */
export interface Counts {
  received: number
  lost: number
  late: number
  duplicate: number
  replayed: number
}

/** Counts what arrives of one source. */
export class Oracle {
  readonly #arrived = new Set<number>()
  #lowest = Number.POSITIVE_INFINITY
  #highest = 0
  readonly #counts = { late: 0, duplicate: 0, replayed: 0 }

  /** Returns whether the messages are to be delivered. */
  arrive({ sequence, count }: Arrived): boolean {
    if (count === 0) {
      this.#lowest = Math.min(this.#lowest, this.#highest === 0 ? sequence : this.#lowest)
      this.#highest = Math.max(this.#highest, sequence - 1)
      return false
    }
    if (this.#lowest <= this.#highest + 1 && sequence <= this.#highest - rememberedNumbers) {
      this.#counts.replayed += count
      return false
    }
    if (this.#arrived.has(sequence)) {
      this.#counts.duplicate += count
      return false
    }
    if (sequence <= this.#highest) this.#counts.late += count
    for (let number = sequence; number < sequence + count; number++) this.#arrived.add(number)
    this.#lowest = Math.min(this.#lowest, sequence)
    this.#highest = Math.max(this.#highest, sequence + count - 1)
    return true
  }

  counts(): Counts {
    const span = this.#lowest === Number.POSITIVE_INFINITY ? 0 : this.#highest - this.#lowest + 1
    return { received: this.#arrived.size, lost: span - this.#arrived.size, ...this.#counts }
  }
}
