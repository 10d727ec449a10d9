/**
 * The bodies of the session's own items.
 */
import { bufferFull } from '../avro/codec.js'
import { readLong } from '../avro/read-primitives.js'
import { writeLong } from '../avro/write-primitives.js'
import { RivuletError } from '../errors/index.js'
import { violation } from './incoming-streams.js'
import type { ItemBody } from './item.js'

/** A body without anything in it. */
export const noBody: ItemBody = { writeBody: (_bytes, _view, position) => position }

const long = {
  value: 0,
  writeBody(bytes: Buffer, _view: DataView, position: number): number {
    return writeLong(bytes, position, long.value)
  },
}

/** The body of an item that is one number; it is lent until the next call. */
export function longItem(value: number): ItemBody {
  long.value = value
  return long
}

const copied = {
  body: Buffer.alloc(0) as Buffer,
  writeBody(bytes: Buffer, _view: DataView, position: number, end: number): number {
    const { body } = copied
    if (position + body.length > end) throw bufferFull
    body.copy(bytes, position)
    return position + body.length
  },
}

/** The body of an item that was written before; it is lent until the next call. */
export function bytesItem(body: Buffer): ItemBody {
  copied.body = body
  return copied
}

/** Why a session ends whose peer says goodbye. */
export function goodbyeError(): RivuletError {
  return new RivuletError('RIVULET_CLOSED', 'the peer has closed the session')
}

/** Reads the body of a credit item. */
export function readCredit(bytes: Buffer, start: number, end: number): number {
  const cursor = { position: start }
  const credit = readLong(bytes, cursor, end)
  if (credit < 0 || cursor.position !== end) throw violation('it returns no valid credit')
  return credit
}
