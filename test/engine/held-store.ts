/**
 * A store in the hands of a test: writes are under way until the test lets them be safe, fail, or be lost in a crash.
 *
 * What is under way is not seen by reads, which is the hardest case for who reads.
 */

import type { EngineStore } from '../../src/engine/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { Change, Durability, RangeOptions } from '../../src/store/index.js'
import { SortedTexts } from '../../src/store/sorted-texts.js'

/** A write under way. */
interface Held {
  readonly changes: ReadonlyArray<{ readonly key: string; readonly value: Buffer | undefined }>
  readonly done: (error?: RivuletError) => void
}

/** A store whose writes are held. */
export class HeldStore implements EngineStore {
  readonly durability: Durability = 'flushed'
  /** Is told of each write that begins. */
  onWrite: (changes: readonly Change[]) => void = () => {}
  /** Refuses writes that make the records take more than this, in bytes. */
  maxBytes = Number.POSITIVE_INFINITY
  /** Keys of records that are damaged, as hexadecimal texts; a damaged record is shown, not got. */
  readonly damaged = new Set<string>()
  /** Whether reading fails. */
  isBroken = false
  bytes = 0
  /** Records that were read in ranges. */
  reads = 0
  #values = new Map<string, Buffer>()
  #order = new SortedTexts()
  #held: Held[] = []

  /** Writes under way. */
  get held(): number {
    return this.#held.length
  }

  /** All keys, as hexadecimal texts. */
  get keys(): string[] {
    return this.#order
      .slice('', undefined, this.#values.size, false)
      .map((key) => Buffer.from(key, 'latin1').toString('hex'))
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#mustWork()
    if (this.damaged.has(Buffer.from(key).toString('hex'))) return undefined
    const value = this.#values.get(Buffer.from(key).toString('latin1'))
    return value && Buffer.from(value)
  }

  *range(from: Uint8Array, to: Uint8Array, options: RangeOptions = {}) {
    this.#mustWork()
    let left = options.limit ?? Number.POSITIVE_INFINITY
    let low = Buffer.from(from).toString('latin1')
    const high = Buffer.from(to).toString('latin1')
    while (left > 0) {
      const piece = this.#order.slice(low, high, Math.min(left, 16), false)
      for (const text of piece) {
        const key = Buffer.from(text, 'latin1')
        const damaged = this.damaged.has(key.toString('hex'))
        this.reads += 1
        yield { key, value: Buffer.from(this.#values.get(text) as Buffer), ...(damaged ? { damaged } : undefined) }
      }
      if (piece.length === 0) return
      left -= piece.length
      low = `${piece[piece.length - 1]}\0`
    }
  }

  write(changes: readonly Change[], done: (error?: RivuletError) => void): void {
    this.onWrite(changes)
    const copies = changes.map(({ key, value }) => ({
      key: Buffer.from(key).toString('latin1'),
      value: value && Buffer.concat(value instanceof Uint8Array ? [value] : value),
    }))
    this.#held.push({ changes: copies, done })
  }

  /** Lets the first write under way be safe, or fail because there is no room; tells whether there was one. */
  settle(): boolean {
    const held = this.#held.shift()
    if (!held) return false
    if (this.#fits(held)) {
      this.#apply(held)
      held.done()
    } else {
      held.done(new RivuletError('RIVULET_STORE_FULL', 'a held store is full'))
    }
    return true
  }

  /** Lets the first write under way fail. */
  fail(error: RivuletError): void {
    this.#held.shift()?.done(error)
  }

  /** The store as it is after a crash in which the first so many writes under way were kept. */
  crashed(kept = 0): HeldStore {
    const store = new HeldStore()
    store.maxBytes = this.maxBytes
    for (const [key, value] of this.#values) store.#put(key, value)
    for (const held of this.#held.slice(0, kept)) store.#apply(held)
    return store
  }

  /** Changes a byte of a record, counted from its end if negative. */
  damage(key: Uint8Array, at: number): void {
    const value = this.#values.get(Buffer.from(key).toString('latin1')) as Buffer
    const place = at < 0 ? value.length + at : at
    value[place] = (value[place] as number) ^ 0x55
    this.damaged.add(Buffer.from(key).toString('hex'))
  }

  #fits({ changes }: Held): boolean {
    const isRemoval = changes.every(({ value }) => value === undefined)
    let bytes = this.bytes
    for (const { key, value } of changes) {
      bytes += (value ? value.length + key.length : 0) - this.#sizeOf(key)
    }
    return isRemoval || bytes <= this.maxBytes || bytes <= this.bytes
  }

  #sizeOf(key: string): number {
    const value = this.#values.get(key)
    return value ? value.length + key.length : 0
  }

  #apply({ changes }: Held): void {
    for (const { key, value } of changes) {
      if (value) this.#put(key, value)
      else if (this.#values.has(key)) {
        this.bytes -= this.#sizeOf(key)
        this.#values.delete(key)
        this.#order.remove(key)
      }
      this.damaged.delete(Buffer.from(key, 'latin1').toString('hex'))
    }
  }

  #put(key: string, value: Buffer): void {
    this.bytes += key.length + value.length - this.#sizeOf(key)
    if (!this.#values.has(key)) this.#order.add(key)
    this.#values.set(key, value)
  }

  #mustWork(): void {
    if (this.isBroken) throw new RivuletError('RIVULET_STORE_FAILED', 'a held store cannot be read')
  }
}
