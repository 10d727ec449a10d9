/**
 * Distinct texts in order, for many of them: blocks of sorted texts, each found by bisection.
 *
 * Texts of one byte a character compare as their bytes do. Adding and removing moves at most the texts of one block,
 * wherever it happens; both ends, where a queue lives, are as cheap as the middle.
 */

const largestBlock = 512

/** A set of texts in order. */
export class SortedTexts {
  /** No block is empty, except the only one. */
  #blocks: string[][] = [[]]

  /** Adds a text that is not there. */
  add(text: string): void {
    const at = this.#blockFor(text)
    const block = this.#blocks[at] as string[]
    block.splice(placeIn(block, text), 0, text)
    if (block.length > largestBlock) {
      // what is appended in order fills blocks; else both halves get room
      const appended = at === this.#blocks.length - 1 && block[block.length - 1] === text
      this.#blocks.splice(at + 1, 0, block.splice(appended ? largestBlock : block.length >> 1))
    }
  }

  /** Removes a text that is there. */
  remove(text: string): void {
    const at = this.#blockFor(text)
    const block = this.#blocks[at] as string[]
    block.splice(placeIn(block, text), 1)
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(at, 1)
  }

  /** At most `count` texts that are not before `from`, and before `to`, in order; in reverse the last ones, backwards. */
  slice(from: string, to: string | undefined, count: number, reverse: boolean): string[] {
    const found: string[] = []
    if (reverse) {
      let at = to === undefined ? this.#blocks.length - 1 : this.#blockFor(to)
      for (; at >= 0; at--) {
        const block = this.#blocks[at] as string[]
        let index = to === undefined ? block.length : placeIn(block, to)
        while (--index >= 0) {
          const text = block[index] as string
          if (found.length === count || text < from) return found
          found.push(text)
        }
      }
      return found
    }
    for (let at = this.#blockFor(from); at < this.#blocks.length; at++) {
      const block = this.#blocks[at] as string[]
      for (let index = placeIn(block, from); index < block.length; index++) {
        const text = block[index] as string
        if (found.length === count || (to !== undefined && text >= to)) return found
        found.push(text)
      }
    }
    return found
  }

  /** The last block that begins at or before the text; the first one if none does. */
  #blockFor(text: string): number {
    let low = 0
    let high = this.#blocks.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (((this.#blocks[middle] as string[])[0] as string) <= text) low = middle
      else high = middle
    }
    return low
  }
}

/** How many texts of a block are before a text. */
function placeIn(block: readonly string[], text: string): number {
  let low = 0
  let high = block.length
  if (high > 0 && (block[high - 1] as string) < text) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if ((block[middle] as string) < text) low = middle + 1
    else high = middle
  }
  return low
}
