/** No text of a schema reaches generated code, one's own or an untrusted peer's, but names that are plain ones. */
import assert from 'node:assert/strict'
import t from 'tap'
import { mayGenerate } from '../../src/avro/code-generation.js'
import { codecOf } from '../../src/avro/codec.js'
import { type AvroSchema, defineSchema, defineService, isRivuletError, type Schema } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { literal } from '../../src/avro/source.js'
import { canaries, Wild, wildValue } from './wild.js'

const seeds = 120
const fresh = Math.floor(Math.random() * 1e9)
const sources: string[] = []
/** Those of avsc, which is shown one's own schemas: it has names in them, but only such as the parser has accepted. */
const sourcesOfAvsc: string[] = []
let fired = 0

function capture(args: readonly string[]): void {
  const { stack = '' } = new Error()
  const into = stack.includes('/node_modules/avsc/') ? sourcesOfAvsc : sources
  into.push(args.join(';'))
}

globalThis.Function = new Proxy(Function, {
  construct(target, args: string[]) {
    capture(args)
    return Reflect.construct(target, args) as object
  },
  apply(target, self, args: string[]) {
    capture(args)
    return Reflect.apply(target, self, args)
  },
})
Object.assign(globalThis, { canary: () => fired++ })

/** A harmless text for each of an attacker's: as long, and different where they are. */
const substitutes = new Map<string, string>()

function substitute(text: string): string {
  if (isHarmless(text)) return text
  // a text that is no valid default of bytes stays one
  const mark = /[^\0-\xff]/.test(text) ? '\u0101' : ''
  const known = substitutes.get(text) ?? mark + substitutes.size.toString(36).padStart(text.length, 'n')
  substitutes.set(text, known)
  return known
}

/** A schema with harmless texts in the place of an attacker's. */
const harmless = (json: unknown): AvroSchema =>
  JSON.parse(JSON.stringify(json), (_key, value) => {
    if (typeof value === 'string') return substitute(value)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [substitute(key), inner]))
  })

const isHarmless = (text: string): boolean => /^[\w.-]*$/.test(text) && text !== '__proto__' && !/canary/.test(text)

/** Does all that generates code for a schema and a version of it; returns the sources. */
function exercise(schema: AvroSchema, version: AvroSchema, seed: number): string[] {
  const start = sources.length
  const Own = attempt(() => defineSchema(schema)) as Schema | undefined
  if (Own === undefined) return []
  const codec = codecOf(Own)
  attempt(() => Own.decode(Own.encode(wildValue(new Wild(seed).random, schema, new Map()))))
  for (const text of [JSON.stringify(version), codec.text]) {
    attempt(() => codec.readerFor(text))
    attempt(() => codec.skipperFor(text))
  }
  attempt(() => {
    const remote = serviceOf(serviceFor(schema)).against(serviceOf(serviceFor(version)).text)
    const method = remote.methods.get('call')
    for (const part of ['requestReader', 'responseReader', 'errorReader'] as const) attempt(() => method?.[part]())
  })
  return sources.slice(start)
}

function serviceFor(schema: AvroSchema) {
  const fault = {
    type: 'error',
    name: 'Fault',
    doc: canaries[0],
    fields: [{ name: 'why', type: 'string', default: '"' }],
  }
  const call = { doc: canaries[1], request: [{ name: 'given', type: schema }], response: 'string', errors: ['Fault'] }
  return defineService({ protocol: 'q.P', doc: canaries[2], types: [fault], messages: { call } } as never)
}

function attempt(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    assert.ok(isRivuletError(error), String(error))
    return undefined
  }
}

/** What a source may be made of: identifiers, integers, keys in quotes, and what stands between them. */
const token =
  /\s*(?:([A-Za-z_$][\w$]*)|(\d+)|"([A-Za-z0-9_.]*|use strict)"|(=>|[=!<>]==?|<<|>>>?|\+\+|\?\?|&&|\|\||[-+*/%&|^!<>=?:;,.(){}[\]]))/y

/** The text without the keys in quotes; throws if it holds anything but tokens. */
function checked(source: string): Set<string> {
  const words = new Set<string>()
  token.lastIndex = 0
  while (token.lastIndex < source.length) {
    const at = token.lastIndex
    const [, word] = token.exec(source) ?? assert.fail(`no token: ${JSON.stringify(source.slice(at, at + 60))}`)
    if (word !== undefined) words.add(word.replace(/\d+$/, ''))
  }
  return words
}

t.test('sources are the same whatever an attacker writes', { skip: !mayGenerate }, async (t) => {
  const words = new Set<string>()
  let count = 0
  for (let index = 1; index <= seeds; index++) {
    const seed = index <= seeds / 2 ? index : fresh + index
    const wild = new Wild(seed)
    const schema = wild.schema()
    const version = wild.version(schema)
    const hostile = exercise(schema, version, seed)
    const plain = exercise(harmless(schema), harmless(version), seed)
    assert.deepEqual(hostile, plain, `seed ${seed}`)
    for (const source of hostile) for (const word of checked(source)) words.add(word)
    count += hostile.length
  }
  t.ok(count > seeds * 3, `${count} sources`)
  t.equal(fired, 0)
  // fixed, however many schemas there are: what a schema names would be here
  t.ok(words.size < 90, [...words].sort().join(' '))
  t.ok(sourcesOfAvsc.length > seeds, `${sourcesOfAvsc.length} sources of avsc`)
  t.strictSame(
    sourcesOfAvsc.filter((source) => /canary/.test(source)),
    [],
    'avsc has no text in its code that the parser would have refused as a name',
  )
})

t.test('no name that is none is taken, from oneself or a peer', async (t) => {
  const Any = codecOf(defineSchema('string'))
  const refused = { code: 'RIVULET_INVALID_SCHEMA' } as const
  for (const text of canaries.filter((canary) => !/^\w+$/.test(canary))) {
    const schemas: unknown[] = [text, { type: text }]
    for (const name of [text, `a${text}`, `${text}a`, `a.${text}`]) {
      schemas.push({ type: 'record', name, fields: [] }, { type: 'enum', name, symbols: ['A'] })
      schemas.push({ type: 'fixed', name, size: 1 }, { type: 'fixed', name: 'F', namespace: name, size: 1 })
      schemas.push({ type: 'fixed', name: 'F', aliases: [name], size: 1 })
      schemas.push({ type: 'enum', name: 'E', symbols: [name] })
      schemas.push({ type: 'record', name: 'R', fields: [{ name, type: 'int' }] })
      schemas.push({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'int', aliases: [name] }] })
    }
    const before = sources.length
    for (const schema of schemas) {
      assert.throws(() => defineSchema(schema as AvroSchema), refused)
      assert.throws(() => Any.readerFor(JSON.stringify(schema)), refused)
      assert.throws(() => defineService({ protocol: 'P', types: [schema], messages: {} } as never), refused)
    }
    t.equal(sources.length, before, 'no code was generated')
    assert.throws(() => literal(text), 'the generator refuses it too')
    assert.throws(() => literal(`a${text}`))
  }
  t.equal(fired, 0)
})
