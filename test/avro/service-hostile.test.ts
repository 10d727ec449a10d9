/** Hostile protocol texts: each costs bounded time and memory, and the next good peer is still understood. */
import assert from 'node:assert/strict'
import t from 'tap'
import { isRivuletError } from '../../src/avro/index.js'
import { type RemoteService, serviceOf } from '../../src/avro/service-codec.js'
import { define, field, quotes } from './services.js'

const record = (name: string, fields: unknown[]) => ({ type: 'record', name, fields })
const range = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index))
const service = (types: unknown, messages: unknown = {}) => JSON.stringify({ protocol: 'P', types, messages })
const call = { request: [], response: 'null' }

/** Methods that a hostile peer finds: of a recursive type, so that there is much to bring together. */
const names = range(40, (index) => `m${index}`)
const tree = record('Tree', [
  ...range(8, (index) => field(`f${index}`, ['null', 'Tree', { type: 'array', items: 'Tree' }, 'string'], null)),
])
const rich = serviceOf(
  define({
    protocol: 'P',
    types: [tree, { type: 'error', name: 'E', fields: [] }],
    messages: Object.fromEntries(
      names.map((name) => [name, { request: [field('tree', 'Tree')], response: 'Tree', errors: ['E'] }]),
    ),
  }),
)
const good = serviceOf(define(quotes()))

/** Everything that this side could ever ask of a peer; how many answers are refusals. */
function askForAll(remote: RemoteService): number {
  let refused = 0
  for (const method of remote.methods.values()) {
    for (const part of ['requestReader', 'responseReader', 'errorReader'] as const) {
      try {
        method[part]()
      } catch (error) {
        assert.ok(isRivuletError(error), String(error))
        refused++
      }
    }
  }
  return refused
}

/** Types that refer to one another, each of which may be read as the tree of this side. */
const chain = (length: number, wrap: (name: string) => unknown) =>
  range(length, (index) => record(`n${index}.Tree`, index === 0 ? [] : [field('f0', wrap(`n${index - 1}.Tree`))]))
const nest = (levels: number): string => `${'{"type":"array","items":'.repeat(levels)}"int"${'}'.repeat(levels)}`
/** Each level of defaults names the one below twice. */
const exploding = (levels: number, name: string) =>
  range(levels, (level) => {
    const inner = level === 0 ? 'int' : `${name}${level - 1}`
    const value = level === 0 ? 1 : {}
    return record(`${name}${level}`, [field('a', inner, value), field('b', inner, value)])
  })

const refusedTexts: [string, string][] = [
  ['no text', ''],
  ['no JSON', '{"protocol":"P"'],
  ['a string', '"P"'],
  ['null', 'null'],
  ['an array', '[]'],
  ['a schema', '{"type":"record","name":"R","fields":[]}'],
  ['too much text', service([], {}) + ' '.repeat(256 * 1024)],
  ['too much text in few characters', service([], { m: { ...call, doc: '\u20ac'.repeat(100_000) } })],
  ['JSON nested deep', '['.repeat(200_000)],
  [
    'types nested deep',
    `{"protocol":"P","messages":{},"types":[{"type":"record","name":"R","fields":[{"name":"a","type":${nest(8_000)}}]}]}`,
  ],
  ['too many messages', service([], Object.fromEntries(range(5_000, (index) => [`m${index}`, call])))],
  [
    'too many fields',
    service(
      range(5, (index) =>
        record(
          `R${index}`,
          range(1_800, (at) => field(`${at}`.replace(/^/, 'f'), 'int')),
        ),
      ),
    ),
  ],
  ['defaults that explode', service(exploding(40, 'X'))],
  ['a type called __proto__', service([{ type: 'enum', name: '__proto__', symbols: ['A'] }])],
  ['types with a prototype', '{"protocol":"P","messages":{},"types":{"__proto__":[]}}'],
]

for (const [name, text] of refusedTexts) {
  t.test(name, async () => {
    bounded(() => {
      for (let time = 0; time < 2; time++) {
        assert.throws(
          () => rich.against(text),
          (error) => isRivuletError(error, 'RIVULET_INVALID_SCHEMA') && error.message.length < 2_000,
        )
      }
    })
  })
}

