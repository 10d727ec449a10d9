/** Reading what another schema wrote: every rule of Avro's schema resolution, both ways, and every refusal with its path. */
import assert from 'node:assert/strict'
import t from 'tap'
import { codecOf } from '../../src/avro/codec.js'
import { type AvroSchema, defineSchema, isRivuletError, type Schema } from '../../src/avro/index.js'

type Fields = { name: string; type: AvroSchema; default?: unknown; aliases?: string[] }[]

const record = (fields: Fields, name = 'R'): AvroSchema => ({ type: 'record', name, fields })
const enumOf = (...symbols: string[]): AvroSchema => ({ type: 'enum', name: 'E', symbols })
const define = (schema: AvroSchema): Schema => defineSchema(schema)

/** Writes with one schema and reads with another. */
function across(writer: AvroSchema, reader: AvroSchema, value: unknown): unknown {
  const Writer = define(writer)
  return define(reader).decode(Writer.encode(value), { writer: Writer })
}

/** The paths of the issues when the reader cannot take the writer's schema at all. */
function refusedAt(writer: AvroSchema, reader: AvroSchema): string[] {
  try {
    codecOf(define(reader)).readerFor(JSON.stringify(writer))
  } catch (error) {
    assert.ok(isRivuletError(error, 'RIVULET_INCOMPATIBLE_SCHEMA'), String(error))
    for (const { path } of error.issues) assert.ok(error.message.includes(path))
    return error.issues.map((issue) => issue.path)
  }
  return assert.fail('the reader took the schema')
}

const a = { name: 'a', type: 'int' }
const b = { name: 'b', type: 'string' }

t.test('records', async (t) => {
  t.same(across(record([a, b]), record([b, a]), { a: 1, b: 'x' }), { a: 1, b: 'x' }, 'by name, not by order')
  t.same(Object.keys(across(record([a, b]), record([b, a]), { a: 1, b: 'x' }) as object), ['b', 'a'])
  t.same(across(record([a, b]), record([b]), { a: 1, b: 'x' }), { b: 'x' }, 'a field that was removed')
  t.same(across(record([b]), record([b, { ...a, default: 7 }]), { b: 'x' }), { b: 'x', a: 7 }, 'a field with a default')
  const renamed = { name: 'c', type: 'string', aliases: ['old', 'b'] }
  t.same(across(record([a, b]), record([renamed, a]), { a: 1, b: 'x' }), { c: 'x', a: 1 }, 'a field with an alias')
  t.same(across(record([a], 'x.R'), record([a], 'y.R'), { a: 1 }), { a: 1 }, 'another namespace')
  const alias = { type: 'record', name: 'New', aliases: ['R'], fields: [a] } as const
  t.same(across(record([a]), alias, { a: 1 }), { a: 1 }, 'another name with an alias')
  t.same(across({ type: 'error', name: 'R', fields: [a] }, record([a]), { a: 1 }), { a: 1 }, 'an error as a record')
})

t.test('each decoded default is a value of its own', async (t) => {
  const reader = record([a, { name: 'list', type: { type: 'array', items: 'int' }, default: [1] }])
  const Writer = define(record([a]))
  const Reader = define(reader)
  const read = () => Reader.decode(Writer.encode({ a: 1 }), { writer: Writer }) as { list: number[] }
  read().list.push(2)
  t.same(read(), { a: 1, list: [1] })
})

t.test('defaults of every type', async (t) => {
  const fields: [AvroSchema, unknown, unknown][] = [
    ['null', null, null],
    ['boolean', true, true],
    ['long', -5, -5],
    ['double', 1.5, 1.5],
    ['string', 'ü"\u2028', 'ü"\u2028'],
    ['bytes', '\u0000ÿ', Buffer.from([0, 255])],
    [{ type: 'fixed', name: 'F', size: 2 }, 'ab', Buffer.from('ab')],
    [enumOf('A', 'B'), 'B', 'B'],
    [{ type: 'array', items: 'int' }, [1, 2], [1, 2]],
    [{ type: 'map', values: 'int' }, { x: 1 }, { x: 1 }],
    [record([a, { ...b, default: 'y' }], 'Inner'), { a: 1 }, { a: 1, b: 'y' }],
    [['null', 'string'], null, null],
    [['string', 'null'], 'x', 'x'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, 5, new Date(5)],
    [{ type: 'int', logicalType: 'date' }, 1, '1970-01-02'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 }, '\u0001\u0000', '2.56'],
  ]
  for (const [type, json, value] of fields) {
    const field = { name: 'x', type, default: json }
    assert.deepEqual(across(record([]), record([field]), {}), { x: value }, JSON.stringify(type))
    assert.deepEqual(across(record([field]), record([field]), {}), { x: value }, 'written for a field left out')
  }
  const proto = { name: 'x', type: { type: 'map', values: 'int' }, default: JSON.parse('{"__proto__":1}') } as const
  const { x } = across(record([]), record([proto]), {}) as { x: object }
  t.same(Object.keys(x), ['__proto__'])
})

