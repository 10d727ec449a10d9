/**
 * Type tests: what is inferred is exactly right, what is wrong does not compile. `tsc --noEmit` is the judge.
 *
 * At run time it only checks that the same values are encoded, so that types and code cannot drift apart.
 */
import t from 'tap'
import {
  type AvroSchema,
  array,
  date,
  decimal,
  defineSchema,
  enumeration,
  fixed,
  type Infer,
  type InferInput,
  type InferOut,
  map,
  nullable,
  record,
  type Schema,
  timestamp,
  type UnknownAvroType,
  union,
  uuid,
} from '../../src/avro/index.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** For intersections, which `Same` tells apart from the object that they amount to. */
type Mutual<A, B> = [A, B] extends [B, A] ? true : false
const holds = <_Claim extends true>(): void => {}

const Order = defineSchema({
  type: 'record',
  name: 'Order',
  namespace: 'm',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'day', type: { type: 'int', logicalType: 'date' } },
    { name: 'key', type: { type: 'string', logicalType: 'uuid' } },
    { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
    { name: 'micros', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'side', type: { type: 'enum', name: 'Side', symbols: ['BUY', 'SELL'] } },
    { name: 'previous', type: 'Side' },
    { name: 'first', type: 'm.Side' },
    { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 2 } },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'attributes', type: { type: 'map', values: { type: 'array', items: 'double' } } },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'quantity', type: 'int', default: 1 },
  ],
})
type Order = Infer<typeof Order>
type OrderInput = InferInput<typeof Order>

interface OrderExpected {
  id: number
  at: Date
  day: string
  key: string
  amount: string
  micros: number
  side: 'BUY' | 'SELL'
  previous: 'BUY' | 'SELL'
  first: 'BUY' | 'SELL'
  hash: Buffer
  tags: string[]
  attributes: { [key: string]: number[] }
  note: string | null
  quantity: number
}
holds<Mutual<Order, OrderExpected>>()
holds<Same<Order['side'], 'BUY' | 'SELL'>>()
holds<Same<Order['note'], string | null>>()
holds<Same<OrderInput['hash'], Uint8Array>>()

const order: OrderInput = {
  id: 1,
  at: new Date(0),
  day: '2024-02-29',
  key: '01234567-89ab-cdef-0123-456789abcdef',
  amount: '1.50',
  micros: 5,
  side: 'BUY',
  previous: 'SELL',
  first: 'BUY',
  hash: new Uint8Array(2),
  tags: ['a'] as readonly string[],
  attributes: { x: [1] },
}

t.test('a record', async (t) => {
  const { note, quantity, hash } = Order.decode(Order.encode(order))
  t.same([note, quantity, hash], [null, 1, Buffer.alloc(2)])
  // @ts-expect-error a symbol that the enum does not have
  t.throws(() => Order.encode({ ...order, side: 'HOLD' }))
  const { id: _id, ...rest } = order
  // @ts-expect-error a field without a default is missing
  t.throws(() => Order.encode(rest))
  // @ts-expect-error a field of another type
  t.throws(() => Order.encode({ ...order, id: '1' }))
  // @ts-expect-error undefined is not null
  t.throws(() => Order.encode({ ...order, tags: undefined }))
  // @ts-expect-error a timestamp is a Date
  t.throws(() => Order.encode({ ...order, at: 5 }))
  const written: { readonly type: 'record'; readonly name: 'Order' } = Order.json
  t.ok(Object.isFrozen(written))
})

t.test('unions', async (t) => {
  const Plain = defineSchema(['null', 'string', 'int', { type: 'long', logicalType: 'timestamp-millis' }])
  holds<Same<Infer<typeof Plain>, null | string | number | Date>>()
  for (const value of [null, 'x', 5, new Date(7)]) t.same(Plain.decode(Plain.encode(value)), value)
  // @ts-expect-error no branch for a boolean
  t.throws(() => Plain.encode(true))

  const Shape = defineSchema({
    type: 'record',
    name: 'x.Box',
    fields: [
      {
        name: 'shape',
        type: [
          'null',
          { type: 'record', name: 'Circle', fields: [{ name: 'r', type: 'double' }] },
          { type: 'record', name: 'Square', fields: [{ name: 'w', type: 'double' }] },
        ],
      },
    ],
  })
  holds<Mutual<Infer<typeof Shape>, { shape: null | { 'x.Circle': { r: number } } | { 'x.Square': { w: number } } }>>()
  t.same(Shape.decode(Shape.encode({ shape: { 'x.Circle': { r: 1 } } })), { shape: { 'x.Circle': { r: 1 } } })
  // @ts-expect-error the branch is not named in full
  t.throws(() => Shape.encode({ shape: { Circle: { r: 1 } } }))

  const Strings = defineSchema(['string', { type: 'int', logicalType: 'date' }])
  holds<Same<Infer<typeof Strings>, { string: string } | { int: string }>>()
  t.same(Strings.decode(Strings.encode({ int: '1970-01-02' })), { int: '1970-01-02' })
})

