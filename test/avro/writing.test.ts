/** Writing: never beyond the end of the buffer, and `check` refuses exactly what `write` refuses, with the path. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { bufferFull, codecOf } from '../../src/avro/codec.js'
import { type AvroSchema, defineSchema, isRivuletError } from '../../src/avro/index.js'
import { samples } from './arbitraries.js'
import { checkWithSeeds, share } from './seeds.js'

t.test('a buffer that is too short is refused and not written beyond its end', async () => {
  const canary = 0xa5
  checkWithSeeds(
    fc.property(samples, fc.nat({ max: 20 }), ({ schema, values }, start) => {
      const Schema = defineSchema(schema)
      const { write } = codecOf(Schema)
      for (const value of values) {
        const expected = Schema.encode(value)
        const room = expected.length + 64
        const memory = Buffer.alloc(start + room + 8)
        const view = new DataView(memory.buffer, memory.byteOffset, memory.length)
        const step = Math.max(1, Math.floor(room / 80))
        for (let end = start; end <= start + room; end += step) {
          memory.fill(canary)
          let after: number | undefined
          try {
            after = write(value, memory, view, start, end)
          } catch (error) {
            assert.equal(error, bufferFull)
            assert.ok(end < start + room, 'n + 64 bytes are always enough')
          }
          if (after !== undefined) {
            assert.ok(after <= end)
            assert.deepEqual(memory.subarray(start, after), expected)
          }
          assert.ok(memory.subarray(0, start).every((byte) => byte === canary))
          assert.ok(memory.subarray(end).every((byte) => byte === canary))
        }
      }
    }),
    200,
  )
})

t.test('check and write agree on any value', async (t) => {
  let refused = 0
  const odd = fc.oneof(
    fc.anything({
      withBigInt: true,
      withDate: true,
      withTypedArray: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
    }),
    fc.constantFrom<unknown>(undefined, Number.NaN, -0, 2 ** 31, 2 ** 53, 1n, new Date(Number.NaN), '\ud800', 'A', [
      undefined,
    ]),
  )
  checkWithSeeds(
    fc.property(samples, fc.array(odd, { minLength: 3, maxLength: 3 }), ({ schema, values }, others) => {
      const Schema = defineSchema(schema)
      const candidates = [...others]
      for (const value of values) {
        candidates.push([value], { f0: others[0], f1: value })
        if (typeof value === 'object' && value !== null) {
          for (const key of Object.keys(value).slice(0, 3)) candidates.push({ ...value, [key]: others[1] })
          if (Array.isArray(value)) candidates.push([...value, others[2]])
        }
      }
      for (const candidate of candidates) {
        const issues = Schema.check(candidate)
        try {
          Schema.encode(candidate)
          assert.deepEqual(issues, [])
        } catch (error) {
          assert.ok(isRivuletError(error, 'RIVULET_INVALID_MESSAGE'), String(error))
          assert.notDeepEqual(issues, [])
          assert.deepEqual(error.issues, issues)
          refused++
        }
      }
    }),
    1_000,
  )
  t.ok(refused > share(1_000))
})

t.test('the path and the types are named, the value never', async (t) => {
  const Order = defineSchema({
    type: 'record',
    name: 'Order',
    fields: [
      {
        name: 'lines',
        type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'price', type: 'double' }] } },
      },
      { name: 'notes', type: { type: 'map', values: ['null', 'string'] } },
      { name: 'count', type: 'int' },
      { name: 'total', type: 'long' },
    ],
  })
  const value = { lines: [{ price: 1 }, { price: 'secret' }], notes: { 'a b': 7 }, count: 1.5, total: 2 ** 60 }
  const issues = Order.check(value)
  t.same(
    issues.map((issue) => issue.path),
    ['lines[1].price', 'notes["a b"]', 'count', 'total'],
  )
  t.equal(issues[0]?.message, 'expected double, a number, received string')
  try {
    Order.encode(value as never)
  } catch (error) {
    t.ok(isRivuletError(error, 'RIVULET_INVALID_MESSAGE'))
    t.match(String(error), 'lines[1].price: expected double')
    t.notMatch(JSON.stringify(error), 'secret')
  }
  t.same(Order.check({ lines: [], notes: {}, count: 1, total: 1, extra: 'ignored' }), [])
  t.ok(Order.check({ lines: Array(1_000).fill(null), notes: {}, count: 1, total: 1 }).length <= 100, 'not without end')
})

t.test('values of other kinds do not pass for empty ones', async (t) => {
  const Optional = defineSchema({ type: 'record', name: 'O', fields: [{ name: 'a', type: 'int', default: 1 }] })
  const Mapped = defineSchema({ type: 'map', values: 'int' })
  for (const value of [[], new Map(), new Set(), new Date(), Buffer.alloc(1), 'x', null, undefined]) {
    t.throws(() => Optional.encode(value as never), { code: 'RIVULET_INVALID_MESSAGE' })
    t.throws(() => Mapped.encode(value as never), { code: 'RIVULET_INVALID_MESSAGE' })
  }
  class Point {
    a = 5
  }
  t.same(Optional.decode(Optional.encode(new Point())), { a: 5 }, 'an instance is written by its fields')
})

t.test('depth is bounded, also for values in a circle', async (t) => {
  const List = defineSchema({ type: 'record', name: 'List', fields: [{ name: 'next', type: ['null', 'List'] }] })
  interface Link {
    next: Link | null
  }
  const circle: Link = { next: null }
  circle.next = circle
  t.throws(() => List.encode(circle as never), { code: 'RIVULET_INVALID_MESSAGE', message: /nested too deep/ })
  const chain = (length: number): Link => (length === 1 ? { next: null } : { next: chain(length - 1) })
  const deepest = chain(256)
  t.same(List.decode(List.encode(deepest as never)), deepest, 'what can be written can be read')
  t.throws(() => List.encode(chain(257) as never), { code: 'RIVULET_INVALID_MESSAGE' })
  t.equal(List.check(chain(257)).length, 1)
})

t.test('a value may encode while it is encoded, and may throw', async (t) => {
  const Text = defineSchema({
    type: 'record',
    name: 'T',
    fields: [
      { name: 'a', type: 'string' },
      { name: 'b', type: 'string' },
    ],
  })
  const nested = {
    a: 'hello',
    get b() {
      return Text.encode({ a: 'zzzzzzzz', b: 'zzzzzzzz' }).toString('hex')
    },
  }
  t.equal(Text.decode(Text.encode(nested)).a, 'hello')
  const throwing = {
    a: 'x',
    get b(): string {
      throw new Error('from a getter')
    },
  }
  t.same(Text.check(throwing).length, 1)
  t.throws(() => Text.encode(throwing), { code: 'RIVULET_INVALID_MESSAGE', cause: { message: 'from a getter' } })
  t.equal(Text.decode(Text.encode({ a: 'y', b: 'z' })).b, 'z')
})

t.test('encoded buffers do not share bytes, whatever their size', async (t) => {
  const Bytes = defineSchema('bytes')
  const sizes = [0, 1, 100, 5_000, 16_000, 16_384, 100_000, 3_000_000, 10, 9_000]
  const encoded = sizes.map((size, index) => Bytes.encode(Buffer.alloc(size, index + 1)))
  for (const [index, bytes] of encoded.entries()) {
    const value = Bytes.decode(bytes)
    t.equal(value.length, sizes[index])
    t.ok(value.every((byte) => byte === index + 1))
  }
})

t.test('strings of every length and width', async () => {
  const Text = defineSchema('string' as AvroSchema)
  for (const character of ['a', 'é', '世', '😀']) {
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 62, 63, 64, 65, 127, 128, 8_191, 8_192, 70_000]) {
      for (const text of [character.repeat(length), 'a'.repeat(length) + character]) {
        assert.deepEqual(
          Text.encode(text).subarray(-Buffer.byteLength(text) || Number.POSITIVE_INFINITY),
          Buffer.from(text),
        )
        assert.equal(Text.decode(Text.encode(text)), text)
      }
    }
  }
})
