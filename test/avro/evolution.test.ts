/** Generated evolutions of a record, read as avsc reads them: fields come, go, move, are renamed and widened. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type AvroSchema, defineSchema } from '../../src/avro/index.js'
import { avscType, withAvsc } from './oracle.js'
import { checkWithSeeds } from './seeds.js'

interface Pair {
  writer: AvroSchema
  reader: AvroSchema
  value: fc.Arbitrary<unknown>
  fallback: unknown
}

const item = {
  type: 'record',
  name: 'Item',
  fields: [
    { name: 'a', type: 'int' },
    { name: 'b', type: 'string' },
  ],
} as const
const wider = {
  type: 'record',
  name: 'Item',
  fields: [
    { name: 'c', type: 'int', default: 9 },
    { name: 'a', type: 'double' },
  ],
} as const
const items = fc.record({ a: fc.integer(), b: fc.string() }, { noNullPrototype: true })
const symbols = ['A', 'B', 'C']

const pairs: Pair[] = [
  { writer: 'int', reader: 'int', value: fc.integer(), fallback: 1 },
  { writer: 'int', reader: 'long', value: fc.integer(), fallback: 2 },
  { writer: 'int', reader: 'double', value: fc.integer(), fallback: 2.5 },
  { writer: 'long', reader: 'double', value: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), fallback: 0 },
  { writer: 'float', reader: 'double', value: fc.float({ noNaN: true }), fallback: 0 },
  { writer: 'string', reader: 'bytes', value: fc.string({ unit: 'grapheme' }), fallback: 'x' },
  { writer: 'string', reader: ['null', 'string'], value: fc.string(), fallback: null },
  {
    writer: ['null', 'int'],
    reader: ['null', 'string', 'long'],
    value: fc.oneof(fc.constant(null), fc.integer()),
    fallback: null,
  },
  {
    writer: { type: 'array', items: item },
    reader: { type: 'array', items: wider },
    value: fc.array(items, { maxLength: 4 }),
    fallback: [],
  },
  {
    writer: { type: 'map', values: 'int' },
    reader: { type: 'map', values: 'double' },
    value: fc.dictionary(
      fc.string({ maxLength: 4 }).filter((key) => key !== '__proto__'),
      fc.integer(),
      { noNullPrototype: true },
    ),
    fallback: {},
  },
  {
    writer: { type: 'enum', name: 'E', symbols },
    reader: { type: 'enum', name: 'E', symbols: ['C', 'A', 'Z'], default: 'Z' },
    value: fc.constantFrom(...symbols),
    fallback: 'A',
  },
]

const evolution = fc
  .record({
    written: fc.shuffledSubarray([...pairs.keys()]),
    read: fc.shuffledSubarray([...pairs.keys()]),
    renamed: fc.boolean(),
  })
  .chain(({ written, read, renamed }) => {
    const pair = (index: number) => pairs[index] as Pair
    const writer = {
      type: 'record',
      name: 'R',
      fields: written.map((index) => ({ name: `f${index}`, type: pair(index).writer })),
    } as const
    const name = (index: number) => (renamed ? { name: `g${index}`, aliases: [`f${index}`] } : { name: `f${index}` })
    const reader = {
      type: 'record',
      name: 'R',
      fields: read.map((index) => ({ ...name(index), type: pair(index).reader, default: pair(index).fallback })),
    } as const
    const values = Object.fromEntries(written.map((index) => [`f${index}`, pair(index).value]))
    return fc.record({ writer: fc.constant(writer), reader: fc.constant(reader), value: fc.record(values) })
  })

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

t.test('what another version wrote is read as avsc reads it', withAvsc, async () => {
  checkWithSeeds(
    fc.property(evolution, ({ writer, reader, value }) => {
      const Writer = defineSchema(writer as AvroSchema)
      const Reader = defineSchema(reader as AvroSchema)
      const bytes = Writer.encode(value)
      const theirs = avscType(reader)
      const from = avscType(writer)
      const expected = plain(theirs.fromBuffer(bytes, theirs.createResolver(from)))
      assert.deepEqual(Reader.decode(bytes, { writer: Writer }), expected)
      assert.deepEqual(Reader.decode(bytes, { writer: Writer }), expected, 'and again, from the cache')
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => Reader.decode(bytes.subarray(0, length), { writer: Writer }), {
          code: 'RIVULET_DECODE_FAILED',
        })
      }
    }),
    600,
  )
})
