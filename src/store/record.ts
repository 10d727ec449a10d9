/**
 * Records as they lie on disk: a checksum over key and value, and the value.
 *
 * The key is part of the sum, so that a record which turns up under another key is found to be wrong, too. Where records
 * are put until they are written is here as well: slabs of memory that are used again and again.
 */
import { crc32 } from '../checksum/index.js'
import { valueLength } from './keys.js'
import type { Change } from './store.js'

/** What stands in front of a value, in bytes. */
export const checksumBytes = 4

/** Holds the batch of a busy turn: a larger one has memory of its own, which is released. */
const slabBytes = 1_048_576

/** Slabs that are kept for use, beyond those in use. */
const keptSlabs = 4

/** Memory that the changes of several batches share. */
export interface Slab {
  readonly bytes: Buffer
  used: number
  batches: number
}

/** A change as it is written: the copy of a key, and its record or `undefined`. */
export interface SealedChange {
  readonly key: Buffer
  readonly record: Buffer | undefined
}

/** The changes of a batch, all in one slab. */
export interface SealedBatch {
  readonly changes: readonly SealedChange[]
  readonly slab: Slab
}

/** Seals batches and takes their memory back. */
export class Sealer {
  #current = newSlab(slabBytes)
  readonly #free: Slab[] = []

  /** Copies the changes of a batch, each with its checksum. */
  seal(batch: readonly Change[]): SealedBatch {
    let size = 0
    for (const { key, value } of batch) size += key.length + (value ? checksumBytes + valueLength(value) : 0)
    const slab = this.#slabFor(size)
    const changes: SealedChange[] = new Array(batch.length)
    for (let at = 0; at < batch.length; at++) changes[at] = sealChange(batch[at] as Change, slab)
    slab.batches++
    return { changes, slab }
  }

  /** Takes the memory of a batch back, once nothing reads it any more. */
  release({ slab }: SealedBatch): void {
    if (--slab.batches > 0) return
    slab.used = 0
    if (slab !== this.#current && slab.bytes.length === slabBytes && this.#free.length < keptSlabs)
      this.#free.push(slab)
  }

  #slabFor(size: number): Slab {
    if (size > slabBytes) return newSlab(size)
    if (this.#current.used + size > slabBytes) this.#current = this.#free.pop() ?? newSlab(slabBytes)
    return this.#current
  }
}

/** The checksum that stands in front of a record; -1 if it is too short to hold one. */
export function storedChecksum(record: Uint8Array): number {
  if (record.length < checksumBytes) return -1
  const word = ((record[0] as number) << 24) | ((record[1] as number) << 16) | ((record[2] as number) << 8)
  return (word | (record[3] as number)) >>> 0
}

/** The checksum of the key and the value of a record as they were found. */
export function foundChecksum(key: Uint8Array, record: Uint8Array): number {
  return crc32(record, Math.min(checksumBytes, record.length), record.length, crc32(key, 0, key.length))
}

function newSlab(size: number): Slab {
  // of its own, not out of Node's pool: the library asks once for the address of each piece of memory
  return { bytes: Buffer.allocUnsafeSlow(size), used: 0, batches: 0 }
}

function sealChange({ key, value }: Change, slab: Slab): SealedChange {
  const { bytes } = slab
  const start = slab.used
  const keyEnd = start + key.length
  bytes.set(key, start)
  const sealedKey = bytes.subarray(start, keyEnd)
  if (value === undefined) {
    slab.used = keyEnd
    return { key: sealedKey, record: undefined }
  }
  let end = keyEnd + checksumBytes
  if (value instanceof Uint8Array) {
    bytes.set(value, end)
    end += value.length
  } else {
    for (const part of value) {
      bytes.set(part, end)
      end += part.length
    }
  }
  slab.used = end
  bytes.writeUInt32BE(crc32(bytes, keyEnd + checksumBytes, end, crc32(bytes, start, keyEnd)), keyEnd)
  return { key: sealedKey, record: bytes.subarray(keyEnd, end) }
}
