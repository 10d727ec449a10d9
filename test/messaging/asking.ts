/** Nodes with peers that ask each other over fake sessions, and one list of who is present in place of their rosters. */
import { type Answerer, type Answering, PeerAnswers } from '../../patterns/messaging/answers.js'
import { Asks } from '../../patterns/messaging/asks.js'
import type { AnswerOf, Ask, QueryInputOf } from '../../patterns/messaging/define-ask.js'
import { PeerAsks } from '../../patterns/messaging/peer-asks.js'
import type { RosterPeer } from '../../patterns/messaging/roster-contract.js'
import { CallClient, CallHost, type CallOptions, type CallPolicy } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { Loopback } from '../../src/link/index.js'
import { type LinkUser, SharedSession } from '../../src/session/index.js'
import { FakePair } from '../support/fake-pair.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** What became of an ask: one outcome, when it is over. */
export interface Asked<A = unknown> {
  readonly outcomes: (A | Error)[]
  readonly promise: Promise<A>
}

/** All nodes of a test. */
export class World {
  readonly clock = new VirtualClock()
  readonly nodes: TestNode[] = []
  readonly links: Link[] = []
  readonly errors: RivuletError[] = []
  #incarnations = 0

  node(policy?: CallPolicy): TestNode {
    const node = new TestNode(this, `node${this.nodes.length}`, policy)
    this.nodes.push(node)
    return node
  }

  /** A peer of a node, on a node of its own if none is given. */
  peer(name: string, node = this.node()): TestPeer {
    this.#incarnations += 1
    return node.add(name, this.#incarnations.toString(16).padStart(32, '0'))
  }

  link(one: TestNode, other: TestNode): Link {
    const known = this.links.some((link) => link.joins(one, other) && link.pair.dialer.status !== 'ended')
    const link = new Link(`link${this.links.length}`, one, other)
    this.links.push(link)
    for (const node of [one, other]) node.changed(known ? undefined : link)
    return link
  }

  /** Moves items and lets promises run until nothing moves any more. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 4; ) {
      const moved = this.links.reduce((sum, { pair }) => sum + pair.pump(), 0)
      quiet = moved === 0 ? quiet + 1 : 0
      await new Promise(setImmediate)
    }
  }

  /** Who is present for a node: its own peers, and those of nodes that it has a link to. */
  presentFor(node: TestNode, name: string): RosterPeer | undefined {
    for (const peer of this.nodes.flatMap(({ peers }) => [...peers.values()])) {
      if (peer.name !== name || peer.isGone) continue
      const links = this.links.filter((link) => link.joins(node, peer.node) && link.pair.dialer.status !== 'ended')
      if (peer.node !== node && links.length === 0) continue
      const live = links.filter((link) => link.pair.dialer.status === 'live')
      const sessions = [...live, ...links.filter((link) => !live.includes(link))].map(({ id }) => id)
      return peer.seen(node, sessions)
    }
    return undefined
  }

  /** Tells all nodes that a peer is there, or is another one. */
  tell(peer: TestPeer, isNew = false): void {
    for (const node of this.nodes) {
      const seen = this.presentFor(node, peer.name)
      if (seen !== undefined && isNew) node.asks.joined(seen)
      else if (seen !== undefined) node.asks.changed(seen)
    }
  }
}

/** A link between two nodes. */
export class Link {
  readonly id: string
  readonly pair: FakePair
  readonly ends: readonly [TestNode, TestNode]

  constructor(id: string, one: TestNode, other: TestNode) {
    this.id = id
    this.ends = [one, other]
    this.pair = new FakePair({ now: () => one.world.clock.now() })
    this.pair.acceptor.handler = new SharedSession(this.pair.acceptor, other.usersOf(id), peerOf(id))
    this.pair.dialer.handler = new SharedSession(this.pair.dialer, one.usersOf(id), peerOf(id))
  }

  joins(one: TestNode, other: TestNode): boolean {
    return this.ends.includes(one) && this.ends.includes(other) && one !== other
  }

  cut(): void {
    this.pair.cut()
    for (const node of this.ends) node.changed()
  }

  resume(): void {
    this.pair.resume()
    for (const node of this.ends) node.changed()
  }

  /** One of its sides is about to close it. */
  leave(): void {
    this.pair.dialer.become({ draining: true })
    for (const node of this.ends) {
      node.leaving.add(this.id)
      const client = node.clients.get(this.id)
      if (client !== undefined) node.asks.leaving(client)
    }
  }

  /** Ends the session; who is not reached any more has left. */
  end(reason?: RivuletError): void {
    this.pair.end(reason)
    for (const node of this.ends) node.ended(this)
  }
}

const peerOf = (id: string) => ({ id, identity: undefined, dialed: undefined })

/** A node: its calls to others, its answers, and its peers. */
export class TestNode {
  readonly id: string
  readonly world: World
  readonly host: CallHost
  readonly asks: Asks
  readonly peers = new Map<string, TestPeer>()
  readonly clients = new Map<string, CallClient>()
  /** Sessions that have not accepted the peers of this node. */
  readonly unaccepted = new Set<string>()
  /** Sessions that are about to close. */
  readonly leaving = new Set<string>()
  readonly refusals = new Map<string, RivuletError>()
  readonly loopback: Loopback

