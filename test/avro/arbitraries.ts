/**
 * Arbitrary schemas and values for the property tests, without the ones that avsc is known to get wrong.
 *
 * A schema is drawn as a tree without names, which are given afterwards, so that every schema is valid.
 */
import fc from 'fast-check'
import type { AvroSchema } from '../../src/avro/index.js'

type Tree =
  | { kind: 'primitive'; type: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string' }
  | { kind: 'enum'; symbols: number }
  | { kind: 'fixed'; size: number }
  | { kind: 'array' | 'map'; inner: Tree }
  | { kind: 'record' | 'union'; parts: Tree[] }

/** A schema with values of it. */
export interface Sample {
  schema: AvroSchema
  values: unknown[]
}

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({
      kind: fc.constant('primitive' as const),
      type: fc.constantFrom('null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'),
    }),
    fc.record({ kind: fc.constant('enum' as const), symbols: fc.integer({ min: 1, max: 70 }) }),
    fc.record({ kind: fc.constant('fixed' as const), size: fc.integer({ min: 0, max: 80 }) }),
    fc.record({ kind: fc.constantFrom('array' as const, 'map' as const), inner: tie('tree') }),
    fc.record({
      kind: fc.constantFrom('record' as const, 'record' as const, 'union' as const),
      parts: fc.array(tie('tree'), { minLength: 1, maxLength: 6 }),
    }),
  ),
}))

/** Schemas with up to three values each. */
export const samples: fc.Arbitrary<Sample> = tree.chain((root) => {
  const names = { count: 0 }
  const { schema, value } = build(root, names)
  return fc.array(value, { minLength: 1, maxLength: 3 }).map((values) => ({ schema, values }))
})

/** Longs that avsc writes right. */
const avscLong = fc.oneof(
  fc.integer({ min: -100, max: 100 }),
  fc.maxSafeInteger().filter((value) => value > -(2 ** 52) && Math.abs(value) < 2 ** 53 - 2),
)

const primitives: Record<string, fc.Arbitrary<unknown>> = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  int: fc.integer(),
  long: avscLong,
  float: fc.float(),
  double: fc.double(),
  bytes: bytes(0, 100),
  string: fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: 'grapheme', maxLength: 60 })),
}

function bytes(minLength: number, maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array))
}

interface Built {
  schema: AvroSchema
  value: fc.Arbitrary<unknown>
  /** What the branches of a union are told apart by, and the name of one when it is wrapped. */
  look: string
  name: string
}

function build(node: Tree, names: { count: number }): Built {
  switch (node.kind) {
    case 'primitive': {
      const { type } = node
      const isNumber = ['int', 'long', 'float', 'double'].includes(type)
      return {
        schema: type,
        value: primitives[type] as fc.Arbitrary<unknown>,
        look: isNumber ? 'number' : type,
        name: type,
      }
    }
    case 'enum': {
      const name = `ns1.E${++names.count}`
      const symbols = Array.from({ length: node.symbols }, (_, index) => `S${index}`)
      return { schema: { type: 'enum', name, symbols }, value: fc.constantFrom(...symbols), look: 'string', name }
    }
    case 'fixed': {
      const name = `ns2.F${++names.count}`
      const { size } = node
      return { schema: { type: 'fixed', name, size }, value: bytes(size, size), look: 'bytes', name }
    }
    case 'array': {
      const { schema, value } = build(node.inner, names)
      return {
        schema: { type: 'array', items: schema },
        value: fc.array(value, { maxLength: 5 }),
        look: 'array',
        name: 'array',
      }
    }
    case 'map': {
      const { schema, value } = build(node.inner, names)
      const key = fc.string({ unit: 'grapheme', maxLength: 5 }).filter((text) => text !== '__proto__')
      const values = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true })
      return { schema: { type: 'map', values: schema }, value: values, look: 'object', name: 'map' }
    }
    case 'record': {
      const name = `ns${names.count % 3}.R${++names.count}`
      const fields = node.parts.map((part, index) => ({ ...build(part, names), name: `f${index}` }))
      return {
        schema: { type: 'record', name, fields: fields.map((field) => ({ name: field.name, type: field.schema })) },
        value: fc.record(Object.fromEntries(fields.map((field) => [field.name, field.value])), {
          noNullPrototype: true,
        }),
        look: 'object',
        name,
      }
    }
    case 'union':
      return buildUnion(node.parts, names)
  }
}

function buildUnion(parts: Tree[], names: { count: number }): Built {
  const branches: Built[] = []
  for (const part of parts) {
    if (part.kind === 'union') continue
    const branch = build(part, names)
    const twice = branches.some((other) => other.name === branch.name)
    const numbers = branch.look === 'number' && branches.some((other) => other.look === 'number')
    if (!twice && !numbers) branches.push(branch)
  }
  if (branches.length === 0) branches.push(build({ kind: 'primitive', type: 'null' }, names))
  const wrapped = new Set(branches.map((branch) => branch.look)).size < branches.length
  const values = branches.map(({ name, value }) =>
    wrapped && name !== 'null' ? value.map((inner) => ({ [name]: inner })) : value,
  )
  return { schema: branches.map((branch) => branch.schema), value: fc.oneof(...values), look: 'union', name: 'union' }
}
