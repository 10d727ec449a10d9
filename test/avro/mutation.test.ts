/** Mutated messages: whatever happens to the bytes, decoding gives a value of the schema or the one error for it. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type AvroSchema, defineSchema, isRivuletError } from '../../src/avro/index.js'
import { checkWithSeeds, share } from './seeds.js'

const fields: { name: string; type: AvroSchema }[] = [
  { name: 'id', type: 'long' },
  { name: 'count', type: 'int' },
  { name: 'name', type: 'string' },
  { name: 'price', type: 'double' },
  { name: 'flag', type: 'boolean' },
  { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B', 'C'] } },
  { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 6 } },
  { name: 'body', type: 'bytes' },
  { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: 'day', type: { type: 'int', logicalType: 'date' } },
  { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
  { name: 'tags', type: { type: 'array', items: ['null', 'string'] } },
  { name: 'nothing', type: { type: 'array', items: 'null' } },
  { name: 'prices', type: { type: 'map', values: { type: 'array', items: 'float' } } },
  { name: 'next', type: ['null', 'Node'] },
]
const Node = defineSchema({ type: 'record', name: 'Node', fields })
const Narrow = defineSchema({ type: 'record', name: 'Node', fields: fields.slice(5, 6) })

const leaf = {
  id: 2 ** 40,
  count: -300,
  name: 'Grüße, 世界',
  price: 1.5,
  flag: true,
  kind: 'B',
  hash: Buffer.from('abcdef'),
  body: Buffer.from('some bytes'),
  at: new Date(1_700_000_000_000),
  day: '2024-02-29',
  amount: '-12.50',
  tags: ['a', null, 'a longer tag than sixteen bytes'],
  nothing: [null, null],
  prices: { x: [1, 2], y: [] },
  next: null,
}
const original = Node.encode({ ...leaf, next: { ...leaf, next: leaf } })

const mutation = fc.record({
  operation: fc.constantFrom('flip', 'set', 'insert', 'remove', 'cut', 'repeat'),
  at: fc.nat({ max: original.length - 1 }),
  byte: fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 0x55),
  length: fc.integer({ min: 1, max: 12 }),
})

function mutate(
  bytes: Buffer,
  { operation, at, byte, length }: { operation: string; at: number; byte: number; length: number },
): Buffer {
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (operation) {
    case 'flip':
      return Buffer.from(bytes.map((old, index) => (index === at ? old ^ (1 << (length % 8)) : old)))
    case 'set':
      return Buffer.from(bytes.map((old, index) => (index === at ? byte : old)))
    case 'insert':
      return Buffer.concat([before, Buffer.alloc(length, byte), after])
    case 'remove':
      return Buffer.concat([before, after.subarray(length)])
    case 'cut':
      return Buffer.from(before)
    default:
      return Buffer.concat([before, after.subarray(0, length), after])
  }
}

t.test('ten thousand mutated messages', async (t) => {
  let refused = 0
  checkWithSeeds(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const bytes = mutations.reduce(mutate, original)
      for (const read of [() => Node.decode(bytes), () => Narrow.decode(bytes, { writer: Node })]) {
        try {
          const value = read()
          if (value !== null && typeof value === 'object' && 'id' in value) assert.deepEqual(Node.check(value), [])
        } catch (error) {
          assert.ok(isRivuletError(error, 'RIVULET_DECODE_FAILED'), String(error))
          refused++
        }
      }
    }),
    10_000,
  )
  t.ok(refused > share(5_000))
  t.equal((Node.decode(original) as typeof leaf).name, leaf.name, 'the next good message decodes')
})

t.test('random bytes', async () => {
  checkWithSeeds(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        assert.deepEqual(Node.check(Node.decode(bytes)), [])
      } catch (error) {
        assert.ok(isRivuletError(error, 'RIVULET_DECODE_FAILED'), String(error))
      }
    }),
    4_000,
  )
})
