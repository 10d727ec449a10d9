/** Hostile bytes: each is refused in bounded time and memory, and the next good message of the process still decodes. */
import assert from 'node:assert/strict'
import t from 'tap'
import { type AvroSchema, defineSchema, isRivuletError } from '../../src/avro/index.js'

const varint = (value: bigint | number): Buffer => {
  let zigzag = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  const bytes: number[] = []
  for (; zigzag > 127n; zigzag >>= 7n) bytes.push(Number(zigzag & 127n) | 128)
  return Buffer.from([...bytes, Number(zigzag)])
}
const text = (value: string) => Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)])
const join = (...parts: (Buffer | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part)))
const endless = Buffer.concat([Buffer.alloc(150, 0x80), Buffer.from([0])])

const array = (items: AvroSchema): AvroSchema => ({ type: 'array', items })
const map = (values: AvroSchema): AvroSchema => ({ type: 'map', values })
const record = (name: string, fields: Record<string, AvroSchema>): AvroSchema => ({
  type: 'record',
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
})
const empty = record('Empty', {})
const list = record('List', { next: ['null', 'List'] })
const narrow = record('R', { b: 'int' })

interface Attack {
  name: string
  schema: AvroSchema
  bytes: Buffer
  writer?: AvroSchema
}

const attacks: Attack[] = [
  { name: 'string of 2^40 bytes', schema: 'string', bytes: varint(2n ** 40n) },
  { name: 'string with an endless length', schema: 'string', bytes: endless },
  { name: 'string of negative length', schema: 'string', bytes: varint(-1) },
  { name: 'bytes of 2^40 bytes', schema: 'bytes', bytes: varint(2n ** 40n) },
  { name: 'bytes with an endless length', schema: 'bytes', bytes: endless },
  { name: 'bytes of negative length', schema: 'bytes', bytes: varint(-5) },
  { name: '2^31 nulls', schema: array('null'), bytes: varint(2n ** 31n) },
  { name: '2^26 nulls', schema: array('null'), bytes: join(varint(2n ** 26n), [0]) },
  { name: '65537 nulls', schema: array('null'), bytes: join(varint(65_537), [0]) },
  { name: 'many blocks of nulls', schema: array('null'), bytes: join(...Array(1_000).fill(varint(60_000)), [0]) },
  {
    name: 'many arrays of nulls in one value',
    schema: array(array('null')),
    bytes: join(varint(1_000), ...Array(1_000).fill(join(varint(60_000), [0])), [0]),
  },
  { name: '2^24 empty records', schema: array(empty), bytes: join(varint(2n ** 24n), [0]) },
  { name: '2^22 fixed of no bytes', schema: array({ type: 'fixed', name: 'Z', size: 0 }), bytes: varint(2n ** 22n) },
  { name: '2^25 longs', schema: array('long'), bytes: varint(2n ** 25n) },
  { name: '2^31 longs', schema: array('long'), bytes: varint(2n ** 31n) },
  { name: '2^32 longs', schema: array('long'), bytes: varint(2n ** 32n) },
  { name: '2^25 doubles', schema: array('double'), bytes: join(varint(2), Buffer.alloc(15)) },
  { name: 'an endless count', schema: array('long'), bytes: endless },
  { name: 'a huge second block', schema: array('null'), bytes: join(varint(1), varint(2n ** 50n), [0]) },
  { name: 'a count of −2^53', schema: array('long'), bytes: join(varint(-(2n ** 53n) + 1n), varint(2)) },
  { name: 'a map of 2^50 entries', schema: map('long'), bytes: varint(2n ** 50n) },
  { name: 'a map of 2^50 nulls', schema: map('null'), bytes: varint(2n ** 50n) },
  { name: 'a block of negative size', schema: array('long'), bytes: join(varint(-1), varint(-2), [0, 0]) },
  {
    name: 'a skipped block of negative size',
    schema: narrow,
    writer: record('R', { a: array('long'), b: 'int' }),
    bytes: join(varint(-1), varint(-2), [0, 0]),
  },
  {
    name: '2^53 skipped nulls',
    schema: narrow,
    writer: record('R', { a: array('null'), b: 'int' }),
    bytes: join(varint(2n ** 53n - 1n), [0, 0]),
  },
  {
    name: 'a skipped string beyond the end',
    schema: narrow,
    writer: record('R', { a: 'string', b: 'int' }),
    bytes: join(varint(2n ** 40n), [0]),
  },
  {
    name: 'a skipped long of 16 bytes',
    schema: narrow,
    writer: record('R', { a: 'long', b: 'int' }),
    bytes: Buffer.concat([Buffer.alloc(15, 0x80), Buffer.from([0, 0])]),
  },
  {
    name: 'a skipped map of 2^50 entries',
    schema: narrow,
    writer: record('R', { a: map('long'), b: 'int' }),
    bytes: varint(2n ** 50n),
  },
  {
    name: 'a skipped endless list',
    schema: narrow,
    writer: record('R', { a: list, b: 'int' }),
    bytes: Buffer.alloc(1_000_000, 2),
  },
  { name: 'an endless list', schema: list, bytes: Buffer.alloc(1_000_000, 2) },
  { name: 'a list that ends too deep', schema: list, bytes: join(Buffer.alloc(300, 2), [0]) },
  { name: 'a list without end', schema: record('L', { next: ['L', 'null'] }), bytes: Buffer.from([0]) },
  { name: 'a record that must contain itself', schema: record('Self', { self: 'Self' }), bytes: Buffer.alloc(10) },
  { name: 'a long beyond the safe integers', schema: 'long', bytes: varint(2n ** 60n) },
  { name: 'a long of −2^53', schema: 'long', bytes: varint(-(2n ** 53n)) },
  { name: 'a long of 16 bytes', schema: 'long', bytes: Buffer.concat([Buffer.alloc(15, 0x80), Buffer.from([0])]) },
  { name: 'an int beyond 32 bits', schema: 'int', bytes: varint(2n ** 31n) },
  { name: 'an endless int', schema: 'int', bytes: endless },
  { name: 'a boolean of 7', schema: 'boolean', bytes: Buffer.from([7]) },
  { name: 'invalid UTF-8, short', schema: 'string', bytes: Buffer.from([4, 0xff, 0xfe]) },
  { name: 'invalid UTF-8, long', schema: 'string', bytes: join(varint(40), Buffer.alloc(40, 0xc3)) },
  { name: 'an unknown symbol', schema: { type: 'enum', name: 'E', symbols: ['A', 'B'] }, bytes: varint(9) },
  { name: 'a negative symbol', schema: { type: 'enum', name: 'E', symbols: ['A', 'B'] }, bytes: varint(-1) },
  { name: 'no symbol at all', schema: { type: 'enum', name: 'E', symbols: ['A', 'B'] }, bytes: Buffer.alloc(0) },
  { name: 'an unknown branch', schema: ['null', 'string'], bytes: varint(5) },
  { name: 'a negative branch', schema: ['null', 'string'], bytes: varint(-1) },
  { name: 'half a double', schema: 'double', bytes: Buffer.alloc(3) },
  { name: 'half a float', schema: 'float', bytes: Buffer.alloc(3) },
  { name: 'half a fixed', schema: { type: 'fixed', name: 'F', size: 4 }, bytes: Buffer.alloc(3) },
  { name: 'bytes left over', schema: 'int', bytes: Buffer.from([2, 2]) },
  { name: 'a key beyond the end', schema: map('null'), bytes: join(varint(1), varint(2n ** 30n)) },
  {
    name: 'a decimal of a million bytes',
    schema: { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 2 },
    bytes: join(varint(1_000_000), Buffer.alloc(1_000_000, 0x55)),
  },
]

