/** `defineAsk`: what the compiler infers of both sides, what does not compile, and which schemas go together. */
import t from 'tap'
import type { Answerer, AskContext } from '../../patterns/messaging/answers.js'
import {
  type AnswerInputOf,
  type AnswerOf,
  type Ask,
  type AskErrorNames,
  type AskErrorOf,
  codecOfAsk,
  defineAsk,
  isAsk,
  isAskError,
  type QueryInputOf,
  type QueryOf,
} from '../../patterns/messaging/define-ask.js'
import { type DeclaredError, defineSchema, record } from '../../src/avro/index.js'
import { World } from './asking.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** For intersections, which `Equal` tells apart from the object that they amount to. */
type Mutual<A, B> = [A, B] extends [B, A] ? true : false
const holds = <_Claim extends true>(): void => {}

const Position = defineSchema(record('Position', { x: 'int', y: 'int' }))
const Query = defineSchema({
  type: 'record',
  name: 'LookupQuery',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'limit', type: 'int', default: 10 },
  ],
})
const Answer = defineSchema({
  type: 'record',
  name: 'LookupAnswer',
  fields: [
    { name: 'price', type: 'double' },
    { name: 'note', type: ['null', 'string'], default: null },
  ],
})
const UnknownId = defineSchema({ type: 'error', name: 'UnknownId', fields: [{ name: 'id', type: 'string' }] })
const Sold = defineSchema({
  type: 'record',
  name: 'Sold',
  namespace: 'shop',
  fields: [{ name: 'at', type: 'long', default: 0 }],
})

const lookup = defineAsk('lookup', Query, Answer, { errors: [UnknownId, Sold] })
const plain = defineAsk('plain', defineSchema('string'), defineSchema('null'))

t.test('both sides have the types of the schemas', async (t) => {
  holds<Equal<QueryOf<typeof lookup>, { id: string; limit: number }>>()
  holds<Mutual<QueryInputOf<typeof lookup>, { id: string; limit?: number | undefined }>>()
  holds<Equal<AnswerOf<typeof lookup>, { price: number; note: string | null }>>()
  holds<Mutual<AnswerInputOf<typeof lookup>, { price: number; note?: string | null | undefined }>>()
  holds<Equal<AskErrorNames<typeof lookup>, 'UnknownId' | 'shop.Sold'>>()
  holds<
    Equal<
      AskErrorOf<typeof lookup>,
      DeclaredError<'UnknownId', { id: string }> | DeclaredError<'shop.Sold', { at: number }>
    >
  >()
  holds<Equal<QueryOf<typeof plain>, string>>()
  holds<Equal<AnswerOf<typeof plain>, null>>()
  holds<Equal<AskErrorNames<typeof plain>, never>>()
  holds<Equal<Parameters<Answerer<typeof lookup>>[1], AskContext>>()
  const any: Ask = lookup
  t.ok(isAsk(any))
  t.notOk(isAsk(Query))
})

t.test('what one side asks the other answers, with defaults filled in and errors told apart', async (t) => {
  const world = new World()
  const [shop, buyer] = [world.peer('shop'), world.peer('buyer')]
  world.link(shop.node, buyer.node)
  shop.answer(lookup, ({ id, limit }, { from }) => {
    if (id === 'x') throw lookup.error('UnknownId', { id })
    if (id === 'sold') throw lookup.error('shop.Sold', {})
    return { price: limit + from.name.length }
  })
  shop.answer(plain, (text) => (text === 'hello' ? null : Promise.reject(new Error(text))))
  const asked = [
    buyer.ask('shop', lookup, { id: 'a' }),
    buyer.ask('shop', lookup, { id: 'x' }),
    buyer.ask('shop', lookup, { id: 'sold', limit: 5 }),
    buyer.ask('shop', plain, 'hello'),
  ]
  await world.settle()
  t.match(
    asked.map(({ outcomes }) => outcomes[0]),
    [
      { price: 15, note: null },
      { errorName: 'UnknownId', value: { id: 'x' } },
      { errorName: 'shop.Sold', value: { at: 0 } },
      null,
    ],
  )
  const error: unknown = asked[1]?.outcomes[0]
  if (isAskError(lookup, error, 'UnknownId')) holds<Equal<typeof error.value, { id: string }>>()
  t.ok(isAskError(lookup, error, 'UnknownId'))
  t.notOk(isAskError(lookup, error, 'shop.Sold'))
  t.notOk(isAskError(plain, error))
})