const taken: [string, string, ((refused: number) => boolean)?][] = [
  [
    'a chain of types',
    service(
      chain(300, (name) => name),
      all('n299.Tree'),
    ),
    (refused) => refused === 0,
  ],
  [
    'a long chain of types',
    service(
      chain(2_900, (name) => name),
      all('n2899.Tree'),
    ),
    (refused) => refused > 0,
  ],
  [
    'a long chain of types in unions of arrays',
    service(
      chain(1_500, (name) => ['null', { type: 'array', items: name }]),
      all('n1499.Tree'),
    ),
    () => true,
  ],
  [
    'a tree of another kind',
    service(
      [
        record(
          'Tree',
          range(8, (at) => field(`f${at}`, ['Tree', 'null', 'string', { type: 'array', items: 'Tree' }])),
        ),
      ],
      all('Tree'),
    ),
  ],
  [
    'many types where there is one',
    service(
      [
        ...range(500, (at) =>
          record(
            `T${at}`,
            range(8, (of) => field(`f${of}`, at === 0 ? 'null' : ['null', `T${at - 1}`, 'string'])),
          ),
        ),
      ],
      all('T499'),
    ),
  ],
  [
    'messages whose defaults explode',
    service(
      exploding(11, 'X'),
      Object.fromEntries(names.map((name) => [name, { request: [field('x', 'X10', {})], response: 'null' }])),
    ),
  ],
  [
    'broken messages',
    service([], Object.fromEntries(range(1_000, (at) => [`m${at}`, { request: at }]))),
    (refused) => refused === 120,
  ],
  [
    'many errors',
    service(
      range(600, (at) => ({ type: 'error', name: `E${at}`, fields: [] })),
      all('string', range(600, (at) => `E${at}`).slice(0, 90)),
    ),
  ],
  [
    'prototypes as names',
    '{"protocol":"P","messages":{"__proto__":{"request":[],"response":"null"},"constructor":{"request":[{"name":"__proto__","type":"int"}],"response":"null"},"m0":{"__proto__":{"request":[]}}}}',
  ],
  [
    'names of no method',
    service([], { '': call, 'a.b': call, '\u0000': call, ['x'.repeat(100_000)]: 5 }),
    (refused) => refused === 0,
  ],
]

function all(type: string, errors: string[] = []) {
  return Object.fromEntries(names.map((name) => [name, { request: [field('tree', type)], response: type, errors }]))
}

for (const [name, text, expected] of taken) {
  t.test(name, async () => {
    bounded(() => {
      let remote: RemoteService
      try {
        remote = rich.against(text)
      } catch (error) {
        assert.ok(expected === undefined && isRivuletError(error, 'RIVULET_INVALID_SCHEMA'), String(error))
        return
      }
      const refused = askForAll(remote)
      assert.equal(askForAll(remote), refused, 'the same again')
      assert.ok(expected?.(refused) ?? true, `${refused} refusals`)
    })
  })
}

t.test('no name of a stranger changes a prototype', async (t) => {
  t.equal(({} as { request?: unknown }).request, undefined)
  t.same(Object.keys(Object.prototype), [])
})

t.test('a message does not carry the text of a stranger at length', async (t) => {
  const secret = 'x'.repeat(50_000)
  t.throws(() => rich.against(service([secret])), { code: 'RIVULET_INVALID_SCHEMA' })
  const remote = rich.against(service([], { m0: { request: [field('tree', secret)], response: 'null' } }))
  try {
    remote.methods.get('m0')?.requestReader()
    t.fail('is broken')
  } catch (error) {
    t.ok(isRivuletError(error) && error.message.length < 1_000)
  }
})

/** Runs an attack: within time and memory, and the next good peer is understood. */
function bounded(attack: () => void): void {
  const memory = process.memoryUsage.rss()
  const start = process.cpuUsage()
  attack()
  // generous, since the machine may be slow: the attacks would take minutes and gigabytes
  const took = process.cpuUsage(start).user / 1000
  assert.ok(took < 3_000, `${took} ms`)
  const grown = process.memoryUsage.rss() - memory
  assert.ok(grown < 256 * 1024 * 1024, `${grown} bytes`)
  assert.equal(askForAll(good.against(JSON.stringify({ ...quotes(), after: start.user }))), 0)
}
