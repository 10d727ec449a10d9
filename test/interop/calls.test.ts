/** Calls with a Python program as the client, which was written from docs/reference/protocol alone. */
import t from 'tap'
import { createRpcServer, implement, type RpcServer } from '../../patterns/rpc/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { generateKeyPair } from '../../src/security/index.js'
import { codesOf } from '../support/events.js'
import { peer, transports, withPython } from './python.js'
import { olderText, Shop, type ShopHandlers, shopText } from './shop.js'

/** A server with what its handlers have seen, which `seen` tells. */
async function openShop(handlers: Partial<ShopHandlers> = {}, bind = 'tcp://127.0.0.1:*', options = {}) {
  const seen: string[] = []
  const all: ShopHandlers = {
    price: ({ item }) => item.length * 1.5,
    buy({ item, count }) {
      if (item === 'hat') throw Shop.error('buy', 'SoldOut', { item })
      if (item === 'coat') throw Shop.error('buy', 'Closed', { until: 2 ** 40 })
      if (item === 'lamp') throw new TypeError('password 1234')
      return { item, left: count, shelf: 'A' }
    },
    *follow({ count }) {
      for (let left = 0; left < count; left++) yield { item: 'cup', left }
      if (count === 3) throw Shop.error('follow', 'Closed', { until: 8 })
    },
    async total(prices) {
      let sum = 0
      for await (const { price } of prices) sum += price
      return sum
    },
    async *trade(prices) {
      for await (const { price } of prices) yield { item: 'cup', left: price * 2 }
    },
    repeat: ({ text }) => text + text,
    headers: (_request, { headers, remainingMs }) => ({ ...headers, hasTime: `${remainingMs > 0}` }),
    note: ({ item }) => void seen.push(item),
    lend: ({ days }) => days,
    wait: (_request, { signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(seen.push(signal.reason.code)))),
    seen: () => seen,
    ...handlers,
  }
  return { seen, server: await createRpcServer({ bind, services: [implement(Shop, all)], ...options }) }
}

/** What Python saw of a step. */
interface Seen {
  readonly value?: unknown
  readonly values?: readonly { readonly left: number }[]
  readonly meanwhile?: Seen
  /** Bytes that came, or requests that were sent, before there was credit. */
  readonly ahead?: number
  readonly fragments?: number
  readonly last?: boolean
  readonly resent?: number
}

/** Has Python call a server; returns what it saw of the agreement and of each step. */
async function called(server: RpcServer, steps: readonly object[], options: object = {}) {
  const shop = { service: 'interop.Shop', protocol: shopText }
  const [first, ...others] = await peer({ do: 'call', connect: server.endpoint, ...shop, steps, ...options })
  return { agreement: (first as { agreement: object }).agreement, seen: others as Seen[] }
}

const call = (method: string, request: object = {}, options: object = {}) => ({
  step: 'call',
  method,
  request,
  ...options,
})

