/**
 * Items in the order of a number that each of them carries: the smallest is at hand.
 *
 * An item whose number changes has to be moved; the heap notes where each item is.
 */

/** What a heap orders. */
export interface HeapItem {
  /** The smallest comes first. */
  order: number
  /** Its place in the heap; -1 outside. For the heap alone. */
  place: number
}

/** A binary heap. */
export class OrderHeap<Item extends HeapItem> {
  readonly #items: Item[] = []

  get size(): number {
    return this.#items.length
  }

  /** The item with the smallest number. */
  get first(): Item | undefined {
    return this.#items[0]
  }

  /** Adds an item, or moves one whose number has changed. */
  put(item: Item): void {
    if (item.place < 0) {
      item.place = this.#items.length
      this.#items.push(item)
    }
    this.#up(item)
    this.#down(item)
  }

  /** Removes an item, if it is there. */
  remove(item: Item): void {
    const { place } = item
    if (place < 0) return
    const last = this.#items.pop() as Item
    item.place = -1
    if (last === item) return
    this.#items[place] = last
    last.place = place
    this.put(last)
  }

  #up(item: Item): void {
    const items = this.#items
    let at = item.place
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = items[above] as Item
      if (other.order <= item.order) break
      items[at] = other
      other.place = at
      at = above
    }
    items[at] = item
    item.place = at
  }

  #down(item: Item): void {
    const items = this.#items
    let at = item.place
    for (;;) {
      let below = 2 * at + 1
      if (below >= items.length) break
      const right = items[below + 1]
      if (right !== undefined && right.order < (items[below] as Item).order) below++
      const other = items[below] as Item
      if (other.order >= item.order) break
      items[at] = other
      other.place = at
      at = below
    }
    items[at] = item
    item.place = at
  }
}