t.test('what does not compile is refused', async (t) => {
  const world = new World()
  const [shop, buyer] = [world.peer('shop'), world.peer('buyer')]
  world.link(shop.node, buyer.node)
  // @ts-expect-error the answer lacks its price
  shop.answer(lookup, () => ({ note: 'none' }))
  // @ts-expect-error null where text is due
  shop.answer(plain, (text: null) => text)
  // @ts-expect-error a number where text is due
  const one = buyer.ask('shop', lookup, { id: 1 })
  // @ts-expect-error the query is missing
  const two = buyer.ask('shop', lookup)
  const three = buyer.ask('shop', lookup, { id: 'a' })
  // @ts-expect-error an error that is not declared
  t.throws(() => lookup.error('Other', {}), { code: 'RIVULET_INVALID_OPTION' })
  // @ts-expect-error a number where text is due
  t.throws(() => lookup.error('UnknownId', { id: 5 }), { code: 'RIVULET_INVALID_MESSAGE' })
  await world.settle()
  for (const { outcomes } of [one, two]) t.match(outcomes, [{ code: 'RIVULET_INVALID_MESSAGE', executed: 'no' }])
  t.match(three.outcomes, [{ code: 'RIVULET_INTERNAL', executed: 'maybe' }])
})

t.test('query, answer and errors may use the same types', async (t) => {
  const Far = defineSchema(
    {
      type: 'error',
      name: 'map.TooFar',
      fields: [
        { name: 'from', type: '.Position' },
        { name: 'all', type: { type: 'array', items: '.Position' } },
      ],
    },
    { types: [Position] },
  )
  const Path = defineSchema({ type: 'array', items: 'Position' }, { types: [Position] })
  const route = defineAsk('route', Position, Path, { errors: [Far] })
  const optional = defineAsk(
    'optional',
    defineSchema(['null', 'Position'], { types: [Position] }),
    defineSchema({ type: 'map', values: { type: 'map', values: 'Position' } }, { types: [Position] }),
  )
  const world = new World()
  const [one, other] = [world.peer('one'), world.peer('other')]
  world.link(one.node, other.node)
  one.answer(route, (from) => {
    if (from.x < 0) throw route.error('map.TooFar', { from, all: [from] })
    return [from, { x: 0, y: 0 }]
  })
  one.answer(optional, (position) => ({ a: position === null ? {} : { b: position } }))
  const asked = [
    other.ask('one', route, { x: 1, y: 2 }),
    other.ask('one', route, { x: -1, y: 2 }),
    other.ask('one', optional, { x: 5, y: 6 }),
  ]
  await world.settle()
  t.match(
    asked.map(({ outcomes }) => outcomes[0]),
    [
      [
        { x: 1, y: 2 },
        { x: 0, y: 0 },
      ],
      { errorName: 'map.TooFar', value: { from: { x: -1, y: 2 }, all: [{ x: -1, y: 2 }] } },
      { a: { b: { x: 5, y: 6 } } },
    ],
  )
  const Moved = defineSchema(record('Position', { x: 'string' }))
  t.throws(() => defineAsk('bad', Position, Moved), { code: 'RIVULET_INVALID_SCHEMA' })
})

t.test('types that refer to themselves, logical types and longs as bigint', async (t) => {
  const Tree = defineSchema(
    {
      type: 'record',
      name: 'Tree',
      namespace: 'forest',
      fields: [
        { name: 'size', type: 'long' },
        { name: 'planted', type: { type: 'long', logicalType: 'timestamp-millis' } },
        { name: 'branches', type: { type: 'array', items: 'Tree' } },
      ],
    },
    { long: 'bigint' },
  )
  const grow = defineAsk('grow', Tree, Tree, { long: 'bigint' })
  const world = new World()
  const peer = world.peer('forest')
  peer.answer(grow, (tree) => ({ ...tree, size: tree.size + 1n, branches: [tree] }))
  const planted = new Date(5)
  const { outcomes } = peer.ask('forest', grow, { size: 2n ** 60n, planted, branches: [] })
  await world.settle()
  t.match(outcomes, [{ size: 2n ** 60n + 1n, planted, branches: [{ size: 2n ** 60n, planted, branches: [] }] }])
})

t.test('names and options are checked', async (t) => {
  const bad = { code: 'RIVULET_INVALID_OPTION' }
  for (const name of ['', 'x'.repeat(256), 5, '\ud800']) t.throws(() => defineAsk(name as string, Query, Answer), bad)
  t.throws(() => defineAsk('a', {} as never, Answer), bad)
  t.throws(() => defineAsk('a', Query, undefined as never), bad)
  t.throws(() => defineAsk('a', Query, Answer, { errors: [defineSchema('string')] }), bad)
  t.throws(() => defineAsk('a', Query, Answer, { idempotant: true } as never), bad)
  const named = defineAsk('any name: ünïcode / dots.and-dashes', Query, Answer, { idempotent: true })
  t.equal(codecOfAsk(named).methods.get('ask')?.idempotent, true)
  t.equal(named.hash.length, 32)
  t.not(named.hash, lookup.hash)
})
