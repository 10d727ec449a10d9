/**
 * Ascending positions, added at the end and removed at the beginning: where the frames of one topic are.
 */

const smallest = 4

/** A list of ascending numbers in one array. */
export class PositionList {
  #values = new Float64Array(smallest)
  #start = 0
  #end = 0
  /** How many were removed. */
  removed = 0

  get length(): number {
    return this.#end - this.#start
  }

  /** The position at an index from 0; `undefined` where there is none. */
  at(index: number): number | undefined {
    return index >= 0 && index < this.length ? this.#values[this.#start + index] : undefined
  }

  /** Adds a position above all others. */
  push(position: number): void {
    if (this.#end === this.#values.length) this.#makeRoom()
    this.#values[this.#end++] = position
  }

  /** Removes the first one. */
  shift(): void {
    this.#start++
    this.removed++
    if (this.#start === this.#end) this.#start = this.#end = 0
  }

  /** Adds a position anywhere. */
  insert(position: number): void {
    const index = this.firstFrom(position)
    this.push(position)
    // `push` may have moved all to the front
    const at = this.#start + index
    this.#values.copyWithin(at + 1, at, this.#end - 1)
    this.#values[at] = position
  }

  /** The index of the first one that is not below a position; the length if there is none. */
  firstFrom(position: number): number {
    let low = this.#start
    let high = this.#end
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#values[middle] as number) < position) low = middle + 1
      else high = middle
    }
    return low - this.#start
  }

  #makeRoom(): void {
    const { length } = this
    const former = this.#values
    // half of it free: what is left moves to the front
    const capacity = length > former.length / 2 ? former.length * 2 : Math.max(smallest, former.length)
    if (capacity > former.length) this.#values = new Float64Array(capacity)
    this.#values.set(former.subarray(this.#start, this.#end))
    this.#start = 0
    this.#end = length
  }
}
