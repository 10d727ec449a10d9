/**
 * Type tests of services: what is inferred is exactly right, what is wrong does not compile. `tsc --noEmit` is the judge.
 *
 * At run time it checks that the same code runs, so that types and code cannot drift apart.
 */
import t from 'tap'
import {
  type AvroProtocol,
  type DeclaredError,
  defineSchema,
  defineService,
  type ErrorNames,
  type ErrorsOf,
  isDeclaredError,
  type MethodNames,
  type MethodShape,
  type RequestInputOf,
  type RequestOf,
  type ResponseInputOf,
  type ResponseOf,
  type Service,
  type ShapeOf,
  type UnknownAvroType,
} from '../../src/avro/index.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** For intersections, which `Same` tells apart from the object that they amount to. */
type Mutual<A, B> = [A, B] extends [B, A] ? true : false
const holds = <_Claim extends true>(): void => {}

const Tick = defineSchema({
  type: 'record',
  name: 'Tick',
  namespace: 'market',
  fields: [
    { name: 'symbol', type: 'string' },
    { name: 'price', type: 'double' },
    { name: 'volume', type: 'long', default: 0 },
  ],
})

const Quotes = defineService({
  protocol: 'Quotes',
  namespace: 'market',
  types: [
    Tick.json,
    { type: 'enum', name: 'Side', symbols: ['BUY', 'SELL'] },
    { type: 'error', name: 'UnknownSymbol', fields: [{ name: 'symbol', type: 'string' }] },
    {
      type: 'error',
      name: 'Rejected',
      namespace: 'desk',
      fields: [
        { name: 'reason', type: 'string' },
        { name: 'fatal', type: 'boolean', default: false },
      ],
    },
  ],
  messages: {
    last: {
      doc: 'The last tick.',
      request: [{ name: 'symbol', type: 'string' }],
      response: 'Tick',
      errors: ['UnknownSymbol', 'desk.Rejected'],
      'x-idempotent': true,
      'x-cost': 5,
    },
    watch: { request: [{ name: 'symbol', type: 'string' }], response: 'market.Tick', 'x-stream': 'server' },
    record: { request: [{ name: 'tick', type: 'Tick' }], response: 'long', 'x-stream': 'client' },
    trade: {
      request: [
        { name: 'side', type: 'Side' },
        { name: 'count', type: 'long', default: 1 },
      ],
      response: ['null', 'Tick'],
      'x-stream': 'duplex',
    },
    note: { request: [{ name: 'text', type: 'string' }], 'one-way': true },
    mark: { request: [], response: 'null', 'one-way': true },
    ping: { request: [], response: 'null' },
  },
})
type Quotes = typeof Quotes

holds<Same<MethodNames<Quotes>, 'last' | 'watch' | 'record' | 'trade' | 'note' | 'mark' | 'ping'>>()
holds<Mutual<RequestOf<Quotes, 'last'>, { symbol: string }>>()
holds<Mutual<ResponseOf<Quotes, 'last'>, { symbol: string; price: number; volume: number }>>()
holds<Mutual<ResponseOf<Quotes, 'watch'>, { symbol: string; price: number; volume: number }>>()
holds<Mutual<ResponseInputOf<Quotes, 'last'>, { symbol: string; price: number; volume?: number | undefined }>>()
holds<Mutual<RequestOf<Quotes, 'record'>, { tick: { symbol: string; price: number; volume: number } }>>()
holds<Same<ResponseOf<Quotes, 'record'>, number>>()
holds<Mutual<RequestOf<Quotes, 'trade'>, { side: 'BUY' | 'SELL'; count: number }>>()
holds<Mutual<RequestInputOf<Quotes, 'trade'>, { side: 'BUY' | 'SELL'; count?: number | undefined }>>()
holds<Mutual<ResponseOf<Quotes, 'trade'>, null | { symbol: string; price: number; volume: number }>>()
holds<Same<ResponseOf<Quotes, 'note'>, null>>()
holds<Same<ResponseOf<Quotes, 'mark'>, null>>()
holds<Same<ResponseOf<Quotes, 'ping'>, null>>()

