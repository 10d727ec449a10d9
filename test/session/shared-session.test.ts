/** One session with several users: calls of both sides at once, and what becomes of items that no user takes. */
import t from 'tap'
import { defineService } from '../../src/avro/index.js'
import { type ServiceCodec, serviceOf } from '../../src/avro/service-codec.js'
import { CallClient, CallHost, defaultCallOptions } from '../../src/call/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { itemFlag, type LinkUser, type SessionStreams, SharedSession } from '../../src/session/index.js'
import { until } from '../support/events.js'
import { FakePair } from '../support/fake-pair.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { bodyOf, LinkPair, Listener } from './link-pair.js'

const longNote = 'x'.repeat(20_000)

/** A service that both sides have, each in a version of its own, with a text of several pieces. */
const versionOf = (field: string): ServiceCodec =>
  serviceOf(
    defineService({
      protocol: 'test.Both',
      doc: longNote,
      messages: {
        who: {
          request: [
            { name: 'n', type: 'long' },
            { name: field, type: 'string', default: '' },
          ],
          response: 'string',
        },
        count: { request: [{ name: 'n', type: 'long' }], response: 'long', 'x-stream': 'server' },
      },
    } as never),
  )

/** One side with a client, a server, or both. */
class End {
  readonly errors: RivuletError[] = []
  readonly client: CallClient
  readonly host: CallHost
  readonly codec: ServiceCodec

  constructor(name: string, clock: VirtualClock, codec: ServiceCodec, served: ServiceCodec) {
    const ports = { clock, name: () => name, report: (error: RivuletError) => this.errors.push(error) }
    this.codec = codec
    this.client = new CallClient({ ...ports, failoverMs: 1000 })
    this.client.bind(codec)
    const handlers = new Map<string, (request: unknown) => unknown>([
      ['who', (request) => `${name} ${(request as { n: number }).n}`],
      ['count', (request) => Array.from({ length: (request as { n: number }).n }, (_, at) => at)],
    ])
    this.host = new CallHost([{ codec: served, handlers }], ports)
  }

  call(n: number, waitForReady = true): Promise<unknown> {
    const method = this.client.bind(this.codec).methods.get('who') as never
    return this.client.call(method, { n }, { ...defaultCallOptions, waitForReady })
  }
}

const peer = (id: string) => ({ id, identity: undefined, dialed: undefined })

/** A user that takes the items of kind 40 on streams of one side, and how often it was asked which it takes. */
function countedUser(side: 'opened' | 'accepted') {
  const counts = { asked: 0, taken: 0 }
  const handler = {
    onItem() {
      counts.taken += 1
    },
    onWritable() {},
    onStatus() {},
    owns: () => false,
    pending: 0,
    owes: false,
  }
  const user: LinkUser = {
    get items() {
      counts.asked += 1
      return { first: 40, last: 40, opened: side === 'opened', accepted: side === 'accepted' }
    },
    accept: () => handler,
  }
  return { counts, user }
}

t.test('a session looks for the user of a kind when its first item comes, and then no more', async (t) => {
  const [opened, accepted] = [countedUser('opened'), countedUser('accepted')]
  const session = { sign: 1, send() {}, forget() {} } as unknown as SessionStreams
  const shared = new SharedSession(session, [opened.user, accepted.user], { ...peer('b'), server: undefined })
  t.equal(opened.counts.asked, 0, 'a new session costs nothing for kinds that never come')
  const item = (stream: number, kind: number) =>
    shared.onItem(stream, kind, 0, Buffer.alloc(0), new DataView(new ArrayBuffer(0)), 0, 0)
  item(1, 40)
  const { asked } = opened.counts
  for (let more = 0; more < 10; more++) item(1, 40)
  t.same(opened.counts, { taken: 11, asked })
  item(-1, 40)
  t.same([opened.counts.taken, accepted.counts.taken], [11, 1], 'streams of the other side are those of the other user')
  item(1, 41)
  t.same([opened.counts.taken, accepted.counts.taken], [11, 1], 'another kind has no user')
})

