/**
 * The peers of one process that share links, as one node: its sessions with other nodes, who is where, and what goes over which
 * session.
 *
 * Names and presence are decided by its roster; what a peer sends and holds, by the peer.
 */
import { randomBytes } from 'node:crypto'
import { serviceOf } from '../../src/avro/service-codec.js'
import { type CallContext, type CallHandler, CallHost, callerConnectionOf, clientItems } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import {
  ExclusiveSessions,
  LocalStream,
  registerExclusive,
  type ServedSession,
  ServedStreams,
  type ServingHost,
  type StreamPorts,
  serve,
} from '../../src/conversation/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import type { LinkUser, PeerInfo, SessionStreams, SessionUser } from '../../src/session/index.js'
import { type Admitted, DeliverSession } from './deliver-session.js'
import type { Way } from './destination.js'
import { invalidRequest } from './invalid-request.js'
import type { LocalPeer } from './local-peer.js'
import { MeetSession } from './meet-session.js'
import { NodeSession } from './node-session.js'
import { nameTaken, type PeerClaim } from './peer-claim.js'
import { Roster } from './roster.js'
import type { RosterPeer, RosterPorts } from './roster-contract.js'
import { SchemaTexts } from './schema-texts.js'
import {
  type DeliverAnswer,
  type DeliverOpen,
  type DeliverRequest,
  type MeetAnswer,
  type MeetRequest,
  MessagingService,
  refusal,
} from './wire.js'

/** What a node needs of the resource that has its links. */
export interface NodePorts {
  readonly clock: Clock
  name(): string
  report(error: RivuletError): void
  /** Where it is bound. */
  endpoints(): readonly string[]
  /** Whether the policy allows an identity to send to a peer. */
  permits(identity: PeerIdentity | undefined, to: string): boolean
  limited(reason: string, peer: PeerInfo): void
  readonly publicKey: string | undefined
}

/** How long a name must be accepted until it is held, and how long the first links are waited for, in milliseconds. */
const settleMs = 1000

/** Names of peers that have left, which are remembered for the errors of sends to them. */
const maxLeftNames = 4096

/** A node. */
export class PeerNode implements ServingHost, LinkUser {
  readonly items = clientItems
  readonly id = randomBytes(16).toString('hex')
  readonly roster: Roster
  readonly callHost: CallHost
  readonly streams = new ServedStreams()
  readonly locals = new Map<string, LocalPeer>()
  readonly #ports: NodePorts
  readonly #sessions = new Map<string, NodeSession>()
  readonly #pairs = new ExclusiveSessions<DeliverSession>()
  readonly #schemas = new SchemaTexts()
  /** Names of peers that have left: those that did last. */
  readonly #left = new Set<string>()
  #attempts = 0
  isOpen = true
  isServing = true

