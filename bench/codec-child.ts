/**
 * One process of the benchmark of codecs: encodes and decodes for a while, and prints what a message took.
 *
 * It is started by `codecs.ts` with the milliseconds to warm up and to measure, and with or without the flag of Node that
 * forbids to generate code.
 */
import { defineSchema, type Schema } from 'rivulet/avro'
import { Tick, tick } from './tick.js'

/** Processor time of a message, in nanoseconds. */
export interface CodecCost {
  readonly message: string
  readonly encode: number
  readonly decode: number
}

const Order = defineSchema({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'customer', type: 'string' },
    { name: 'side', type: { type: 'enum', name: 'Side', symbols: ['BUY', 'SELL'] } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'prices', type: { type: 'map', values: 'double' } },
    {
      name: 'lines',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Line',
          fields: [
            { name: 'article', type: 'string' },
            { name: 'count', type: 'int' },
          ],
        },
      },
    },
  ],
})

const order = {
  id: 7,
  customer: 'a customer of some length',
  side: 'BUY',
  at: new Date(1_700_000_000_000),
  prices: { low: 1, high: 2 },
  lines: Array.from({ length: 4 }, (_, count) => ({ article: `article ${count}`, count })),
} as const

const [warmUpMs = 0, forMs = 0] = process.argv.slice(2).map(Number)
let kept: unknown

const costs: CodecCost[] = [cost('4 fields', Tick, tick(1)), cost('order of 4 lines', Order, order)]
console.log(JSON.stringify(costs))

function cost<In>(message: string, schema: Schema<In, unknown>, value: In): CodecCost {
  const bytes = schema.encode(value)
  const encode = () => {
    kept = schema.encode(value)
  }
  const decode = () => {
    kept = schema.decode(bytes)
  }
  return { message, encode: nanoseconds(encode), decode: nanoseconds(decode) }
}

function nanoseconds(action: () => void): number {
  repeat(action, warmUpMs)
  const before = process.cpuUsage()
  const times = repeat(action, forMs)
  const { user, system } = process.cpuUsage(before)
  if (kept === undefined) throw new Error('nothing was made')
  return ((user + system) * 1000) / times
}

function repeat(action: () => void, ms: number): number {
  const end = performance.now() + ms
  let times = 0
  do {
    for (let i = 0; i < 1000; i++) action()
    times += 1000
  } while (performance.now() < end)
  return times
}
