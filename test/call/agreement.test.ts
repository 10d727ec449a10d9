/** What client and server agree on before the first call: versions, texts, refusals, several services. */
import t from 'tap'
import { defineService } from '../../src/avro/index.js'
import { type ServiceCodec, serviceOf } from '../../src/avro/service-codec.js'
import { callKind } from '../../src/call/call-kinds.js'
import { defaultCallOptions } from '../../src/call/call-options.js'
import { CallClient } from '../../src/call/client.js'
import { CallHost } from '../../src/call/host.js'
import type { CallHandler } from '../../src/call/served-service.js'
import type { RivuletError } from '../../src/errors/index.js'
import { FakePair } from '../support/fake-pair.js'
import { VirtualClock } from '../support/virtual-clock.js'

type Json = Record<string, unknown>

/** A service by its messages, as from a file. */
const service = (messages: Json, more: Json = {}): ServiceCodec =>
  serviceOf(defineService(JSON.parse(JSON.stringify({ protocol: 'test.Versions', ...more, messages })) as never))

const field = (name: string, type: unknown, ...rest: unknown[]): Json =>
  rest.length === 0 ? { name, type } : { name, type, default: rest[0] }

const method = (request: Json[], response: unknown, more: Json = {}): Json => ({ request, response, ...more })

/** A client of one version at a server of another. */
class Versions {
  readonly clock = new VirtualClock()
  readonly errors: RivuletError[] = []
  readonly client: CallClient
  readonly host: CallHost
  readonly pairs: FakePair[] = []
  /** Kinds of the items of stream 0, in order: client to server, and server to client. */
  readonly said: number[][] = [[], []]
  readonly #services: readonly ServiceCodec[]

  constructor(client: readonly ServiceCodec[], server: readonly ServiceCodec[], handler: CallHandler = () => null) {
    const ports = { clock: this.clock, name: () => 'client', report: (error: RivuletError) => this.errors.push(error) }
    this.#services = client
    this.client = new CallClient({ ...ports, failoverMs: 1000 })
    const implementations = server.map((codec) => ({
      codec,
      handlers: new Map([...codec.methods.keys()].map((name) => [name, handler])),
    }))
    this.host = new CallHost(implementations, ports)
    for (const codec of client) this.client.bind(codec)
  }

  connect(): FakePair {
    const pair = new FakePair()
    this.pairs.push(pair)
    const tap = (index: number, handler: typeof pair.dialer.handler) => {
      const { onItem } = handler as NonNullable<typeof handler>
      Object.assign(handler as object, {
        onItem: (...item: Parameters<typeof onItem>) => {
          if (item[0] === 0) this.said[index]?.push(item[1])
          onItem.apply(handler, item)
        },
      })
      return handler
    }
    pair.acceptor.handler = tap(
      0,
      this.host.accept(pair.acceptor, { id: 'somebody', identity: undefined, dialed: undefined }),
    )
    pair.dialer.handler = tap(1, this.client.accept(pair.dialer))
    pair.pump()
    return pair
  }