const Good = defineSchema({
  type: 'record',
  name: 'Good',
  fields: [
    { name: 'text', type: 'string' },
    { name: 'bytes', type: 'bytes' },
    { name: 'fixed', type: { type: 'fixed', name: 'Four', size: 4 } },
    { name: 'list', type: { type: 'array', items: ['null', 'long'] } },
  ],
})
const good = { text: 'hello', bytes: Buffer.from('world'), fixed: Buffer.from('abcd'), list: [1, null, -3] }

for (const { name, schema, writer, bytes } of attacks) {
  t.test(name, async () => {
    const reader = defineSchema(schema)
    const from = writer === undefined ? {} : { writer: defineSchema(writer) }
    const memory = process.memoryUsage.rss()
    const start = process.cpuUsage()
    assert.throws(
      () => reader.decode(bytes, from),
      (error) => isRivuletError(error, 'RIVULET_DECODE_FAILED'),
    )
    // generous, since the machine may be slow: the attacks would take minutes and gigabytes
    assert.ok(process.cpuUsage(start).user < 1_000_000)
    assert.ok(process.memoryUsage.rss() - memory < 64 * 1024 * 1024)
    assert.deepEqual(Good.decode(Good.encode(good)), good)
  })
}

t.test('a value cut short anywhere is refused', async () => {
  const bytes = Good.encode(good)
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => Good.decode(bytes.subarray(0, length)), { code: 'RIVULET_DECODE_FAILED' })
  }
})