holds<Same<ShapeOf<Quotes, 'last'>, 'unary'>>()
holds<Same<ShapeOf<Quotes, 'watch'>, 'server'>>()
holds<Same<ShapeOf<Quotes, 'record'>, 'client'>>()
holds<Same<ShapeOf<Quotes, 'trade'>, 'duplex'>>()
holds<Same<ShapeOf<Quotes, 'note'>, 'one-way'>>()
holds<Same<ShapeOf<Quotes, 'mark'>, 'one-way'>>()

holds<Same<ErrorNames<Quotes, 'last'>, 'UnknownSymbol' | 'desk.Rejected'>>()
holds<Same<ErrorNames<Quotes, 'watch'>, never>>()
holds<Same<ErrorsOf<Quotes, 'watch'>, never>>()
holds<
  Mutual<
    ErrorsOf<Quotes, 'last'>,
    | DeclaredError<'UnknownSymbol', { symbol: string }>
    | DeclaredError<'desk.Rejected', { reason: string; fatal: boolean }>
  >
>()

t.test('the literal and its types', async (t) => {
  const any: Service = Quotes
  t.equal(any.name, 'market.Quotes')
  const name: 'Quotes' = Quotes.json.protocol
  t.equal(name, 'Quotes')
  const cost: 5 = Quotes.json.messages.last['x-cost']
  t.equal(cost, 5)
  // @ts-expect-error no such method
  type Nope = RequestOf<Quotes, 'nope'>
  t.equal(undefined as Nope | undefined, undefined)
})

t.test('declared errors', async (t) => {
  const made = Quotes.error('last', 'desk.Rejected', { reason: 'closed' })
  holds<Same<typeof made.errorName, 'desk.Rejected'>>()
  holds<Mutual<typeof made.value, { reason: string; fatal: boolean }>>()
  t.same(made.value, { reason: 'closed', fatal: false })
  // @ts-expect-error the method does not declare it
  t.throws(() => Quotes.error('last', 'Rejected', { reason: 'x' }), { code: 'RIVULET_INVALID_OPTION' })
  // @ts-expect-error the method declares no errors
  t.throws(() => Quotes.error('watch', 'UnknownSymbol', { symbol: 'x' }), { code: 'RIVULET_INVALID_OPTION' })
  // @ts-expect-error no such method
  t.throws(() => Quotes.error('lost', 'UnknownSymbol', { symbol: 'x' }), { code: 'RIVULET_INVALID_OPTION' })
  // @ts-expect-error the value of another error
  t.throws(() => Quotes.error('last', 'UnknownSymbol', { reason: 'x' }), { code: 'RIVULET_INVALID_MESSAGE' })
  // @ts-expect-error a value of another type
  t.throws(() => Quotes.error('last', 'UnknownSymbol', { symbol: 5 }), { code: 'RIVULET_INVALID_MESSAGE' })

  const caught: unknown = made
  if (!isDeclaredError(Quotes, 'last', caught)) throw new Error('not declared')
  holds<Mutual<typeof caught, ErrorsOf<Quotes, 'last'>>>()
  switch (caught.errorName) {
    case 'UnknownSymbol':
      holds<Same<typeof caught.value.symbol, string>>()
      t.fail('another error')
      break
    case 'desk.Rejected': {
      const reason: string = caught.value.reason
      t.equal(reason, 'closed')
    }
  }
  const again: unknown = made
  if (!isDeclaredError(Quotes, 'last', again, 'desk.Rejected')) throw new Error('another name')
  holds<Same<typeof again.errorName, 'desk.Rejected'>>()
  const fatal: boolean = again.value.fatal
  t.notOk(fatal)
  t.notOk(isDeclaredError(Quotes, 'last', again as unknown, 'UnknownSymbol'))
  // @ts-expect-error the method does not declare it
  t.notOk(isDeclaredError(Quotes, 'last', again as unknown, 'Other'))
})