  constructor(ports: NodePorts) {
    this.#ports = ports
    const { clock } = ports
    const { leaveMs, maxLinkPeers: maxClaims } = defaults
    this.roster = new Roster({ leaveMs, settleMs, maxClaims, publicKey: ports.publicKey }, this.#rosterPorts())
    const handlers = new Map<string, CallHandler>([
      ['meet', (items, context) => this.#serveMeet(items as AsyncIterable<MeetRequest>, context)],
      ['deliver', (items, context) => this.#serveDeliver(items as AsyncIterable<DeliverRequest>, context)],
    ])
    const { report, limited } = ports
    this.callHost = new CallHost([{ codec: serviceOf(MessagingService), handlers }], { clock, report, limited })
  }

  get clock(): Clock {
    return this.#ports.clock
  }

  report(error: RivuletError): void {
    this.#ports.report(error)
  }

  accept(streams: SessionStreams, peer: PeerInfo): SessionUser {
    const session = new NodeSession(streams, peer, {
      clock: this.clock,
      name: () => this.#ports.name(),
      report: (error) => this.report(error),
      hello: () => ({ node: this.id, endpoints: this.#ports.endpoints() }),
      claims: () => this.roster.claims,
      answered: (accepted, refused) => this.roster.answered(peer.id, accepted, refused),
      changed: () => this.#statusOf(session),
    })
    this.#sessions.set(peer.id, session)
    this.roster.began(peer.id, peer.dialed)
    this.#statusOf(session)
    return session.user()
  }

  /** Adds a peer; returns why it cannot have its name. */
  add(peer: LocalPeer, takeover: boolean): RivuletError | undefined {
    const { name, incarnation } = peer.ref
    this.locals.set(incarnation, peer)
    const problem = this.roster.addLocal({ name, incarnation, epoch: 0, takeover, answers: new Map() })
    if (problem !== undefined) this.locals.delete(incarnation)
    else this.#present(peer)
    return problem
  }

  remove({ ref: { incarnation } }: LocalPeer): void {
    this.roster.removeLocal(incarnation)
    this.locals.delete(incarnation)
  }

  nextAttempt(): number {
    this.#attempts += 1
    return this.#attempts
  }

  epochOf(incarnation: string): number {
    return this.roster.get(incarnation)?.epoch ?? 0
  }

  /** Whether a peer of a name was present and has left, as far as that is remembered. */
  hasLeft(name: string): boolean {
    return this.#left.has(name)
  }

  /** The way of messages from a peer of this node to a name. */
  wayTo(from: LocalPeer, name: string): Way | RivuletError | undefined {
    const peer = this.roster.find(name)
    if (peer === undefined) return undefined
    const { incarnation } = peer.ref
    const local = this.locals.get(incarnation)
    if (local !== undefined) {
      const admit = () => this.#admitLocal(from, local)
      return {
        incarnation,
        via: local,
        open: (user) =>
          new LocalStream<DeliverRequest, DeliverAnswer>(this, (ports) => this.#deliverSession(ports, admit), user),
      }
    }
    const sessions = peer.sessions.map((id) => this.#sessions.get(id)).filter((session) => session !== undefined)
    const via = sessions.find(({ id }) => this.roster.isAccepted(id, from.ref.incarnation))
    if (via !== undefined) return { incarnation, via, open: (user) => via.deliver(user) }
    return sessions.map(({ refusals }) => refusals.get(from.ref.incarnation)).find((error) => error !== undefined)
  }

  /** The session of an id. */
  session(id: string): NodeSession | undefined {
    return this.#sessions.get(id)
  }

  /** Says what is to be said, ends what other nodes send, and takes nothing more. */
  async finish(): Promise<void> {
    this.isOpen = false
    for (const session of this.#sessions.values()) session.end()
    await this.streams.drain(Promise.resolve())
  }

  async drain(): Promise<void> {}

  async stopAll(reason: RivuletError): Promise<void> {
    this.isServing = false
    await Promise.all([...this.#sessions.values()].map((session) => session.stop(reason)))
    this.roster.close()
  }

  /** Shows a peer of this node who is there already. */
  #present(peer: LocalPeer): void {
    for (const other of this.roster.peers) peer.presence.joined(other)
    if (this.roster.isComplete) peer.presence.complete()
  }

  #statusOf(session: NodeSession): void {
    const { status, suspected } = session.streams
    if (status === 'opening') return
    if (status === 'ended') {
      this.#sessions.delete(session.id)
      void session.stop(new RivuletError('RIVULET_SESSION_LOST', 'the link has ended'))
    }
    this.roster.status(session.id, status)
    this.roster.suspect(session.id, status === 'live' && suspected)
  }

  #remember(name: string): void {
    this.#left.delete(name)
    if (this.#left.size >= maxLeftNames) this.#left.delete(this.#left.values().next().value as string)
    this.#left.add(name)
  }

  #rosterPorts(): RosterPorts {
    const eachSession = (call: (session: NodeSession) => void) => [...this.#sessions.values()].forEach(call)
    const eachLocal = (call: (peer: LocalPeer) => void) => [...this.locals.values()].forEach(call)
    const reroute = ({ ref: { name } }: RosterPeer) => eachLocal((local) => local.reroute(name))
    return {
      clock: this.#ports.clock,
      accept: (session, incarnation) => this.#sessions.get(session)?.listening?.accept(incarnation),
      refuse: (session, refused) => this.#sessions.get(session)?.listening?.refuse(refused),
      announce: (claim: PeerClaim) => eachSession((session) => session.announce(claim)),
      withdraw: (incarnation) => eachSession((session) => session.withdraw(incarnation)),
      joined: (peer) => {
        eachLocal((local) => local.presence.joined(peer))
        reroute(peer)
      },
      changed: reroute,
      left: (peer, reason) => {
        this.#remember(peer.ref.name)
        eachLocal((local) => local.left(peer.ref.name, reason))
        eachLocal((local) => local.presence.left(peer))
      },
      suspected: (peer) => eachLocal((local) => local.presence.suspected(peer)),
      recovered: (peer) => eachLocal((local) => local.presence.recovered(peer)),
      conflict: (winner, losers) => eachLocal((local) => local.presence.conflict(winner, losers)),
      complete: () => eachLocal((local) => local.presence.complete()),
      accepted: (session, incarnation) => {
        this.#sessions.get(session)?.refusals.delete(incarnation)
        this.locals.get(incarnation)?.rerouteAll()
      },
      refused: (session, incarnation, error) => {
        const local = this.locals.get(incarnation)
        if (session === undefined) local?.lost(error)
        else {
          this.#sessions.get(session)?.refusals.set(incarnation, error)
          local?.refusedSomewhere(error)
        }
      },
      regained: (incarnation) => this.locals.get(incarnation)?.regained(),
      report: (error) => this.report(error),
    }
  }

  #serveMeet(requests: AsyncIterable<MeetRequest>, context: CallContext): AsyncIterable<MeetAnswer> {
    const session = this.#sessions.get(context.peer.id)
    const open = (ports: StreamPorts<MeetAnswer>): ServedSession<MeetRequest> => {
      const { id } = context.peer
      const meet = new MeetSession({
        roster: this.roster,
        session: id,
        identity: context.peer.identity,
        met: (node, endpoints) => {
          if (session === undefined || session.listening !== undefined) throw invalidRequest('a node meets twice')
          session.listening = meet
          session.node = node
          session.endpoints = endpoints
        },
        answer: (answer) => ports.answer(answer),
        ended: () => {
          if (session?.listening === meet) this.roster.status(id, 'ended')
        },
      })
      return meet
    }
    const kind = {
      hasLastWords: false,
      open,
      sizeOf: meetBytes,
      refusal: (error: RivuletError) => refusal('meet', error),
    }
    return serve(this, kind, requests, callerConnectionOf(context))
  }

  #serveDeliver(requests: AsyncIterable<DeliverRequest>, context: CallContext): AsyncIterable<DeliverAnswer> {
    const admit = (open: DeliverOpen) => this.#admit(context.peer, open)
    const open = (ports: StreamPorts<DeliverAnswer>) => this.#deliverSession(ports, admit)
    const refusalOf = (error: RivuletError) => refusal('deliver', error)
    const kind = { hasLastWords: false, open, sizeOf: deliverBytes, refusal: refusalOf }
    return serve(this, kind, requests, callerConnectionOf(context))
  }

  /** The receiving side of a stream, which takes the place of an earlier one of the same pair. */
  #deliverSession(
    ports: StreamPorts<DeliverAnswer>,
    admit: (open: DeliverOpen) => Admitted,
  ): ServedSession<DeliverRequest> {
    return registerExclusive(new DeliverSession({ ...ports, schemas: this.#schemas, admit }), this.#pairs)
  }

  #admitLocal(from: LocalPeer, to: LocalPeer): Admitted {
    const isCurrent = () => this.locals.has(from.ref.incarnation) && this.locals.has(to.ref.incarnation)
    return { from: from.ref, to, isCurrent }
  }

  /** @throws Why a peer of another node cannot send to one of this node. */
  #admit({ id }: PeerInfo, { from, to }: DeliverOpen): Admitted {
    const isPresent = () => this.roster.isPresent(id, from.incarnation)
    const sender = this.roster.get(from.incarnation)
    if (sender === undefined || !isPresent()) {
      if (this.roster.find(from.name) !== undefined) throw nameTaken(from.name)
      throw new RivuletError('RIVULET_UNAVAILABLE', 'the sender is not present')
    }
    if (sender.ref.name !== from.name) throw invalidRequest('a sender under a name that is not its own')
    const local = this.locals.get(to.incarnation)
    if (local === undefined || local.ref.name !== to.name) {
      throw new RivuletError('RIVULET_PEER_GONE', 'the receiver has left', { executed: 'no' })
    }
    if (!this.#ports.permits(sender.ref.identity, to.name)) {
      const message = `the policy does not allow this peer to send to '${to.name}'`
      throw new RivuletError('RIVULET_PERMISSION_DENIED', message, { executed: 'no' })
    }
    return { from: sender.ref, to: local, isCurrent: () => isPresent() && this.locals.has(to.incarnation) }
  }
}

function meetBytes({ accepted = [], refused = [] }: MeetAnswer): number {
  return 64 + 48 * accepted.length + 256 * refused.length
}

function deliverBytes({ taken = [], refused = [] }: DeliverAnswer): number {
  return 32 + 16 * taken.length + 128 * refused.length
}