t.test('recursion', async (t) => {
  const Tree = defineSchema({
    type: 'record',
    name: 'Tree',
    fields: [
      { name: 'value', type: 'int' },
      { name: 'kids', type: { type: 'array', items: 'Tree' } },
      { name: 'up', type: ['null', 'Tree'], default: null },
    ],
  })
  const tree = Tree.decode(Tree.encode({ value: 1, kids: [{ value: 2, kids: [], up: { value: 3, kids: [] } }] }))
  const deep: number | undefined = tree.kids[0]?.up?.value
  t.equal(deep, 3)
  // @ts-expect-error a mistake three levels down
  t.throws(() => Tree.encode({ value: 1, kids: [{ value: 2, kids: [{ value: 'x', kids: [] }] }] }))
})

t.test('longs', async (t) => {
  const Big = defineSchema({ type: 'array', items: ['null', 'long'] }, { long: 'bigint' })
  holds<Same<Infer<typeof Big>, (bigint | null)[]>>()
  t.same(Big.decode(Big.encode([5n, null])), [5n, null])
  // @ts-expect-error a number where longs are bigint
  t.throws(() => Big.encode([5]))
})

t.test('builders infer as literals do', async (t) => {
  const Built = defineSchema(
    record('Built', {
      id: 'long',
      at: timestamp(),
      day: date(),
      key: uuid(),
      price: decimal(9, 2),
      side: enumeration('Side', ['BUY', 'SELL']),
      hash: fixed('Hash', 4),
      note: { schema: nullable('string'), default: null, doc: 'free text' },
      tags: array('string'),
      counts: map('int'),
      either: union('string', 'boolean'),
    }),
  )
  interface Expected {
    id: number
    at: Date
    day: string
    key: string
    price: string
    side: 'BUY' | 'SELL'
    hash: Buffer
    note: string | null
    tags: string[]
    counts: { [key: string]: number }
    either: string | boolean
  }
  holds<Mutual<Infer<typeof Built>, Expected>>()
  const value = {
    id: 1,
    at: new Date(0),
    day: '2024-01-01',
    key: '01234567-89ab-cdef-0123-456789abcdef',
    price: '1.50',
    side: 'SELL',
    hash: Buffer.from('abcd'),
    tags: [],
    counts: { a: 1 },
    either: true,
  } as const
  const input: InferInput<typeof Built> = value
  t.same(Built.decode(Built.encode(input)), { ...value, note: null })
  t.same(Object.keys(Built.json.fields[0] ?? {}), ['name', 'type'], 'plain Avro JSON')
})

t.test('schemas that are no literals', async (t) => {
  const dynamic = defineSchema(JSON.parse('{"type":"array","items":"int"}'))
  holds<Same<Infer<typeof dynamic>, unknown>>()
  const general = defineSchema('int' as AvroSchema)
  holds<Same<Infer<typeof general>, unknown>>()
  const inner = defineSchema({ type: 'array', items: 'int' as AvroSchema })
  holds<Same<Infer<typeof inner>, unknown[]>>()
  t.same(
    [dynamic.decode(dynamic.encode([1])), general.decode(general.encode(1)), inner.encode([1]).length],
    [[1], 1, 3],
  )
  const any: Schema = Order
  t.equal(any.fingerprint, Order.fingerprint)
})

t.test('mistakes in a literal', async (t) => {
  // @ts-expect-error a misspelt type
  t.throws(() => defineSchema({ type: 'recrd', name: 'R', fields: [] }))
  // @ts-expect-error no fields
  t.throws(() => defineSchema({ type: 'record', name: 'R' }))
  holds<Same<InferOut<{ readonly type: 'array'; readonly items: 'Nope' }>, UnknownAvroType<'Nope'>[]>>()
  t.throws(() => defineSchema({ type: 'array', items: 'Nope' }), { code: 'RIVULET_INVALID_SCHEMA' })
})