  constructor(world: World, id: string, policy?: CallPolicy) {
    this.world = world
    this.id = id
    const ports = { clock: world.clock as Clock, report: (error: RivuletError) => void world.errors.push(error) }
    this.host = new CallHost([], { ...ports, policy }, { maxBindings: 4096 })
    const local = this.#client()
    this.asks = new Asks({
      clock: world.clock,
      local,
      unreachable: () => '',
      refusal: (session) => this.refusals.get(session),
      clientOf: (session) => (this.leaving.has(session) ? undefined : this.clients.get(session)),
      roster: {
        find: (name) => world.presentFor(this, name),
        isAccepted: (session) => !this.unaccepted.has(session),
      },
    })
    const limits = { maxMessageBytes: 1_048_576, streamWindowBytes: 131_072 }
    this.loopback = new Loopback(world.clock, limits, [local], [this.host], peerOf('local'))
  }

  usersOf(link: string): LinkUser[] {
    const client = this.#client()
    this.clients.set(link, client)
    return [client, this.host]
  }

  add(name: string, incarnation: string): TestPeer {
    const peer = new TestPeer(this, name, incarnation)
    this.peers.set(incarnation, peer)
    this.world.tell(peer, true)
    return peer
  }

  /** Links of this node are others; with the first one to a node its peers join. */
  changed(first?: Link): void {
    for (const peer of this.world.nodes.flatMap(({ peers }) => [...peers.values()])) {
      const seen = this.world.presentFor(this, peer.name)
      if (seen?.ref.incarnation !== peer.incarnation) continue
      if (peer.node !== this && first?.ends.includes(peer.node)) this.asks.joined(seen)
      else this.asks.changed(seen)
    }
  }

  ended(link: Link): void {
    const client = this.clients.get(link.id)
    this.clients.delete(link.id)
    const [other] = link.ends.filter((node) => node !== this)
    for (const peer of other?.peers.values() ?? []) {
      const seen = this.world.presentFor(this, peer.name)
      if (seen === undefined) this.asks.left(peer.seen(this, []))
      else this.asks.changed(seen)
    }
    if (client !== undefined) this.asks.ended(client)
  }

  /** Bindings of this node that the other side of a link counts, and calls that are open anywhere. */
  get leftovers(): Record<string, number> {
    const open = [...this.clients.values()].reduce((sum, client) => sum + client.unfinished, 0)
    const all = { open, served: this.host.unfinished, waiting: this.asks.waiting }
    return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0))
  }

  #client(): CallClient {
    const { clock, errors } = this.world
    return new CallClient({ clock, failoverMs: 1000, name: () => this.id, report: (error) => void errors.push(error) })
  }
}

/** A peer of a node. */
export class TestPeer {
  readonly name: string
  readonly incarnation: string
  readonly node: TestNode
  /** By which it asks: no two of a world have the same. */
  readonly number: number
  readonly answers: PeerAnswers
  readonly asking: PeerAsks
  problem: RivuletError | undefined
  isGone = false

  constructor(node: TestNode, name: string, incarnation: string, number = Number.parseInt(incarnation, 16)) {
    this.node = node
    this.name = name
    this.number = number
    this.incarnation = incarnation
    const peer = this
    const { world } = node
    this.answers = new PeerAnswers(
      { name, incarnation },
      {
        clock: world.clock,
        host: node.host,
        isOpen: true,
        version: node.asks.version,
        changed: () => world.tell(this),
        asker: (session, asker) => {
          const found = world.nodes.flatMap(({ peers }) => [...peers.values()]).find((one) => one.number === asker)
          if (found === undefined || found.isGone) return undefined
          const isThere =
            session.id === 'local'
              ? found.node === node
              : world.links.some((link) => link.id === session.id && link.joins(node, found.node))
          return isThere ? found.seen(node, []).ref : undefined
        },
      },
    )
    this.asking = new PeerAsks(node.asks, {
      incarnation,
      number: this.number,
      name: () => name,
      isOpen: true,
      onClosing() {},
      timeoutMs: 30_000,
      waitForReady: true,
      get problem() {
        return peer.problem
      },
    })
  }

  seen(by: TestNode, sessions: readonly string[]): RosterPeer {
    const { name, incarnation, node } = this
    return {
      ref: { name, incarnation, identity: undefined },
      epoch: 1,
      node: by === node ? undefined : node.id,
      sessions: by === node ? [] : sessions,
      answers: this.answers.numbers,
      isSuspected: false,
    }
  }

  answer<A extends Ask>(ask: A, answerer: Answerer<A>): Answering {
    return this.answers.answer(ask, answerer)
  }

  ask<A extends Ask>(to: string, ask: A, query: QueryInputOf<A>, options?: CallOptions): Asked<AnswerOf<A>> {
    const outcomes: (AnswerOf<A> | Error)[] = []
    const promise = this.asking.ask(to, ask, query, options)
    promise.then(
      (answer) => outcomes.push(answer),
      (error: Error) => outcomes.push(error),
    )
    return { outcomes, promise }
  }

  /** One that asks from the same node, and by the number of another. */
  as(number: number): TestPeer {
    return new TestPeer(this.node, this.name, this.incarnation, number)
  }

  /** Leaves in an orderly way, as its node says. */
  leave(): void {
    this.isGone = true
    for (const node of this.node.world.nodes) node.asks.left(this.seen(node, []))
    void this.answers.close({ timeoutMs: 0 })
  }
}

/** A problem of a peer that has lost its name. */
export const nameLost = (): RivuletError => new RivuletError('RIVULET_NAME_TAKEN', 'the name is held by another peer')
