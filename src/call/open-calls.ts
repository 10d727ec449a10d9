/**
 * The open calls of one session by stream, in places that are used again.
 *
 * A `Map` with as many deletions as insertions moves to a new table again and again, and each old one keeps what it held
 * alive until the next full collection: half of all calls would outlive their time. Numbers of streams go up one by one,
 * so that the low bits of a number are a place; a call whose place is taken goes beside.
 */

/** Places in the beginning; a power of two. */
const firstPlaces = 64

/** What is kept by its stream. */
export interface OnStream {
  readonly stream: number
}

/** The open calls of one session. */
export class OpenCalls<T extends OnStream> {
  #places: (T | undefined)[] = new Array(firstPlaces).fill(undefined)
  #mask = firstPlaces - 1
  /** Those whose place was taken. */
  readonly #beside = new Map<number, T>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(stream: number): T | undefined {
    const call = this.#places[stream & this.#mask]
    if (call !== undefined && call.stream === stream) return call
    return this.#beside.size === 0 ? undefined : this.#beside.get(stream)
  }

  /** Adds a call; there is none on its stream. */
  add(call: T): void {
    this.#size += 1
    this.#put(call)
    if (this.#beside.size > this.#places.length >> 2) this.#grow()
  }

  /** Removes the call of a stream; returns whether there was one. */
  delete(stream: number): boolean {
    const place = stream & this.#mask
    if (this.#places[place]?.stream === stream) this.#places[place] = undefined
    else if (this.#beside.size === 0 || !this.#beside.delete(stream)) return false
    this.#size -= 1
    return true
  }

  /** All calls as they are now. */
  all(): T[] {
    return [...this.#places.filter((call) => call !== undefined), ...this.#beside.values()]
  }

  /** Whether one of them fits. */
  some(fits: (call: T) => boolean): boolean {
    if (this.#places.some((call) => call !== undefined && fits(call))) return true
    for (const call of this.#beside.values()) if (fits(call)) return true
    return false
  }

  /** Removes all. */
  clear(): void {
    this.#places.fill(undefined)
    this.#beside.clear()
    this.#size = 0
  }

  #put(call: T): void {
    const place = call.stream & this.#mask
    if (this.#places[place] === undefined) this.#places[place] = call
    else this.#beside.set(call.stream, call)
  }

  #grow(): void {
    const calls = this.all()
    this.#places = new Array(this.#places.length * 2).fill(undefined)
    this.#mask = this.#places.length - 1
    this.#beside.clear()
    for (const call of calls) this.#put(call)
  }
}