for (const [transport, open] of Object.entries(transports)) {
  t.test(`one request and one response, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    const { server } = await openShop({}, bind)
    await using _ = server
    const codes = codesOf(server)
    const { agreement, seen } = await called(server, [
      call('price', { item: 'Ä hat' }),
      call('buy', { item: 'cup', count: 3 }),
      call('buy', { item: 'hat', count: 1 }),
      call('buy', { item: 'coat', count: 1 }),
      call('buy', { item: 'lamp', count: 1 }),
      call('headers', {}, { headers: { who: 'Python', 'ö 1': 'ü' }, timeoutMs: 5000 }),
      call('price', { item: 'cup' }, { timeoutMs: -5 }),
      call('wait', {}, { timeoutMs: 30 }),
      { step: 'start', method: 'note', request: { item: 'first' } },
      { step: 'start', method: 'note', request: { item: 'second' } },
      call('seen'),
    ])
    t.strictSame(agreement, { asked: false, told: null, refusals: [] }, 'both have the same version')
    const internal = { code: 'RIVULET_INTERNAL', message: 'interop.Shop.buy failed at the server', executed: 'maybe' }
    t.match(seen, [
      { value: 7.5 },
      { value: { item: 'cup', left: 3, shelf: 'A' } },
      { error: { name: 'SoldOut', value: { item: 'hat' } } },
      { error: { name: 'Closed', value: { until: 2 ** 40 } } },
      { failure: internal },
      { value: { who: 'Python', 'ö 1': 'ü', hasTime: 'true' } },
      { failure: { code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'no' } },
      { failure: { code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'maybe' } },
      {},
      {},
      { value: ['RIVULET_DEADLINE_EXCEEDED', 'first', 'second'] },
    ])
    t.ok(seen.every((step) => step.last || 'stream' in step))
    t.match(server.stats(), { started: 10, answered: 6, failed: 3, cancelled: 1, refused: 1, open: 0, invalidItems: 0 })
    t.strictSame(codes, ['RIVULET_INTERNAL'], 'nothing else was wrong')
  })
}

t.test('an older version: the text is asked for once, and what does not fit is refused', withPython, async (t) => {
  const { server } = await openShop()
  await using _ = server
  const steps = [call('buy', { item: 'cup' }), call('buy', { item: 'hat' }), call('buy', { item: 'coat' })]
  const others = [{ step: 'watch', method: 'follow', request: { count: 2 } }, call('haggle', { item: 'cup' })]
  for (const asked of [true, false]) {
    const { agreement, seen } = await called(server, [...steps, ...others], { protocol: olderText })
    t.match(agreement, {
      asked,
      told: shopText,
      refusals: [
        { method: 'haggle', code: 'RIVULET_UNIMPLEMENTED', issues: [] },
        { method: 'lend', code: 'RIVULET_INCOMPATIBLE_SCHEMA', issues: [{ path: 'days' }] },
      ],
    })
    t.match(seen, [
      { value: { item: 'cup', left: 2 } },
      { error: { name: 'SoldOut', value: { item: 'hat' } } },
      { error: { name: 'Closed', value: { until: 2 ** 40 } } },
      { values: [0, 1].map((left) => ({ item: 'cup', left })), ended: { end: true, last: true } },
      { failure: { code: 'RIVULET_UNIMPLEMENTED', executed: 'no' } },
    ])
    t.strictSame(
      Object.keys(seen[0]?.value as object).sort(),
      ['item', 'left'],
      'a field that it does not know is left',
    )
  }
})

t.test('a service that the server does not have', withPython, async (t) => {
  const { server } = await openShop()
  await using _ = server
  const { agreement, seen } = await called(server, [call('price', { item: 'cup' })], { service: 'interop.Stall' })
  t.match(agreement, { told: null, refusals: [{ method: '', code: 'RIVULET_UNIMPLEMENTED' }] })
  t.match(seen, [{ failure: { code: 'RIVULET_UNIMPLEMENTED', executed: 'no' } }])
})

t.test('streams of responses: credit holds the server back, and a cancellation stops it', withPython, async (t) => {
  let made = 0
  let reason: unknown
  const stopped = deferred()
  const { server } = await openShop({
    async *follow({ count }, { signal }) {
      signal.addEventListener('abort', () => {
        reason = signal.reason
        stopped.resolve()
      })
      for (let left = 0; left !== count; left++) {
        made = left + 1
        yield { item: 'x'.repeat(itemBytes), left }
      }
      if (count === 3) throw Shop.error('follow', 'Closed', { until: 8 })
    },
    lend: () => made,
    wait: () => stopped.promise.then(() => made),
  })
  await using _ = server
  const meanwhile = call('lend', { days: 1 })
  const [none, few, many, endless, stop] = await called(server, [
    watch({ count: 0 }),
    watch({ count: 3 }),
    watch({ count: 1000 }, { meanwhile }),
    watch({ count: -1 }, { count: 500 }),
    call('wait'),
  ]).then(({ seen }) => seen)
  t.match(none, { values: [], ended: { end: true, last: true } })
  t.match(few, { ended: { error: { name: 'Closed', value: { until: 8 } }, last: true } })
  t.strictSame(lefts(few), [0, 1, 2], 'what came before the error')
  t.match(many, { ended: { end: true } })
  t.strictSame(lefts(many), Array.from(Array(1000).keys()))
  const ahead = many?.ahead ?? 0
  const held = many?.meanwhile?.value as number
  t.ok(ahead >= windowBytes && ahead < windowBytes + 2 * itemBytes, `${ahead} bytes came without credit`)
  t.ok(held <= ahead / itemBytes + 2, `${held} values were made by then`)
  t.equal(endless?.values?.length, 500)
  t.match(reason, { code: 'RIVULET_CANCELLED', message: 'interop.Shop.follow was cancelled by its caller' })
  const inVain = (stop?.value as number) - 500
  t.ok(inVain <= windowBytes / itemBytes + 2, `${inVain} values were made in vain`)
  t.match(server.stats(), { answered: 4, failed: 1, cancelled: 1, invalidItems: 0 })
})

t.test('streams of requests: credit holds Python back', withPython, async (t) => {
  const taking = deferred()
  const { server } = await openShop({
    async total(prices) {
      await taking.promise
      let sum = 0
      for await (const { price } of prices) sum += price
      return sum
    },
    lend: ({ days }) => {
      taking.resolve()
      return days
    },
    trade: () => [{ item: 'enough', left: 0 }],
  })
  await using _ = server
  const note = 'x'.repeat(itemBytes - 10) // which makes it the size of a request
  const requests = Array.from({ length: 500 }, (_, price) => ({ price, note }))
  const [sent, none] = await called(server, [
    { step: 'upload', method: 'total', requests, meanwhile: call('lend', { days: 7 }) },
    { step: 'upload', method: 'total', requests: [] },
  ]).then(({ seen }) => seen)
  t.match(sent, { sent: 500, meanwhile: { value: 7 }, outcome: { value: 124_750, last: true } })
  t.equal(sent?.ahead, Math.ceil((windowBytes - headBytes) / itemBytes), 'until there was no more credit')
  t.match(none, { sent: 0, outcome: { value: 0 } })
  t.match(server.stats(), { answered: 3, open: 0, invalidItems: 0 })
})

t.test('streams both ways, and an outcome before the requests have ended', withPython, async (t) => {
  const { server } = await openShop({ total: () => 5 })
  await using _ = server
  const requests = [1, 2, 3].map((price) => ({ price, note: '' }))
  const { seen } = await called(server, [
    { step: 'converse', method: 'trade', requests },
    { step: 'upload', method: 'total', requests, open: true },
    call('price', { item: 'cup' }),
  ])
  t.match(seen, [
    { values: [2, 4, 6].map((left) => ({ item: 'cup', left, shelf: '' })), ended: { end: true, last: true } },
    { outcome: { value: 5, last: true } },
    { value: 4.5 },
  ])
  t.match(server.stats(), { answered: 3, open: 0, invalidItems: 0 })
})

t.test('large messages go in fragments, both ways', withPython, async (t) => {
  const { server } = await openShop()
  await using _ = server
  const text = 'Ä'.repeat(300_000)
  const { seen } = await called(server, [call('repeat', { text }), call('repeat', { text: 'short' })])
  t.equal(seen[0]?.value, text + text)
  t.ok(Number(seen[0]?.fragments) > 1_200_000 / 131_072, `${seen[0]?.fragments} fragments`)
  t.match(seen[1], { value: 'shortshort', fragments: 1 })
})

t.test('a cut: what was lost either way is sent again, and nothing runs twice', withPython, async (t) => {
  const open = deferred()
  const { seen: noted, server } = await openShop({
    wait: () => open.promise.then(() => 1),
    lend: ({ days }) => {
      open.resolve()
      return days
    },
  })
  await using _ = server
  const { seen } = await called(server, [
    { step: 'start', method: 'wait', request: {} },
    call('price', { item: 'cup' }),
    { step: 'start', method: 'note', request: { item: 'lost on its way' }, lose: true },
    { step: 'redial' },
    call('seen'),
    { step: 'start', method: 'repeat', request: { text: 'x'.repeat(100_000) } },
    { step: 'redial', whenReadable: true },
    call('lend', { days: 3 }),
    { step: 'outcome', method: 'repeat', stream: 5 },
    { step: 'outcome', method: 'wait', stream: 1 },
  ])
  t.match(seen[3], { connection: 2 })
  t.ok(Number(seen[3]?.resent) > 0)
  t.strictSame(seen[4]?.value, ['lost on its way'])
  t.match(seen.slice(6), [{ connection: 3 }, { value: 3 }, { value: 'x'.repeat(200_000) }, { value: 1 }])
  t.strictSame(noted, ['lost on its way'])
  t.match(server.stats(), { started: 6, answered: 6, sessions: 0, invalidItems: 0 })
})

for (const [transport, open] of Object.entries(transports)) {
  t.test(`a server with security, over ${transport}: the key is proven on each connection`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    const [own, python] = [generateKeyPair(), generateKeyPair()]
    const names: unknown[] = []
    const price: ShopHandlers['price'] = ({ item }, { peer: { identity } }) => names.push(identity) && item.length
    const security = { keyPair: own, allow: { python: python.publicKey } }
    const { server } = await openShop({ price }, bind, { security })
    await using _ = server
    const keys = { ...python, serverKey: own.publicKey }
    const steps = [call('price', { item: 'cup' }), { step: 'redial' }, call('price', { item: 'hat' })]
    const { seen } = await called(server, steps, { keys })
    t.match(seen, [{ value: 3 }, { connection: 2 }, { value: 3 }])
    const identity = { name: 'python', publicKey: python.publicKey }
    t.strictSame(names, [identity, identity])
  })
}

/** What may come or go on a stream without credit, and what a test makes its values of. */
const windowBytes = 131_072
const itemBytes = 1000

/** The head of a request with a number of two bytes and nothing else. */
const headBytes = 5

function watch(request: object, options: object = {}) {
  return { step: 'watch', method: 'follow', request, ...options }
}

function lefts(seen: Seen | undefined): number[] | undefined {
  return seen?.values?.map(({ left }) => left)
}