function bothWays(windowBytes: number) {
  const clock = new VirtualClock()
  const pair = new FakePair({ windowBytes })
  const dialer = new End('dialer', clock, versionOf('one'), versionOf('two'))
  const acceptor = new End('acceptor', clock, versionOf('three'), versionOf('four'))
  pair.dialer.handler = new SharedSession(pair.dialer, [dialer.client, dialer.host], peer('acceptor'))
  pair.acceptor.handler = new SharedSession(pair.acceptor, [acceptor.host, acceptor.client], peer('dialer'))
  return { pair, dialer, acceptor, clock }
}

t.test('each side calls the other over one session, with services of different versions', async (t) => {
  for (const windowBytes of [131_072, 30_000, 1]) {
    const { pair, dialer, acceptor } = bothWays(windowBytes)
    const outcomes = [dialer.call(1), acceptor.call(2), dialer.call(3), acceptor.call(4)]
    pair.pump()
    t.strictSame(await Promise.all(outcomes), ['acceptor 1', 'dialer 2', 'acceptor 3', 'dialer 4'])
    t.strictSame([...dialer.errors, ...acceptor.errors], [])
    t.strictSame([pair.dialer.states, pair.acceptor.states], [0, 0], 'nothing is kept of the calls')
  }
})

t.test('a text of the peer as a server is not taken for one of the peer as a client', async (t) => {
  const { pair, dialer, acceptor } = bothWays(131_072)
  pair.end()
  const earlier = new FakePair()
  const plain = new CallClient({ clock: new VirtualClock(), name: () => 'plain', report: t.fail, failoverMs: 1000 })
  plain.bind(dialer.codec)
  earlier.dialer.handler = plain.accept(earlier.dialer)
  earlier.acceptor.handler = acceptor.host.accept(earlier.acceptor, peer('earlier'))
  earlier.pump() // from here on the acceptor knows the version of the dialer: its own text is the first thing that it says
  const again = new FakePair()
  again.dialer.handler = new SharedSession(again.dialer, [dialer.client, dialer.host], peer('acceptor'))
  again.acceptor.handler = new SharedSession(again.acceptor, [acceptor.host, acceptor.client], peer('dialer'))
  const outcomes = [dialer.call(1), acceptor.call(2)]
  again.pump()
  t.strictSame(await Promise.all(outcomes), ['acceptor 1', 'dialer 2'])
})

t.test('the credit of stream 0 returns at once', async (t) => {
  const [dialed, accepted] = [new Noting(300), new Noting(300)]
  const links = shared([dialed], [accepted])
  for (let count = 0; count < 50; count++) {
    dialed.listener.session.send(0, 300, 0, bodyOf(Buffer.alloc(60_000)))
    links.settle()
  }
  t.equal(accepted.listener.items.length, 50)
})

t.test('the streams of calls of both sides stay apart', async (t) => {
  const { pair, dialer, acceptor } = bothWays(10)
  const counts = [dialer, acceptor].map(({ client, codec }) => {
    const method = client.bind(codec).methods.get('count')
    const values: unknown[] = []
    client
      .stream(method as never, { n: 100 }, { ...defaultCallOptions })
      .responses?.subscribe((value) => values.push(value))
    return values
  })
  await until(() => {
    pair.pump()
    return counts.every((values) => values.length === 100)
  })
  const expected = Array.from({ length: 100 }, (_, at) => at)
  t.strictSame(counts, [expected, expected])
})

t.test('beside a peer that makes calls alone, and knows nothing of calls to it', async (t) => {
  const { pair, dialer, acceptor } = bothWays(131_072)
  pair.dialer.handler = dialer.client.accept(pair.dialer)
  const [call, back] = [dialer.call(1), acceptor.call(2, false)]
  back.catch(() => {})
  pair.pump()
  t.equal(await call, 'acceptor 1')
  await t.rejects(back, { code: 'RIVULET_UNAVAILABLE', executed: 'no' })
  t.strictSame([...dialer.errors, ...acceptor.errors], [])
})