t.test('what is odd but legal is read', async (t) => {
  t.equal(defineSchema('long').decode(Buffer.from([0x82, 0x80, 0x80, 0x00])), 1, 'a varint longer than it need be')
  t.equal(defineSchema('long').decode(varint(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER)
  t.same(defineSchema(array('int')).decode(join(varint(-2), varint(2), [2, 4], [0])), [1, 2], 'a block with its size')
  t.equal((defineSchema(array('null')).decode(join(varint(65_536), [0])) as unknown[]).length, 65_536)
  t.equal(defineSchema('string').decode(new Uint8Array([4, 65, 66])), 'AB', 'a Uint8Array')
  t.equal(defineSchema('string').decode(text('\ufffd')), '\ufffd', 'a replacement character that was sent')
  t.same(defineSchema(empty).decode(Buffer.alloc(0)), {})
})

t.test('a map may have any key, and no key changes a prototype', async (t) => {
  const Maps = defineSchema(map(map('string')))
  const inner = join(varint(1), text('toString'), text('boom'), [0])
  const value = Maps.decode(join(varint(1), text('__proto__'), inner, [0])) as Record<string, unknown>
  t.same(Object.keys(value), ['__proto__'])
  t.equal(Object.getPrototypeOf(value), Object.prototype)
  t.equal(typeof value.toString, 'function')
  t.equal(typeof {}.toString, 'function')
  t.same(Maps.decode(Maps.encode(value)), value)
})

t.test('names of Object.prototype are no symbols and no branches', async (t) => {
  const Enum = defineSchema({ type: 'enum', name: 'E', symbols: ['A', 'B'] })
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    t.throws(() => Enum.encode(name as 'A'), { code: 'RIVULET_INVALID_MESSAGE' })
    t.equal(Enum.check(name).length, 1)
  }
  const Union = defineSchema([array('int'), record('A', {}), record('B', {})])
  t.throws(() => Union.encode({ constructor: 'x' } as never), { code: 'RIVULET_INVALID_MESSAGE' })
  for (const name of ['constructor', 'toString', 'valueOf', '__proto__']) {
    const refused = { code: 'RIVULET_INVALID_SCHEMA', message: /every object of JavaScript has/ }
    t.throws(() => defineSchema({ type: 'enum', name: 'F', symbols: ['A', name] }), refused)
    if (name !== '__proto__') t.throws(() => defineSchema(['null', record(name, {})] as AvroSchema), refused)
  }
  const fields = record('Fields', { constructor: 'int', toString: 'int' })
  const Fields = defineSchema(fields)
  t.same(Fields.decode(Fields.encode({ constructor: 1, toString: 2 } as never)), { constructor: 1, toString: 2 })
  t.throws(() => Fields.encode({} as never), { code: 'RIVULET_INVALID_MESSAGE' }, 'an inherited property is none')
})

t.test('nested empty records cost nothing to skip', async (t) => {
  const definitions: AvroSchema[] = [record('Z0', {})]
  for (let level = 1; level <= 60; level++) {
    definitions.push(record(`Z${level}`, { a: `Z${level - 1}`, b: `Z${level - 1}` }))
  }
  const fields = Object.fromEntries(definitions.map((definition, level) => [`f${level}`, definition]))
  const Reader = defineSchema(narrow)
  t.same(Reader.decode(varint(7), { writer: record('R', { ...fields, b: 'int' }) }), { b: 7 })
})

t.test('a value does not keep its frame', async (t) => {
  const Bytes = defineSchema('bytes')
  const frame = Bytes.encode(Buffer.alloc(100, 1))
  const value = Bytes.decode(frame)
  frame.fill(0)
  t.ok(value.every((byte) => byte === 1))
})