t.test('promotions', async (t) => {
  const taken: [string, string, unknown, unknown][] = [
    ['int', 'long', -3, -3],
    ['int', 'float', 16_777_217, 16_777_216],
    ['int', 'double', 2 ** 30, 2 ** 30],
    ['long', 'float', 2 ** 40, 2 ** 40],
    ['long', 'double', -(2 ** 53) + 1, -(2 ** 53) + 1],
    ['float', 'double', 0.5, 0.5],
    ['string', 'bytes', 'hé', Buffer.from('hé')],
    ['bytes', 'string', Buffer.from('hé'), 'hé'],
  ]
  for (const [from, to, value, expected] of taken) t.same(across(from, to, value), expected, `${from} → ${to}`)
  const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']
  for (const from of primitives) {
    for (const to of primitives) {
      if (from === to || taken.some((row) => row[0] === from && row[1] === to)) continue
      t.same(
        refusedAt(record([{ name: 'x', type: from }]), record([{ name: 'x', type: to }])),
        ['x'],
        `${from} → ${to}`,
      )
    }
  }
  t.throws(() => across('bytes', 'string', Buffer.from([0xff])), { code: 'RIVULET_DECODE_FAILED' })
  const Big = defineSchema('long', { long: 'bigint' })
  t.equal(Big.decode(define('int').encode(-5), { writer: 'int' }), -5n)
  t.equal(define('double').decode(Big.encode(2n ** 62n), { writer: 'long' }), 2 ** 62)
})

t.test('enums', async (t) => {
  const fallback = { type: 'enum', name: 'E', symbols: ['A', 'Z'], default: 'Z' } as const
  t.equal(across(enumOf('A', 'B'), enumOf('B', 'A'), 'B'), 'B', 'by symbol, not by index')
  t.equal(across(enumOf('A', 'B'), fallback, 'B'), 'Z', 'the default for an unknown symbol')
  t.equal(across(enumOf('A', 'B'), enumOf('A'), 'A'), 'A', 'a writer may have more symbols')
  t.throws(
    () =>
      across(record([{ name: 'e', type: enumOf('A', 'B') }]), record([{ name: 'e', type: enumOf('A') }]), { e: 'B' }),
    {
      code: 'RIVULET_INCOMPATIBLE_SCHEMA',
      issues: [{ path: 'e' }],
    },
  )
  t.same(refusedAt(enumOf('X'), enumOf('A')), [''], 'no symbol in common')
  t.same(refusedAt({ type: 'enum', name: 'Other', symbols: ['A'] }, enumOf('A')), [''], 'another name')
})

t.test('fixed', async (t) => {
  const fixed = (name: string, size: number): AvroSchema => ({ type: 'fixed', name, size })
  t.same(across(fixed('x.F', 2), fixed('y.F', 2), Buffer.from('ab')), Buffer.from('ab'))
  t.same(refusedAt(record([{ name: 'f', type: fixed('F', 2) }]), record([{ name: 'f', type: fixed('F', 3) }])), ['f'])
  t.same(refusedAt(fixed('F', 2), fixed('G', 2)), [''])
  t.same(refusedAt(fixed('F', 2), 'bytes'), [''])
})