t.test('types of other schemas, longs, definitions inside messages', async (t) => {
  const Books = defineService(
    {
      protocol: 'desk.Books',
      types: [{ type: 'record', name: 'Book', fields: [{ name: 'best', type: 'market.Tick' }] }],
      messages: {
        get: { request: [{ name: 'id', type: 'long' }], response: 'Book' },
        put: {
          request: [{ name: 'level', type: { type: 'enum', name: 'Level', symbols: ['A', 'B'] } }],
          response: { type: 'array', items: 'desk.Level' },
        },
        unknown: { request: [], response: ['null', 'Book'] },
      },
    },
    { types: [Tick], long: 'bigint' },
  )
  holds<Mutual<RequestOf<typeof Books, 'get'>, { id: bigint }>>()
  holds<Mutual<ResponseOf<typeof Books, 'get'>, { best: { symbol: string; price: number; volume: bigint } }>>()
  holds<Mutual<RequestOf<typeof Books, 'put'>, { level: 'A' | 'B' }>>()
  holds<Same<ResponseOf<typeof Books, 'put'>, ('A' | 'B')[]>>()
  const general: Service = Books
  t.equal(general.name, 'desk.Books')

  const mistaken = () => defineService({ protocol: 'P', messages: { a: { request: [], response: 'Nope' } } })
  t.throws(mistaken, { code: 'RIVULET_INVALID_SCHEMA' })
  holds<Same<ResponseOf<ReturnType<typeof mistaken>, 'a'>, UnknownAvroType<'Nope'>>>()
})

t.test('protocols that are no literals', async (t) => {
  const text = JSON.stringify(Quotes.json)
  const dynamic = defineService(JSON.parse(text))
  type Dynamic = typeof dynamic
  holds<Same<MethodNames<Dynamic>, string>>()
  holds<Same<RequestOf<Dynamic, 'last'>, unknown>>()
  holds<Same<RequestInputOf<Dynamic, 'last'>, unknown>>()
  holds<Same<ResponseOf<Dynamic, 'last'>, unknown>>()
  holds<Same<ShapeOf<Dynamic, 'last'>, MethodShape>>()
  holds<Mutual<ErrorsOf<Dynamic, 'last'>, DeclaredError<string, unknown>>>()
  holds<Same<Dynamic['json'], AvroProtocol>>()
  const made = dynamic.error('last', 'UnknownSymbol', { symbol: 'ACME' })
  holds<Same<typeof made.value, unknown>>()
  t.ok(isDeclaredError(dynamic, 'last', made, 'UnknownSymbol'))
  t.equal(dynamic.hash, Quotes.hash)

  const general = defineService(JSON.parse(text) as AvroProtocol)
  holds<Same<ResponseOf<typeof general, 'x'>, unknown>>()
  const open = defineService({
    protocol: 'Open',
    types: [defineSchema(JSON.parse('{"type":"enum","name":"E","symbols":["A"]}')).json],
    messages: { a: { request: [{ name: 'e', type: 'E' }], response: 'E' } },
  })
  holds<Same<ResponseOf<typeof open, 'a'>, unknown>>()
  holds<Same<ShapeOf<typeof open, 'a'>, 'unary'>>()
})

t.test('mistakes in a literal', async (t) => {
  const request = [] as const
  // @ts-expect-error no response
  t.throws(() => defineService({ protocol: 'P', messages: { a: { request } } }))
  // @ts-expect-error no request
  t.throws(() => defineService({ protocol: 'P', messages: { a: { response: 'null' } } }))
  // @ts-expect-error no messages
  t.throws(() => defineService({ protocol: 'P' }))
  // @ts-expect-error no such kind of stream
  t.throws(() => defineService({ protocol: 'P', messages: { a: { request, response: 'null', 'x-stream': 'both' } } }))
  // @ts-expect-error a one-way message has no response
  t.throws(() => defineService({ protocol: 'P', messages: { a: { request, response: 'int', 'one-way': true } } }))
  // @ts-expect-error errors are names
  t.throws(() => defineService({ protocol: 'P', messages: { a: { request, response: 'int', errors: [5] } } }))
})
