/**
 * What has arrived of one source: which messages are new, late, duplicates, or too old to tell, and how many are lost.
 *
 * Pure. It remembers the last `windowMessages` numbers, each as one bit; what is below them is refused as a replay. Messages
 * are lost while their numbers are between the lowest and the highest that arrived, and they have not.
 */

/** Numbers that are remembered; more than two datagrams may have together. */
export const windowMessages = 8192

const words = windowMessages / 32

/** What a datagram is for a source. */
export type Arrival =
  /** Its messages are to be delivered. */
  | 'new'
  /** Its messages are to be delivered, and come behind later ones. */
  | 'late'
  /** They have been delivered. */
  | 'duplicate'
  /** They are too old to tell. */
  | 'replayed'
  /** It overlaps with others, as no sender writes it. */
  | 'overlapping'

/** The window of one source. */
export class SourceWindow {
  readonly #bits = new Uint32Array(words)
  /** The lowest number that counts as expected, and the number behind the highest. */
  #lowest: number
  #end: number
  #received = 0
  #unreportedLost = 0
  /** Messages of datagrams that came behind later ones. */
  late = 0
  duplicate = 0
  replayed = 0

  /**
   * @param next - The number of the first message that is expected: what came before it is not missing.
   */
  constructor(next: number) {
    this.#lowest = this.#end = next
  }

  /** Messages that were new or late. */
  get received(): number {
    return this.#received
  }

  /** Messages between the lowest and the highest number that have not arrived. */
  get lost(): number {
    return this.#end - this.#lowest - this.#received
  }

  /** Takes a datagram whose messages have the numbers from `sequence` to `sequence + count - 1`. */
  arrive(sequence: number, count: number): Arrival {
    const end = this.#end
    if (sequence === end && count === 1) {
      // what most are: as below, in one step
      const at = sequence % windowMessages
      this.#bits[at >> 5] = (this.#bits[at >> 5] as number) | (1 << (at & 31))
      this.#end = end + 1
      this.#received += 1
      return 'new'
    }
    if (sequence >= end) {
      this.#advance(sequence, sequence + count)
      this.#received += count
      return 'new'
    }
    if (sequence < end - windowMessages) {
      this.replayed += count
      return 'replayed'
    }
    for (let number = sequence; number < sequence + count && number < end; number++) {
      if (!this.#has(number)) continue
      this.duplicate += count
      return 'duplicate'
    }
    if (sequence + count > end) return 'overlapping'
    this.#mark(sequence, sequence + count)
    this.#received += count
    this.late += count
    if (sequence < this.#lowest) this.#lowest = sequence
    return 'late'
  }

  /** The source says which number its next message has: all below it have been sent. */
  reveal(next: number): void {
    if (next <= this.#end) return
    this.#unreportedLost += next - this.#end
    this.#clear(this.#end, next)
    this.#end = next
  }

  /** Messages that are found to be missing before the datagram that arrived last, in order; each is returned once. */
  takeLost(): number {
    const lost = this.#unreportedLost
    this.#unreportedLost = 0
    return lost
  }

  #advance(sequence: number, end: number): void {
    if (sequence > this.#end) this.reveal(sequence)
    this.#mark(sequence, end)
    this.#end = end
  }

  #has(number: number): boolean {
    const at = number % windowMessages
    return ((this.#bits[at >> 5] as number) & (1 << (at & 31))) !== 0
  }

  #mark(from: number, to: number): void {
    for (let number = from; number < to; number++) {
      const at = number % windowMessages
      this.#bits[at >> 5] = (this.#bits[at >> 5] as number) | (1 << (at & 31))
    }
  }

  #clear(from: number, to: number): void {
    if (to - from >= windowMessages) {
      this.#bits.fill(0)
      return
    }
    for (let number = from; number < to; number++) {
      const at = number % windowMessages
      this.#bits[at >> 5] = (this.#bits[at >> 5] as number) & ~(1 << (at & 31))
    }
  }
}
