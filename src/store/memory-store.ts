/**
 * The store in memory: the same promises as on disk, except that nothing outlives the process.
 *
 * Like on disk, a write is seen when it is confirmed and not before, which is at the end of the turn of the event loop that
 * wrote it: a loop that waits for each of its writes leaves others their turns.
 * There are no checksums: nothing lies between what is written and what is read.
 */
import { RivuletError } from '../errors/index.js'
import { integer, resolveOptions } from '../options/index.js'
import { checkBatch, checkKey, valueLength } from './keys.js'
import { SortedTexts } from './sorted-texts.js'
import type { Change, RangeOptions, Store, StoredRecord, StoreUsage } from './store.js'

/** How a store in memory is bounded. */
export interface MemoryStoreOptions {
  /** What the keys and values may take, in bytes, each record counted with `recordCostBytes` more. Default: no bound. */
  readonly maxBytes?: number
}

/** What a record is counted with, beside its key and its value, in bytes. */
export const recordCostBytes = 64

/** Records that a range reads in one look. */
const pieceRecords = 64

const rules = {
  maxBytes: integer({ min: 1, max: Number.MAX_SAFE_INTEGER, fallback: Number.MAX_SAFE_INTEGER }),
}

/** A batch whose turn has not come, its keys as texts and its values as copies. */
interface Waiting {
  readonly changes: ReadonlyArray<readonly [key: string, value: Buffer | undefined]>
  readonly resolve: () => void
  readonly reject: (error: RivuletError) => void
}

/** Makes an empty store in memory. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(resolveOptions('createMemoryStore', options, rules).maxBytes)
}

class MemoryStore implements Store {
  readonly durability = 'memory'
  readonly #limit: number
  readonly #values = new Map<string, Buffer>()
  readonly #order = new SortedTexts()
  #bytes = 0
  #waiting: Waiting[] = []
  #closing: Promise<void> | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  write(batch: readonly Change[]): Promise<void> {
    checkBatch(batch)
    if (this.#closing) return Promise.reject(closedError())
    const changes = batch.map(({ key, value }) => [textOf(key), value && copyOf(value)] as const)
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#settle())
      this.#waiting.push({ changes, resolve, reject })
    })
  }

  get(key: Uint8Array): Uint8Array | undefined {
    checkKey('get', key)
    if (this.#closing) throw closedError()
    const value = this.#values.get(textOf(key))
    return value && Buffer.from(value)
  }

  *range(from?: Uint8Array, to?: Uint8Array, options: RangeOptions = {}): Generator<StoredRecord> {
    const { reverse = false } = options
    let left = options.limit ?? Number.POSITIVE_INFINITY
    let low = from ? textOf(from) : ''
    let high = to && textOf(to)
    while (left > 0) {
      if (this.#closing) throw closedError()
      const count = Math.min(left, pieceRecords)
      const piece = this.#order.slice(low, high, count, reverse).map((text) => {
        return { text, value: Buffer.from(this.#values.get(text) as Buffer) }
      })
      for (const { text, value } of piece) yield { key: Buffer.from(text, 'latin1'), value }
      const last = piece.at(-1)
      if (last === undefined || piece.length < count) return
      left -= piece.length
      if (reverse) high = last.text
      else low = `${last.text}\0`
    }
  }

  usage(): StoreUsage {
    if (this.#closing) throw closedError()
    return { file: 0, used: this.#bytes, free: this.#limit - this.#bytes, limit: this.#limit }
  }

  close(): Promise<void> {
    // the jobs that settle current writes were queued before this
    this.#closing ??= new Promise((resolve) => setImmediate(resolve))
    return this.#closing
  }

  #settle(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { changes, resolve, reject } of waiting) {
      const former = changes.map(([key, value]) => this.#change(key, value))
      if (this.#bytes <= this.#limit) {
        resolve()
        continue
      }
      const wanted = this.#bytes
      for (let at = changes.length - 1; at >= 0; at--)
        this.#change((changes[at] as Waiting['changes'][number])[0], former[at])
      reject(new RivuletError('RIVULET_STORE_FULL', `a store in memory of ${this.#limit} bytes cannot hold ${wanted}`))
    }
  }

  /** Makes one change and returns what was there. */
  #change(key: string, value: Buffer | undefined): Buffer | undefined {
    const former = this.#values.get(key)
    if (former) this.#bytes -= key.length + former.length + recordCostBytes
    if (value) {
      this.#bytes += key.length + value.length + recordCostBytes
      this.#values.set(key, value)
      if (!former) this.#order.add(key)
    } else if (former) {
      this.#values.delete(key)
      this.#order.remove(key)
    }
    return former
  }
}

/** A key as a text of one byte a character: such texts are in the order of the bytes. */
function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

function copyOf(value: Uint8Array | readonly Uint8Array[]): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value)
  return Buffer.concat(value, valueLength(value))
}

function closedError(): RivuletError {
  return new RivuletError('RIVULET_CLOSED', 'a store in memory is closed')
}
