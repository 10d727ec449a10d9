/**
 * Ascending positions, removed at the beginning and added at the end, now and then between others: where the frames of one topic are.
 *
 * Where a position was put between others there is a gap of free places, so that those that follow it cost little.
 */

const smallest = 4

/** A list of ascending numbers in one array. */
export class PositionList {
  #values = new Float64Array(smallest)
  /** What is in use, with the gap. */
  #start = 0
  #end = 0
  /** Free places, before the position at this index. */
  #gap = 0
  #gapAt = 0
  /** How many were removed. */
  removed = 0

  get length(): number {
    return this.#end - this.#start - this.#gap
  }

  /** The position at an index from 0; `undefined` where there is none. */
  at(index: number): number | undefined {
    if (index < 0 || index >= this.length) return undefined
    return this.#values[this.#start + index + (index < this.#gapAt ? 0 : this.#gap)]
  }

  /** Adds a position above all others. */
  push(position: number): void {
    if (this.#end === this.#values.length) this.#makeRoom(0, 0)
    this.#values[this.#end++] = position
  }

  /** Removes the first one. */
  shift(): void {
    this.removed++
    if (this.#gapAt > 0) {
      this.#gapAt--
      this.#start++
    } else {
      this.#start += this.#gap + 1
      this.#gap = 0
    }
    if (this.length === 0) this.#start = this.#end = this.#gap = this.#gapAt = 0
  }

  /** Adds a position anywhere. */
  insert(position: number): void {
    const index = this.firstFrom(position)
    if (this.#gap === 0) this.#makeRoom(index, Math.max(smallest, this.length >> 2))
    else this.#moveGap(index)
    this.#values[this.#start + index] = position
    this.#gapAt = index + 1
    this.#gap--
  }

  /** The index of the first one that is not below a position; the length if there is none. */
  firstFrom(position: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.at(middle) as number) < position) low = middle + 1
      else high = middle
    }
    return low
  }

  #moveGap(index: number): void {
    const first = this.#start + this.#gapAt
    const moved = this.#start + index
    if (moved < first) this.#values.copyWithin(moved + this.#gap, moved, first)
    else this.#values.copyWithin(first, first + this.#gap, moved + this.#gap)
    this.#gapAt = index
  }

  /** Moves all to the front, of a larger array if half of this one is used, with a gap of so many places. */
  #makeRoom(gapAt: number, gap: number): void {
    this.#moveGap(this.length)
    const { length } = this
    const former = this.#values.subarray(this.#start, this.#start + length)
    let capacity = Math.max(smallest, this.#values.length)
    while (length + gap >= capacity || length > capacity / 2) capacity *= 2
    // it is not moved within itself where there is to be a gap
    if (capacity > this.#values.length || gap > 0) this.#values = new Float64Array(capacity)
    this.#values.set(former.subarray(0, gapAt))
    this.#values.set(former.subarray(gapAt), gapAt + gap)
    this.#start = 0
    this.#end = length + gap
    this.#gap = gap
    this.#gapAt = gapAt
  }
}