t.test('arrays and maps', async (t) => {
  t.same(across({ type: 'array', items: 'int' }, { type: 'array', items: 'double' }, [1, 2]), [1, 2])
  t.same(across({ type: 'map', values: 'int' }, { type: 'map', values: ['null', 'long'] }, { x: 1 }), { x: 1 })
  const lines = (type: AvroSchema) =>
    record([{ name: 'lines', type: { type: 'array', items: record([{ name: 'price', type }], 'Line') } }], 'Order')
  t.same(refusedAt(lines('string'), lines('int')), ['lines[].price'])
  const prices = (type: AvroSchema) => record([{ name: 'prices', type: { type: 'map', values: type } }])
  t.same(refusedAt(prices('string'), prices('int')), ['prices{}'])
  t.same(refusedAt({ type: 'array', items: 'int' }, { type: 'map', values: 'int' }), [''])
})

t.test('unions', async (t) => {
  t.equal(across('int', ['null', 'long'], 5), 5, 'a writer without a union')
  t.equal(across(['null', 'int'], 'int', 5), 5, 'a reader without a union')
  t.throws(
    () => across(['null', 'int'], 'int', null),
    { code: 'RIVULET_INCOMPATIBLE_SCHEMA' },
    'only the null is refused',
  )
  t.equal(across(['null', 'string', 'int'], ['null', 'string'], 'x'), 'x')
  t.throws(() => across(['null', 'string', 'int'], ['null', 'string'], 5), { code: 'RIVULET_INCOMPATIBLE_SCHEMA' })
  t.same(
    across(['string', 'bytes'], ['string', 'bytes', 'null'], Buffer.from([255])),
    Buffer.from([255]),
    'the same type first',
  )
  t.equal(across('bytes', ['null', 'string'], Buffer.from('x')), 'x', 'then a promotion')
  t.same(across('int', [{ type: 'array', items: 'int' }, 'float'], 5), 5, 'the first branch that can take it')
  const shapes = [record([a], 'x.A'), record([b], 'x.B')]
  t.same(across(shapes, [...shapes, 'null'], { 'x.B': { b: 'y' } }), { 'x.B': { b: 'y' } })
  t.same(across(record([a], 'x.A'), shapes, { a: 1 }), { 'x.A': { a: 1 } }, 'into a wrapped union')
  t.same(across(shapes, record([a], 'x.A'), { 'x.A': { a: 1 } }), { a: 1 }, 'out of a wrapped union')
  const numbers = codecOf(define('double')).readerFor('["int","long","double"]')
  const bytes = Buffer.from([2, 6])
  t.equal(
    numbers(bytes, new DataView(bytes.buffer, bytes.byteOffset), { position: 0 }, 2),
    3,
    'a union Rivulet would not define',
  )
  t.same(refusedAt(record([{ name: 'u', type: ['null', 'string'] }]), record([{ name: 'u', type: 'int' }])), ['u'])
  t.same(refusedAt(record([{ name: 'u', type: 'string' }]), record([{ name: 'u', type: ['null', 'int'] }])), ['u'])
  const deep = (type: AvroSchema) => record([{ name: 'u', type: ['null', record([{ name: 'x', type }], 'I')] }])
  t.throws(() => across(deep('string'), deep('int'), { u: { x: 'y' } }), {
    code: 'RIVULET_INCOMPATIBLE_SCHEMA',
    issues: [{ path: 'u.x' }],
  })
  t.same(across(deep('string'), deep('int'), { u: null }), { u: null })
})

t.test('logical types', async (t) => {
  const long = (logicalType: string): AvroSchema => ({ type: 'long', logicalType })
  const decimal = (precision: number, scale: number): AvroSchema => ({
    type: 'bytes',
    logicalType: 'decimal',
    precision,
    scale,
  })
  const at = (type: AvroSchema) => record([{ name: 'at', type }])
  t.same(refusedAt(at(long('timestamp-micros')), at(long('timestamp-millis'))), ['at'])
  t.same(refusedAt(at(long('timestamp-millis')), at(long('timestamp-micros'))), ['at'])
  t.same(refusedAt(at(decimal(4, 2)), at(decimal(4, 1))), ['at'])
  t.same(refusedAt(at(decimal(4, 2)), at(decimal(5, 2))), ['at'])
  t.same(refusedAt({ type: 'int', logicalType: 'date' }, long('timestamp-millis')), [''])
  t.same(across('long', long('timestamp-millis'), 5), new Date(5), 'a writer that states none')
  t.equal(across(long('timestamp-millis'), 'long', new Date(5)), 5, 'a reader that states none')
  t.same(across('int', long('timestamp-millis'), 5), new Date(5), 'promoted, then converted')
  t.equal(across(decimal(4, 2), decimal(4, 2), '1.50'), '1.50')
  t.same(across(long('timestamp-micros'), long('timestamp-micros'), 5), 5, 'one that is not converted')
})

