/**
 * Items of one stream that came before they were wanted: their bytes, packed behind one another.
 *
 * A buffer for each item would cost several times what a small item holds, and a view of the frame would keep all of it.
 * Credit bounds the bytes of a stream of small items. Items without a byte cost no credit, so their number has a bound of
 * its own; and since an item may be large, all streams of one peer together have one.
 */

/** Items without a byte that may wait. */
export const maxEmptyItems = 65_536

/** What an empty backlog keeps, in bytes: two frames, so that a busy stream does not allocate each of them again. */
const keptBytes = 131_072

/** A smaller buffer goes to others when it is empty: most of very many streams are idle. So many wait for their next use. */
const smallBytes = 1024
const maxSpares = 64

/** Memory for items. */
class Room {
  readonly bytes: Buffer
  readonly view: DataView

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
    this.view = new DataView(this.bytes.buffer)
  }
}

const none = new Room(0)
const spares: Room[] = []

/** What the backlogs of one peer may hold together. */
export class BacklogBudget {
  readonly #maxBytes: number
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Takes room; returns whether there was any. There is for one item, whatever its size. */
  take(bytes: number): boolean {
    if (this.#usedBytes > 0 && this.#usedBytes + bytes > this.#maxBytes) return false
    this.#usedBytes += bytes
    return true
  }

  /** Gives room back. */
  giveBack(bytes: number): void {
    this.#usedBytes -= bytes
  }
}

/** Bodies of items, first in, first out. */
export class ItemBacklog {
  readonly #budget: BacklogBudget
  #room = none
  /** Where each item ends, from `#next` on. */
  #ends: number[] = []
  #next = 0
  #start = 0
  #end = 0
  #empty = 0

  constructor(budget: BacklogBudget) {
    this.#budget = budget
  }

  /** Items that wait. */
  get length(): number {
    return this.#ends.length - this.#next
  }

  /** The bytes that `start` and the result of `shift` are places in: to be taken before the `shift`. */
  get bytes(): Buffer {
    return this.#room.bytes
  }

  get view(): DataView {
    return this.#room.view
  }

  /** Where the first item begins. */
  get start(): number {
    return this.#start
  }

  /** Takes a copy of an item; returns false, and takes none, if too many wait already. */
  push(bytes: Buffer, start: number, end: number): boolean {
    const size = end - start
    if (size === 0) {
      if (this.#empty === maxEmptyItems) return false
      this.#empty += 1
    } else if (!this.#budget.take(size)) {
      return false
    }
    if (this.#end + size > this.#room.bytes.length) this.#makeRoom(size)
    bytes.copy(this.#room.bytes, this.#end, start, end)
    this.#end += size
    this.#ends.push(this.#end)
    return true
  }

  /** Removes the first item and returns where it ends; its bytes stay as they are until the next `push` of any backlog. */
  shift(): number {
    const end = this.#ends[this.#next++] as number
    if (end === this.#start) this.#empty -= 1
    this.#budget.giveBack(end - this.#start)
    this.#start = end
    if (this.#next === this.#ends.length) {
      this.#ends = []
      this.#next = 0
      this.#start = 0
      this.#end = 0
      if (this.#room.bytes.length > keptBytes) this.#room = none
      else if (this.#room.bytes.length === smallBytes) this.#giveSmall()
    } else if (this.#next >= 1024 && this.#next * 2 >= this.#ends.length) {
      this.#ends = this.#ends.slice(this.#next)
      this.#next = 0
    }
    return end
  }

  /** Forgets all. */
  clear(): void {
    this.#budget.giveBack(this.#end - this.#start)
    this.#ends = []
    this.#next = 0
    this.#start = 0
    this.#end = 0
    this.#empty = 0
    this.#room = none
  }

  #makeRoom(size: number): void {
    const waiting = this.#end - this.#start
    // where items left and others come, half of it stays free, so that moving costs each byte at most once
    const needed = this.#start === 0 ? waiting + size : (waiting + size) * 2
    const old = this.#room
    const roomy = needed <= old.bytes.length ? old : roomFor(needed)
    old.bytes.copy(roomy.bytes, 0, this.#start, this.#end)
    if (this.#start > 0) {
      this.#ends = this.#ends.slice(this.#next).map((end) => end - this.#start)
      this.#next = 0
    }
    this.#start = 0
    this.#end = waiting
    this.#room = roomy
  }

  #giveSmall(): void {
    if (spares.length < maxSpares) spares.push(this.#room)
    this.#room = none
  }
}

/** Memory for so many bytes: a power of two, so that it is the right one for items that differ a little. */
function roomFor(bytes: number): Room {
  return (bytes <= smallBytes && spares.pop()) || new Room(Math.max(smallBytes, 2 ** Math.ceil(Math.log2(bytes))))
}
