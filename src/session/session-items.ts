/**
 * The bodies of the session's own items.
 */
import { bufferFull } from '../avro/codec.js'
import { readLong } from '../avro/read-primitives.js'
import { writeLong } from '../avro/write-primitives.js'
import { RivuletError } from '../errors/index.js'
import { violation } from './incoming-streams.js'
import type { ItemBody } from './item.js'

/**
 * The bodies of the session's own items: bytes that were written before, or one number. All are of one class, and what writes the
 * bodies of calls meets few others.
 */
class OwnBody implements ItemBody {
  bytes: Buffer | undefined
  value = 0

  writeBody(bytes: Buffer, _view: DataView, position: number, end: number): number {
    const body = this.bytes
    if (body === undefined) return writeLong(bytes, position, this.value)
    if (position + body.length > end) throw bufferFull
    body.copy(bytes, position)
    return position + body.length
  }
}

function ownBody(bytes: Buffer | undefined): OwnBody {
  const body = new OwnBody()
  body.bytes = bytes
  return body
}

const long = ownBody(undefined)
const copied = ownBody(Buffer.alloc(0))

/** A body without anything in it. */
export const noBody: ItemBody = ownBody(Buffer.alloc(0))

/** The body of an item that is one number; it is lent until the next call. */
export function longItem(value: number): ItemBody {
  long.value = value
  return long
}

/** The body of an item that was written before; it is lent until the next call. */
export function bytesItem(body: Buffer): ItemBody {
  copied.bytes = body
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