t.test('every refusal names its path, and all of them are listed', async (t) => {
  const writer = record([a, { name: 'in', type: record([b], 'In') }])
  const reader = record([
    { name: 'a', type: 'string' },
    { name: 'in', type: record([{ name: 'c', type: 'int' }], 'In') },
    { name: 'd', type: 'int' },
  ])
  t.same(refusedAt(writer, reader), ['a', 'in.c', 'd'])
  t.same(refusedAt(record([a], 'Other'), record([a])), [''], 'another name')
  t.same(refusedAt(record([a]), 'string'), [''])
})

t.test('recursive types', async (t) => {
  const tree = (fields: Fields, name = 'T') =>
    record([...fields, { name: 'kids', type: { type: 'array', items: name } }], name)
  const value = {
    a: 1,
    kids: [
      { a: 2, kids: [] },
      { a: 3, kids: [{ a: 4, kids: [] }] },
    ],
  }
  t.same(
    across(
      tree([a]),
      tree([
        { name: 'a', type: 'long' },
        { ...b, default: '' },
      ]),
      value,
    ),
    {
      a: 1,
      b: '',
      kids: [
        { a: 2, b: '', kids: [] },
        { a: 3, b: '', kids: [{ a: 4, b: '', kids: [] }] },
      ],
    },
  )
  t.same(refusedAt(tree([a]), tree([{ name: 'a', type: 'string' }])), ['a'])
})

t.test('the writer may be given as a schema, as JSON and as text', async (t) => {
  const Writer = defineSchema({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }] })
  const Reader = define(record([{ name: 'a', type: 'double' }]))
  const bytes = Writer.encode({ a: 1 })
  for (const writer of [Writer, Writer.json, JSON.stringify(Writer.json)])
    t.same(Reader.decode(bytes, { writer }), { a: 1 })
  t.equal(define('long').decode(Buffer.from([2]), { writer: 'int' }), 1)
})

t.test('readers are cached by the text, refusals too', async (t) => {
  const codec = codecOf(define(record([{ name: 'a', type: 'double' }])))
  const text = JSON.stringify(record([a]))
  t.equal(codec.readerFor(text), codec.readerFor(text))
  t.equal(codec.readerFor(codec.text), codec.read)
  for (let round = 0; round < 2; round++) {
    t.throws(() => codec.readerFor('"int"'), { code: 'RIVULET_INCOMPATIBLE_SCHEMA' })
    t.throws(() => codec.readerFor('{"type":'), { code: 'RIVULET_INVALID_SCHEMA' })
    t.throws(() => codec.readerFor('"constructor"'), { code: 'RIVULET_INVALID_SCHEMA' })
  }
  for (let index = 0; index < 1_000; index++)
    codec.readerFor(JSON.stringify({ ...(record([a]) as object), doc: `${index}` }))
  t.not(codec.readerFor(text), undefined, 'the cache is bounded, and forgets')
})

t.test('a branch that failed in one place fails where it is met again', async (t) => {
  // B of the writer refers to A, whose own resolution fails: what was planned for B must not read half an A
  const bad = (type: AvroSchema): AvroSchema => [
    'null',
    record(
      [
        { name: 'b', type: ['null', record([{ name: 'a', type: ['null', 'A'] }], 'B')] },
        { name: 'x', type },
      ],
      'A',
    ),
    'B',
  ]
  const Writer = define(bad('string'))
  const Reader = define(bad('int'))
  const value = { B: { a: { b: null, x: 'text' } } }
  t.throws(() => Reader.decode(Writer.encode(value), { writer: Writer }), { code: 'RIVULET_INCOMPATIBLE_SCHEMA' })
  t.same(Reader.decode(Writer.encode({ B: { a: null } }), { writer: Writer }), { B: { a: null } })
})
