/**
 * What our parser accepts as one's own schema, avsc accepts too: generated schemas with parts replaced at random. So the
 * same schemas are valid where avsc is asked and where it is not.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type AvroSchema, isRivuletError } from '../../src/avro/index.js'
import { parseSchema } from '../../src/avro/parse.js'
import { parseProtocol } from '../../src/avro/parse-protocol.js'
import { selfContainedProtocol } from '../../src/avro/self-contained.js'
import { samples } from './arbitraries.js'
import { avro, withAvsc } from './oracle.js'
import { checkWithSeeds } from './seeds.js'

const atoms: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 2 ** 40, '', 'x', '1', [], {}, [null], '.', 'a.b', 'a..b'],
  ...['constructor', 'toString', '__proto__', ['A', 'constructor'], ['__proto__'], 'ns.valueOf'],
  ...['null', 'int', 'long', 'string', 'bytes', 'double', 'record', 'enum', 'fixed', 'array', 'map', 'error', 'union'],
  ...[
    { type: 'array', items: 'int' },
    { type: 'map', values: 'null' },
    ['null', 'int'],
    ['int', 'int'],
    ['null', { type: 'record', name: 'toString', fields: [] }],
    { type: 'int' },
  ],
  { type: 'record', name: 'R', fields: [{ name: 'a', type: 'int', default: 1 }] },
  { type: 'enum', name: 'ns1.E1', symbols: ['S'] },
  { type: 'fixed', name: 'F', namespace: 'ns', size: 2 },
]
const keys = [
  'type',
  'name',
  'namespace',
  'fields',
  'items',
  'values',
  'symbols',
  'size',
  'default',
  'aliases',
  'order',
]
const edit = fc.record({
  place: fc.nat(),
  key: fc.constantFrom(...keys),
  atom: fc.constantFrom(...atoms),
  drop: fc.boolean(),
})

/** Replaces, adds or drops one part of a schema. */
function edited(schema: AvroSchema, { place, key, atom, drop }: typeof edit extends fc.Arbitrary<infer E> ? E : never) {
  const copy = JSON.parse(JSON.stringify(schema)) as AvroSchema
  const objects: Record<string, unknown>[] = []
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    objects.push(node as Record<string, unknown>)
    for (const inner of Object.values(node)) visit(inner)
  }
  visit(copy)
  const object = objects[place % Math.max(1, objects.length)]
  if (object === undefined) return atom as AvroSchema
  const own = Object.keys(object)
  const at = Array.isArray(object) || place % 2 === 0 ? (own[place % Math.max(1, own.length)] ?? key) : key
  if (drop && !Array.isArray(object)) delete object[at]
  else object[at] = JSON.parse(JSON.stringify(atom))
  return copy
}

function accept<T>(define: () => T): T | undefined {
  try {
    return define()
  } catch (error) {
    assert.ok(isRivuletError(error, 'RIVULET_INVALID_SCHEMA'), String(error))
    return undefined
  }
}

t.test('avsc refuses no schema that we accept', withAvsc, async (t) => {
  let accepted = 0
  checkWithSeeds(
    fc.property(samples, fc.array(edit, { minLength: 1, maxLength: 2 }), ({ schema }, edits) => {
      const changed = edits.reduce(edited, schema)
      if (accept(() => parseSchema(changed, 'own')) === undefined) return
      accepted++
      avro.Type.forSchema(
        changed as never,
        {
          registry: Object.create(null),
          noAnonymousTypes: true,
        } as object,
      )
    }),
    3_000,
  )
  t.ok(accepted > 250, String(accepted))
})

t.test('avsc refuses no protocol that we accept', withAvsc, async (t) => {
  let accepted = 0
  checkWithSeeds(
    fc.property(samples, fc.array(edit, { maxLength: 2 }), ({ schema }, edits) => {
      const fault = { type: 'error', name: 'Fault', fields: [{ name: 'why', type: 'string' }] }
      const call = { request: [{ name: 'a', type: schema }], response: 'int', errors: ['Fault'] }
      const whole = {
        protocol: 'ns.P',
        types: [fault],
        messages: { call, tell: { request: [], response: 'null', 'one-way': true } },
      }
      const protocol = edits.reduce(edited, whole as never)
      if (accept(() => parseProtocol(protocol, 'own')) === undefined) return
      accepted++
      avro.Service.forProtocol(selfContainedProtocol(protocol as never, new Map()), {
        registry: Object.create(null),
        noAnonymousTypes: true,
      } as object)
    }),
    2_000,
  )
  t.ok(accepted > 150, String(accepted))
})
