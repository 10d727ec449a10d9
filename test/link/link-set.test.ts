/** A set of links that connects and accepts, with several users: whoever dialed, both sides call each other. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallClient, CallHost, defaultCallOptions } from '../../src/call/index.js'
import { type LinkSet, LinkSet as Links } from '../../src/link/index.js'
import { defaults, resolveOptions } from '../../src/options/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import type { LinkUser, PeerInfo } from '../../src/session/index.js'
import { type ResolvedSocketOptions, type SocketOptions, socketRules } from '../../src/socket/index.js'
import { Numbers } from '../call/calling.js'
import { CounterClient, CounterHost } from '../new-pattern/counter.js'
import { first, until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'

/** A resource that calls, is called, and lets others use its links. */
class Peer extends ResourceBase<number> {
  readonly isSender = false
  readonly client: CallClient
  readonly seen: unknown[] = []
  readonly set: LinkSet

  static open(name: string, options: SocketOptions, ...others: LinkUser[]): Promise<Peer> {
    return new Peer(name, resolveOptions('createPeer', options, socketRules), others).open()
  }

  private constructor(name: string, options: ResolvedSocketOptions, others: LinkUser[]) {
    super('createPeer', options)
    const ports = { ...this.scope, clock: this.runtime.clock }
    this.client = new CallClient({ ...ports, failoverMs: 1000 })
    this.client.bind(serviceOf(Numbers))
    const text = (_request: unknown, context: { peer: unknown }) => {
      this.seen.push(context.peer)
      return name
    }
    const host = new CallHost([{ codec: serviceOf(Numbers), handlers: new Map([['text', text]]) }], ports)
    const { outboxBytes, maxLinkMessageBytes: maxMessageBytes, maxSessions } = defaults
    this.set = new Links(this.scope, { ...options, outboxBytes, maxMessageBytes, maxSessions }, [
      this.client,
      host,
      ...others,
    ])
    this.transport = this.set
  }

  /** Asks a peer for its name. */
  ask(): Promise<unknown> {
    const method = this.client.bind(serviceOf(Numbers)).methods.get('text') as never
    return this.client.call(method, { text: '' }, { ...defaultCallOptions, timeoutMs: 10_000 })
  }

  stats(): number {
    return this.set.sessions
  }
}

eachTransport(t, 'both sides of a link call each other', async (t, { runtime, bind }) => {
  const one = await Peer.open('one', { bind, runtime })
  const other = await Peer.open('other', { connect: one.endpoint, runtime })
  t.strictSame(await Promise.all([one.ask(), other.ask(), one.ask()]), ['other', 'one', 'other'])
  t.match(other.seen, [{ id: /^[0-9a-f]{16}$/ }, { id: /^[0-9a-f]{16}$/ }])
  t.strictSame(other.seen[0], other.seen[1], 'a peer keeps its name')
  t.equal((other.seen[0] as PeerInfo).dialed, one.endpoint, 'the address that this side connected to')
  t.equal((one.seen[0] as PeerInfo).dialed, undefined, 'the other side connected')
  t.equal(one.stats(), 1)
  t.strictSame(await one.close(), { undelivered: 0 })
  await t.rejects(one.ask(), { code: 'RIVULET_CLOSED' })
  t.strictSame(await other.close(), { undelivered: 0 })
})

eachTransport(t, 'one set connects and accepts, with a counter beside the calls', async (t, { runtime, bind }) => {
  const kept = new CounterHost()
  const [left, right] = [new CounterClient('left'), new CounterClient('right')]
  const top = await Peer.open('top', { bind: 'tcp://127.0.0.1:*', runtime }, right)
  const middle = await Peer.open('middle', { bind, connect: top.endpoint, runtime }, kept)
  const bottom = await Peer.open('bottom', { connect: middle.endpoint, runtime }, left)
  if (middle.connected < 2) await first(middle.links, ({ connected }) => connected === 2)
  t.equal(await top.ask(), 'middle')
  t.equal(await bottom.ask(), 'middle')
  t.ok(['top', 'bottom'].includes((await middle.ask()) as string))
  left.add(1)
  right.add(20)
  // one of them dialed, the other accepted
  await until(() => [left, right].every(({ state }) => state.value === 21))
  await Promise.all([top.close(), bottom.close(), middle.close()])
  t.equal(kept.state.value, 21)
})

eachTransport(t, 'a set that accepts follows endpoints, and retires a link for calls of both sides', async (t, at) => {
  const { runtime, bind, transport } = at
  const lists = new BehaviorSubject<readonly string[]>([])
  const [one, two] = await Promise.all(
    ['one', 'two'].map((name) => Peer.open(name, { bind: transport === 'tcp' ? bind : `${bind}-${name}`, runtime })),
  )
  if (!one || !two) throw new Error('no peers')
  const middle = await Peer.open('middle', { bind, connect: lists, runtime })
  const waiting = middle.ask()
  lists.next([one.endpoint])
  t.equal(await waiting, 'one')
  t.equal(await one.ask(), 'middle')
  lists.next([two.endpoint])
  const asked = Promise.all([one.ask(), middle.ask()].map((answer) => answer.catch(({ code }) => code)))
  await until(() => one.stats() === 0 && two.stats() === 1)
  await one.close()
  t.strictSame((await asked)[1], 'two')
  t.equal(await two.ask(), 'middle')
})