  call(name: string, request: unknown = {}, from = 0): unknown {
    const found = this.client.bind(this.#services[from] as ServiceCodec).methods.get(name)
    let outcome: unknown
    const take = (value: unknown) => {
      outcome = value
    }
    this.client.start(found as never, request, { ...defaultCallOptions, waitForReady: false }, take, take)
    for (const pair of this.pairs) pair.pump()
    return outcome
  }
}

t.test('the same version needs one item each way', async (t) => {
  const same = service({ get: method([field('a', 'int')], 'int') })
  const versions = new Versions([same], [same], (request) => (request as { a: number }).a + 1)
  versions.connect()
  t.strictSame(versions.said, [[callKind.bind], [callKind.bound]])
  t.equal(versions.call('get', { a: 1 }), 2)
})

t.test('another version sends its text once, to one server once', async (t) => {
  const older = service({
    drop: method([], 'null'),
    get: method([field('a', 'int')], { type: 'record', name: 'R', fields: [field('x', 'int')] }),
  })
  const newer = service({
    get: method([field('b', 'long', 7), field('a', 'long')], {
      type: 'record',
      name: 'R',
      fields: [field('y', 'string', 'new'), field('x', 'int')],
    }),
    extra: method([], 'null'),
  })
  const seen: unknown[] = []
  const versions = new Versions([older], [newer], (request) => {
    seen.push(request)
    return { x: 5 }
  })
  versions.connect()
  const { bind, text, needText, refusal, bound } = callKind
  t.strictSame(versions.said, [
    [bind, text],
    [needText, refusal, text, bound],
  ])
  t.strictSame(versions.call('get', { a: 1 }), { x: 5 })
  t.strictSame(seen, [{ b: 7, a: 1 }])
  t.match(versions.call('drop'), { code: 'RIVULET_UNIMPLEMENTED', executed: 'no', message: /test\.Versions\.drop/ })
  versions.connect()
  t.strictSame(versions.said[0], [bind, text, bind], 'the server knows it now')
})

t.test('an incompatible method is refused with its path, and the others work', async (t) => {
  const record = (type: unknown) => ({ type: 'record', name: 'R', fields: [field('x', type)] })
  const types = (why: string) => ({ types: [{ type: 'error', name: 'E', fields: [field('why', why)] }] })
  const client = service(
    {
      request: method([field('inner', record('string'))], 'int'),
      response: method([], { type: 'record', name: 'S', fields: [field('deep', 'int')] }),
      errors: method([], 'int', { errors: ['E'] }),
      shape: method([], 'int', { 'x-stream': 'server' }),
      fine: method([], 'int'),
    },
    types('int'),
  )
  const server = service(
    {
      request: method([field('inner', record('int'))], 'int'),
      response: method([], { type: 'record', name: 'S', fields: [field('deep', 'string')] }),
      errors: method([], 'int', { errors: ['E'] }),
      shape: method([], 'int'),
      fine: method([], 'int'),
    },
    types('string'),
  )
  const versions = new Versions([client], [server], () => 1)
  versions.connect()
  const incompatible = { code: 'RIVULET_INCOMPATIBLE_SCHEMA', executed: 'no' }
  t.match(versions.call('request', { inner: { x: 'a' } }), {
    ...incompatible,
    message: /inner\.x/,
    issues: [{ path: 'inner.x' }],
  })
  t.match(versions.call('response'), { ...incompatible, message: /deep/, issues: [{ path: 'deep' }] })
  t.equal(versions.call('errors'), 1, 'a union is compatible as long as no branch that does not fit is written')
  t.match(versions.call('shape'), incompatible)
  t.equal(versions.call('fine'), 1)
  t.equal(versions.host.stats().started, 2)
})

t.test('a server without the service', async (t) => {
  const one = service({ get: method([], 'int') })
  const other = service({ get: method([], 'int') }, { protocol: 'test.Other' })
  const versions = new Versions([one, other], [other], () => 3)
  versions.connect()
  t.match(versions.call('get'), { code: 'RIVULET_UNIMPLEMENTED', executed: 'no', message: /test\.Versions/ })
  t.equal(versions.call('get', {}, 1), 3)
})

t.test('services may be added to a client that has sessions', async (t) => {
  const one = service({ get: method([], 'int') })
  const other = service({ a: method([], 'int'), b: method([], 'int') }, { protocol: 'test.Other' })
  const versions = new Versions([one], [one, other], (_request, { service, method }) => `${service}.${method}`.length)
  versions.connect()
  const added = versions.client.bind(other)
  t.equal(versions.client.bind(other), added)
  t.equal(added.binding, 1)
  t.equal(added.firstMethod, 1)
  const outcomes: unknown[] = []
  versions.client.start(
    added.methods.get('b') as never,
    {},
    defaultCallOptions,
    (value) => outcomes.push(value),
    t.fail,
  )
  t.strictSame(outcomes, [], 'it waits for the agreement')
  versions.pairs[0]?.pump()
  t.strictSame(outcomes, ['test.Other.b'.length])
  t.equal(versions.call('get'), 'test.Versions.get'.length)
})

t.test('a text of several items, of any characters', async (t) => {
  const doc = '\ud83d\ude00ä€'.repeat(11_000)
  const client = service({ get: method([field('a', 'int')], 'int') }, { doc })
  const server = service({ get: method([field('a', 'int')], 'int') }, { doc: `${doc} newer` })
  const versions = new Versions([client], [server], () => 1)
  versions.connect()
  const texts = versions.said.map((kinds) => kinds.filter((kind) => kind === callKind.text).length)
  t.ok(
    texts.every((count) => count >= 3),
    String(texts),
  )
  t.equal(versions.call('get', { a: 1 }), 1)
})

t.test('with servers of several versions, one that can is chosen', async (t) => {
  const client = service({ get: method([], 'int'), extra: method([], 'int') })
  const old = new CallHost([{ codec: service({ get: method([], 'int') }), handlers: new Map([['get', () => 1]]) }], {
    clock: new VirtualClock(),
    report: t.fail,
  })
  const versions = new Versions([client], [client], () => 2)
  const pair = new FakePair()
  pair.acceptor.handler = old.accept(pair.acceptor, { id: 'old', identity: undefined, dialed: undefined })
  pair.dialer.handler = versions.client.accept(pair.dialer)
  versions.pairs.push(pair)
  pair.pump()
  t.match(versions.call('extra'), { code: 'RIVULET_UNIMPLEMENTED' })
  versions.connect()
  t.equal(versions.call('extra'), 2)
  pair.end()
  t.equal(versions.call('get'), 2)
})

t.test('what cannot be sent yet is sent when there is room', async (t) => {
  const same = service({ get: method([], 'int') })
  const versions = new Versions([same], [same], () => 1)
  const pair = new FakePair({ outboxBytes: 0, live: false })
  pair.acceptor.handler = versions.host.accept(pair.acceptor, {
    id: 'somebody',
    identity: undefined,
    dialed: undefined,
  })
  pair.dialer.handler = versions.client.accept(pair.dialer)
  versions.pairs.push(pair)
  t.match(versions.call('get'), { code: 'RIVULET_UNAVAILABLE' })
  pair.resume()
  pair.pump()
  t.equal(versions.call('get'), 1)
})
