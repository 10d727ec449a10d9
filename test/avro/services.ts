/** What the tests of services share: a service, and how a value goes over the wire between two codecs. */

import type { ReadValue, ValueCodec } from '../../src/avro/codec.js'
import { defineSchema, defineService } from '../../src/avro/index.js'

export const Tick = defineSchema({
  type: 'record',
  name: 'Tick',
  namespace: 'market',
  fields: [
    { name: 'symbol', type: 'string' },
    { name: 'price', type: 'double' },
  ],
})

/** The protocol as JSON that a test may change. */
export const quotes = () => ({
  protocol: 'Quotes',
  namespace: 'market',
  types: [
    { type: 'record', name: 'Tick', fields: [field('symbol', 'string'), field('price', 'double')] },
    { type: 'error', name: 'UnknownSymbol', fields: [field('symbol', 'string')] },
    { type: 'error', name: 'Closed', namespace: 'desk', fields: [field('until', 'long'), field('why', 'string', '')] },
  ] as Json[],
  messages: {
    last: { request: [field('symbol', 'string')], response: 'Tick', errors: ['UnknownSymbol', 'desk.Closed'] },
    watch: { request: [field('symbol', 'string')], response: 'Tick', 'x-stream': 'server' },
    record: { request: [field('tick', 'Tick')], response: 'long', 'x-stream': 'client', 'x-idempotent': true },
    trade: { request: [field('tick', 'Tick'), field('count', 'int', 1)], response: 'Tick', 'x-stream': 'duplex' },
    note: { request: [field('text', 'string')], 'one-way': true },
  } as { [method: string]: Json },
})

/** JSON that a test changes. */
export interface Json {
  [key: string]: unknown
}

export function field(name: string, type: unknown, ...rest: unknown[]): Json {
  return rest.length === 0 ? { name, type } : { name, type, default: rest[0] }
}

/** Defines a service from JSON, as from a file. */
export const define = (json: unknown) => defineService(JSON.parse(JSON.stringify(json)))

/** Returns the bytes that a codec writes. */
export function bytesOf<In>({ write }: ValueCodec<In, unknown>, value: In): Buffer {
  const bytes = Buffer.alloc(4096)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return bytes.subarray(0, write(value, bytes, view, 0, bytes.length))
}

/** Returns the value that a reader makes of bytes, all of which it must take. */
export function readAll<Out>(read: ReadValue<Out>, bytes: Buffer): Out {
  const cursor = { position: 0 }
  const value = read(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), cursor, bytes.length)
  if (cursor.position !== bytes.length) throw new Error(`${bytes.length - cursor.position} bytes are left over`)
  return value
}
