/** The service of the interop tests of calls: as its server has it, and as a program that was written before knows it. */
import type { Handlers } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'

const item = { name: 'item', type: 'string' } as const
const left = { name: 'left', type: 'int' } as const
const SoldOut = { type: 'error', name: 'SoldOut', fields: [item] } as const
const Closed = { type: 'error', name: 'Closed', fields: [{ name: 'until', type: 'long' }] } as const
const price = [
  { name: 'price', type: 'double' },
  { name: 'note', type: 'string' },
] as const

/** A method of each shape, and what tests need to see of a server. */
export const Shop = defineService({
  protocol: 'Shop',
  namespace: 'interop',
  types: [
    { type: 'record', name: 'Stock', fields: [item, left, { name: 'shelf', type: 'string', default: '' }] },
    Closed,
    SoldOut,
  ],
  messages: {
    price: { request: [item], response: 'double' },
    buy: {
      request: [item, { name: 'count', type: 'int', default: 2 }],
      response: 'Stock',
      errors: ['Closed', 'SoldOut'],
    },
    follow: { request: [{ name: 'count', type: 'int' }], response: 'Stock', errors: ['Closed'], 'x-stream': 'server' },
    total: { request: price, response: 'double', 'x-stream': 'client' },
    trade: { request: price, response: 'Stock', 'x-stream': 'duplex' },
    repeat: { request: [{ name: 'text', type: 'string' }], response: 'string' },
    headers: { request: [], response: { type: 'map', values: 'string' } },
    note: { request: [item], response: 'null', 'one-way': true },
    lend: { request: [{ name: 'days', type: 'int' }], response: 'int' },
    wait: { request: [], response: 'int' },
    seen: { request: [], response: { type: 'array', items: 'string' } },
  },
})

/** Its handlers. */
export type ShopHandlers = Handlers<typeof Shop>

/** The text of the server's version. */
export const shopText = serviceOf(Shop).text

/** The text of an older version: fewer fields, other orders, and two methods of which the server wants nothing. */
export const olderText = JSON.stringify({
  protocol: 'Shop',
  namespace: 'interop',
  types: [SoldOut, { type: 'record', name: 'Stock', fields: [left, item] }, Closed],
  messages: {
    haggle: { request: [item], response: 'double' },
    lend: { request: [{ name: 'days', type: 'string' }], response: 'int' },
    buy: { request: [item], response: 'Stock', errors: ['SoldOut', 'Closed'] },
    follow: { request: [{ name: 'count', type: 'int' }], response: 'Stock', errors: ['Closed'], 'x-stream': 'server' },
    price: { request: [item], response: 'double' },
  },
})
