/** Schemas that are refused, each with the path of the place, and odd ones that are not. */
import assert from 'node:assert/strict'
import t from 'tap'
import { codecOf } from '../../src/avro/codec.js'
import { type AvroSchema, defineSchema, isRivuletError } from '../../src/avro/index.js'

const record = (fields: unknown[], name = 'R') => ({ type: 'record', name, fields })
const field = (type: unknown, rest: object = {}) => record([{ name: 'f', type, ...rest }])

function pathsOf(schema: unknown): string[] {
  try {
    defineSchema(schema as AvroSchema)
  } catch (error) {
    assert.ok(isRivuletError(error, 'RIVULET_INVALID_SCHEMA'), String(error))
    return error.issues.map((issue) => issue.path)
  }
  return assert.fail('the schema was accepted')
}

t.test('refused, with the path', async (t) => {
  const nested = (levels: number): unknown => (levels === 0 ? 'int' : { type: 'array', items: nested(levels - 1) })
  const many = Array.from({ length: 4_097 }, (_, index) => ({ name: `f${index}`, type: 'int' }))
  const cycle: Record<string, unknown> = { type: 'array' }
  cycle.items = cycle
  const cases: [string, unknown, string[]][] = [
    ['unknown type', field('flot'), ['f']],
    ['unknown type in an array', field({ type: 'array', items: 'flot' }), ['f[]']],
    [
      'unknown type in a map in a record',
      field(record([{ name: 'm', type: { type: 'map', values: 'x' } }], 'I')),
      ['f.m{}'],
    ],
    ['the name of a method', 'constructor', ['']],
    ['an object of such a type', { type: 'toString' }, ['']],
    ['no schema', field(undefined), ['f']],
    ['a number', 5, ['']],
    ['undefined', undefined, ['']],
    ['null', null, ['']],
    ['no JSON', 5n, ['']],
    ['a circle', cycle, ['']],
    ['no name', { type: 'record', fields: [] }, ['']],
    ['a bad name', record([], 'a-b'), ['']],
    ['a bad namespace', { ...record([]), namespace: 'a..b' }, ['']],
    ['the name of a primitive', record([], 'x.int'), ['']],
    ['a word of the language', record([], 'record'), ['']],
    ['a prototype as a name', record([], '__proto__'), ['']],
    ['a bad field name', record([{ name: 'a b', type: 'int' }]), ['']],
    ['a prototype as a field', record([{ name: '__proto__', type: 'int' }]), ['__proto__']],
    [
      'a field twice',
      record([
        { name: 'f', type: 'int' },
        { name: 'f', type: 'int' },
      ]),
      ['f'],
    ],
    [
      'a type twice',
      record([
        { name: 'a', type: record([], 'I') },
        { name: 'b', type: record([], 'I') },
      ]),
      ['b'],
    ],
    ['bad aliases', { ...record([]), aliases: 'x' }, ['']],
    ['no fields', { type: 'record', name: 'R' }, ['']],
    ['no items', { type: 'array' }, ['[]']],
    ['no symbols', { type: 'enum', name: 'E', symbols: [] }, ['']],
    ['a bad symbol', { type: 'enum', name: 'E', symbols: ['a b'] }, ['']],
    ['a symbol twice', { type: 'enum', name: 'E', symbols: ['A', 'A'] }, ['']],
    ['an unknown default of an enum', { type: 'enum', name: 'E', symbols: ['A'], default: 'B' }, ['']],
    ['no size', { type: 'fixed', name: 'F' }, ['']],
    ['a negative size', { type: 'fixed', name: 'F', size: -1 }, ['']],
    ['a fractional size', { type: 'fixed', name: 'F', size: 1.5 }, ['']],
    ['a huge size', { type: 'fixed', name: 'F', size: 2 ** 31 }, ['']],
    ['an empty union', [], ['']],
    ['a union in a union', ['null', ['int']], ['']],
    ['a branch twice', ['null', 'null'], ['']],
    [
      'two arrays',
      [
        { type: 'array', items: 'int' },
        { type: 'array', items: 'long' },
      ],
      [''],
    ],
    ['two numbers', field(['null', 'int', 'double']), ['f']],
    ['a default of another type', field('int', { default: 'x' }), ['f']],
    ['a default beyond an int', field('int', { default: 2 ** 31 }), ['f']],
    ['a default beyond a long', field('long', { default: 2 ** 53 }), ['f']],
    ['a default that is no symbol', field({ type: 'enum', name: 'E', symbols: ['A'] }, { default: 'toString' }), ['f']],
    ['a default of a later branch', field(['null', 'string'], { default: 'x' }), ['f']],
    ['a default without a branch', field(['null', 'int'], { default: 'x' }), ['f']],
    ['a default that never ends', record([{ name: 'f', type: 'R', default: {} }]), ['f']],
    ['a default beyond bytes', field('bytes', { default: '\u0100' }), ['f']],
    ['types too deep', nested(33), [`${'[]'.repeat(33)}`]],
    ['types far too deep', nested(2_000), ['[]'.repeat(33)]],
    ['too many fields', record(many), ['']],
    ['too much text', { ...record([]), doc: 'x'.repeat(65_536) }, ['']],
  ]
  for (const [name, schema, paths] of cases) t.same(pathsOf(schema), paths, name)
})

