/** Bodies that nobody mistakes for others: slices of one random memory, so that comparing them costs next to nothing. */
import { bufferFull } from '../../src/avro/codec.js'
import type { ItemBody } from '../../src/session/index.js'
import { Random } from './random.js'

/** The largest body, in bytes. */
export const maxBodyBytes = 4_194_304

const places = 65_521
const pool = new Random(1).bytes(maxBodyBytes + places)

/** A body, by the place in the pool where it begins. */
export interface SentBody {
  readonly place: number
  readonly size: number
}

/** Chooses the place of a body, so that neighbours in any order differ. */
export function placeOf(side: number, stream: number, number: number): number {
  return (Math.imul(side * 7919 + stream * 104_729 + number * 613, 2_654_435_761) >>> 0) % places
}

/** Writes a body. */
export function bodyOf({ place, size }: SentBody): ItemBody {
  return {
    writeBody(bytes, _view, position, end) {
      if (position + size > end) throw bufferFull
      pool.copy(bytes, position, place, place + size)
      return position + size
    },
  }
}

/** Whether bytes are a body. */
export function isBody({ place, size }: SentBody, bytes: Buffer, start: number, end: number): boolean {
  return end - start === size && bytes.compare(pool, place, place + size, start, end) === 0
}