/** A user that notes what it is given. */
class Noting implements LinkUser {
  readonly items
  readonly listeners: (Listener & { refusals: number[]; owns(stream: number): boolean })[] = []
  readonly owned = new Set<number>()

  constructor(first: number, opened = true, accepted = true) {
    this.items = { first, last: first + 9, urgent: 9 + first / 100, opened, accepted }
  }

  accept(session: SessionStreams) {
    const refusals: number[] = []
    const listener = Object.assign(new Listener(session), {
      refusals,
      owns: (stream: number) => this.owned.has(stream),
      onRefused: (stream: number) => refusals.push(stream),
    })
    this.listeners.push(listener)
    return listener
  }

  get listener() {
    return this.listeners.at(-1) as Noting['listeners'][number]
  }
}

function shared(dialing: readonly LinkUser[], accepting: readonly LinkUser[]): LinkPair {
  return new LinkPair({
    onDialed: (session) => new SharedSession(session, dialing, peer('acceptor')),
    onAccepted: (session) => new SharedSession(session, accepting, peer('dialer')),
  }).connect()
}

t.test('items go by their kind, and by the direction of their stream', async (t) => {
  const dialing = new Noting(100)
  const users = [new Noting(100, false, true), new Noting(200, false, true), new Noting(100, true, false)]
  const pair = shared([dialing], users)
  const { session } = dialing.listener
  session.send(1, 100, 0, bodyOf('first'))
  session.send(1, 209, 0, bodyOf('second'))
  session.send(-1, 105, 0, bodyOf('third'))
  session.send(0, 101, 0, bodyOf('both'))
  session.send(2, 11, 0, bodyOf('urgent'))
  pair.settle()
  t.strictSame(
    users.map(({ listener }) => listener.texts),
    [
      ['first', 'both'],
      ['second', 'urgent'],
      ['third', 'both'],
    ],
  )
})

t.test('a stream with a critical item that nobody takes is refused', async (t) => {
  const [dialing, accepting] = [new Noting(300), new Noting(100)]
  const pair = shared([dialing], [accepting])
  const { session, refusals } = dialing.listener
  const stream = session.openStream()
  session.send(stream, 300, itemFlag.critical, bodyOf('do you know this?'))
  session.send(stream, 300, 0, bodyOf('more'))
  pair.settle()
  t.ok(refusals.length > 0)
  t.equal(refusals[0], stream)
  t.strictSame(accepting.listener.items, [])
  t.equal(session.streamStates, 0)
  t.equal(pair.accepted.length, 0)
  t.strictSame([pair.dialerReports, pair.acceptorReports], [[], []], 'it is no fault of the peer')
})

t.test('other items that nobody takes are skipped, and nothing is kept of their streams', async (t) => {
  const [dialing, accepting] = [new Noting(300), new Noting(100)]
  const pair = shared([dialing], [accepting])
  const { session } = dialing.listener
  for (let count = 0; count < 100; count++) session.send(session.openStream(), 300, 0, bodyOf('skipped'))
  pair.settle()
  t.strictSame(accepting.listener.items, [])
  t.equal(accepting.listener.session.streamStates, 0)
  const stream = session.openStream()
  accepting.owned.add(stream)
  session.send(stream, 300, itemFlag.critical, bodyOf('to its owner'))
  pair.settle()
  t.strictSame(accepting.listener.texts, ['to its owner'], 'the user that has the stream judges unknown kinds itself')
})

t.test('a refusal ends nothing but its stream', async (t) => {
  const accepting = new Noting(100)
  const pair = new LinkPair({
    onAccepted: (session) => new SharedSession(session, [accepting], peer('dialer')),
  }).connect()
  pair.client.send(1, 'critical', itemFlag.critical, 300)
  pair.settle()
  t.strictSame([pair.client.session.status, pair.client.session.streamStates], ['live', 0])
  pair.client.send(2, 'still here', 0, 100)
  pair.settle()
  t.strictSame(accepting.listener.texts, ['still here'])
})