t.test('defaults hold a bounded number of values, so that a short text costs little', async (t) => {
  const isTaken = (schema: unknown) => t.doesNotThrow(() => defineSchema(schema as AvroSchema))
  const ints = { type: 'array', items: 'int' }
  const listOf = (count: number) => record([{ name: 'f', type: ints, default: Array(count).fill(1) }])
  isTaken(listOf(4095)) // and the list itself
  t.same(pathsOf(listOf(4096)), ['f'])
  // each level holds the one below twice, and all of them are defaults: about 4 · 2ⁿ values
  const levels = (count: number): unknown => {
    const [first, second] = count === 0 ? ['int', 'int'] : [levels(count - 1), `L${count - 1}`]
    const value = count === 0 ? 1 : {}
    const fields = [
      { name: 'a', type: first, default: value },
      { name: 'b', type: second, default: value },
    ]
    return record(fields, `L${count}`)
  }
  isTaken(levels(9))
  t.ok(pathsOf(levels(10)).length > 0)
})

t.test('a default that explodes is refused in time', async (t) => {
  const fields = Array.from({ length: 40 }, (_, level) => {
    const inner = level === 0 ? 'int' : `L${level - 1}`
    const rest = level === 0 ? { default: 1 } : { default: {} }
    const twice = [
      { name: 'a', type: inner, ...rest },
      { name: 'b', type: inner, ...rest },
    ]
    return { name: `f${level}`, type: record(twice, `L${level}`), default: {} }
  })
  t.ok(pathsOf(record(fields)).length > 0)
  // few values, but much text: each level holds the long string twice
  const long = record(
    Array.from({ length: 14 }, (_, level) => {
      const inner = level === 0 ? 'string' : `L${level - 1}`
      const rest = { default: level === 0 ? 'x'.repeat(20_000) : {} }
      const twice = ['a', 'b'].map((name) => ({
        name,
        type: inner,
        ...(name === 'b' && level === 0 ? { default: '' } : rest),
      }))
      return { name: `f${level}`, type: record(twice, `L${level}`), default: {} }
    }),
  )
  t.ok(pathsOf(long).length > 0)
})

t.test('all issues are listed, and foreign text is shortened', async (t) => {
  const wrong = record([
    { name: 'a', type: 'nope' },
    { name: 'b', type: 'x'.repeat(1_000) },
    { name: 'c', type: 'int' },
  ])
  t.same(pathsOf(wrong), ['a', 'b'])
  try {
    defineSchema(wrong as AvroSchema)
  } catch (error) {
    t.ok(isRivuletError(error) && error.message.length < 300)
  }
})

t.test('hostile schemas of writers are refused', async (t) => {
  const { readerFor } = codecOf(defineSchema('int'))
  const texts = ['', '{', '[]', '"toString"', '{"type":"__proto__"}', '['.repeat(60_000), `"${'x'.repeat(70_000)}"`]
  for (const text of texts) t.throws(() => readerFor(text), { code: 'RIVULET_INVALID_SCHEMA' })
  const named = (name: string) => JSON.stringify({ type: 'record', name, fields: [{ name, type: 'nope' }] })
  for (const text of [named('x'.repeat(30_000)), named('x'.repeat(30_000)).replace('nope', 'int')]) {
    try {
      readerFor(text)
      t.fail('the reader took the schema')
    } catch (error) {
      t.ok(isRivuletError(error) && error.message.length < 1_000, 'a message does not carry the names of a stranger')
    }
  }
})

t.test('names of Object.prototype are names like others', async (t) => {
  const Odd = defineSchema({
    type: 'record',
    name: 'toString',
    fields: [
      { name: 'constructor', type: 'int', default: 5 },
      { name: 'valueOf', type: { type: 'record', name: 'hasOwnProperty', fields: [] }, default: {} },
      { name: 'toString', type: 'string' },
    ],
  })
  const value = Odd.decode(Odd.encode({ toString: 'x' } as never))
  t.equal(JSON.stringify(value), '{"constructor":5,"valueOf":{},"toString":"x"}')
  t.throws(() => Odd.encode({} as never), { code: 'RIVULET_INVALID_MESSAGE', issues: [{ path: 'toString' }] })
})

t.test('the literal is copied and frozen, the object of the caller is not', async (t) => {
  const json = { type: 'record' as const, name: 'R', fields: [{ name: 'a', type: 'int' as const }] }
  const Schema = defineSchema(json)
  t.same(Schema.json, json)
  t.not(Schema.json, json)
  t.notOk(Object.isFrozen(json))
  t.ok(Object.isFrozen(Schema.json) && Object.isFrozen(Schema.json.fields[0]))
})

t.test('a field of a writer that an object cannot hold is skipped', async (t) => {
  const writer =
    '{"type":"record","name":"R","fields":[{"name":"__proto__","type":"string"},{"name":"a","type":"int"}]}'
  const Reader = defineSchema({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }] })
  t.same(Reader.decode(Buffer.from([2, 65, 4]), { writer: JSON.parse(writer) }), { a: 2 })
})
