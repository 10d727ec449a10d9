/** The RPC service that is attacked: what takes no time, what takes for ever, what is large, and what must not be touched. */
import { implement } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { untouchables } from '../support/untouchable.js'

/** The name of the peer that is attacked. */
export const keepName = 'keep'

/** The service. */
export const Keep = defineService({
  protocol: 'Keep',
  messages: {
    echo: {
      request: [
        { name: 'id', type: 'int' },
        { name: 'text', type: 'string', default: '' },
      ],
      response: 'int',
    },
    hold: { request: [{ name: 'id', type: 'int' }], response: 'int' },
    large: { request: [{ name: 'bytes', type: 'int' }], response: 'bytes' },
    items: { request: [{ name: 'bytes', type: 'int' }], response: 'bytes', 'x-stream': 'server' },
    total: { request: [{ name: 'id', type: 'int' }], response: 'long', 'x-stream': 'client' },
    relay: { request: [{ name: 'id', type: 'int' }], response: 'int', 'x-stream': 'duplex' },
    touch: {
      request: [
        { name: 'kind', type: 'int' },
        { name: 'how', type: { type: 'enum', name: 'How', symbols: ['returned', 'thrown', 'rejected'] } },
      ],
      response: 'int',
    },
    touchItems: { request: [{ name: 'kind', type: 'int' }], response: 'int', 'x-stream': 'server' },
  },
})

/** The numbers of the methods, for a peer that has bound the service with 0 as the first. */
export const keepMethods = Object.freeze({ echo: 0, hold: 1, large: 2, items: 3, total: 4, relay: 5, touch: 6 })

const makes = Object.values(untouchables)

/** How many kinds of values must not be touched. */
export const untouchableKinds = makes.length

/** A value that must not be touched. */
export function untouchable(kind: number): unknown {
  return makes[Math.abs(kind) % makes.length]?.()
}

const never = new Promise<number>(() => {})
const mostBytes = 1_000_000

/** What the service does. */
export const keepImplementation = implement(Keep, {
  echo: ({ id }) => id,
  hold: () => never,
  large: ({ bytes }) => Buffer.alloc(Math.min(mostBytes, Math.abs(bytes))),
  *items({ bytes }) {
    const item = Buffer.alloc(Math.min(mostBytes, Math.abs(bytes)))
    for (;;) yield item
  },
  async total(requests) {
    let sum = 0
    for await (const { id } of requests) sum += id
    return sum
  },
  async *relay(requests) {
    for await (const { id } of requests) yield id
  },
  touch({ kind, how }) {
    if (how === 'thrown') throw untouchable(kind)
    if (how === 'rejected') return Promise.reject(untouchable(kind))
    return untouchable(kind) as number
  },
  *touchItems({ kind }) {
    yield untouchable(kind) as number
  },
})
