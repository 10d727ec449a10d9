/**
 * The peers of one process that share links, as one node: its sessions with other nodes, who is where, and what goes over which
 * session.
 *
 * Names and presence are decided by its roster; what a peer sends and holds, by the peer.
 */
import { CallHost, type CallPolicy, clientItems } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import type { Endpoint, PeerDirectory } from '../../src/discovery/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { OncePerTurn } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import type { LinkUser, PeerInfo, SessionStreams, SessionUser } from '../../src/session/index.js'
import type { ConnectOption } from '../../src/socket/index.js'
import { Announcing } from './announcing.js'
import type { Way } from './destination.js'
import { Dialing } from './dialing.js'
import { LinkChoice } from './link-choice.js'
import type { LocalPeer } from './local-peer.js'
import { maxNodeBindings, NodeAsks } from './node-asks.js'
import { NodeSession } from './node-session.js'
import { memberOf, memberWith, type PeerClaim, type PeerRef } from './peer-claim.js'
import { PeerServing } from './peer-serving.js'
import { PresentPeers } from './present-peers.js'
import { Roster } from './roster.js'
import type { RosterPeer, RosterPorts } from './roster-contract.js'

/** What a node needs of the resource that has its links. */
export interface NodePorts {
  readonly clock: Clock
  /** The id of the node, random: 32 hexadecimal digits. */
  readonly id: string
  /** Returns a number from 0 up to 1, which keeps streams from being opened at the same time. */
  readonly jitter?: (() => number) | undefined
  name(): string
  report(error: RivuletError): void
  /** Where it is bound. */
  endpoints(): readonly string[]
  /** Whether the policy allows an identity to send to a peer. */
  permits(identity: PeerIdentity | undefined, to: string): boolean
  /** The policy of asks; `undefined` where there is none. */
  readonly policy: CallPolicy | undefined
  /** Why no other process is connected, if one has refused this one; to be appended to a message. */
  unreachable(): string
  limited(reason: string, peer: PeerInfo): void
  /** Who its peers are, by the key of this side; `undefined` without security. */
  readonly identity: PeerIdentity | undefined
  /** Where it dials. */
  readonly connect: ConnectOption
  /** Where it finds others, and is found. */
  readonly directory?: PeerDirectory | undefined
}

/** How long a name must be accepted until it is held, and how long the first links are waited for, in milliseconds. */
const settleMs = 1000

/** Names of peers that have left, which are remembered for the errors of sends to them. */
const maxLeftNames = 4096

/** A node. */
export class PeerNode implements LinkUser {
  readonly items = clientItems
  readonly id: string
  readonly roster: Roster
  readonly callHost: CallHost
  readonly asks: NodeAsks
  readonly dialing: Dialing
  readonly serving: PeerServing
  readonly locals = new Map<string, LocalPeer>()
  /** Who is present, as its peers see it. */
  readonly present = new PresentPeers()
  readonly #ports: NodePorts
  readonly #announcing: Announcing | undefined
  readonly #sessions = new Map<string, NodeSession>()
  readonly #choice: LinkChoice
  readonly #choosing = new OncePerTurn(() => this.#chooseLinks())
  readonly #self: string // its id and key, as sessions name nodes
  /** Names of peers that have left: those that did last. */
  readonly #left = new Set<string>()
  #attempts = 0

  constructor(ports: NodePorts) {
    this.#ports = ports
    const { clock, id, jitter } = ports
    this.id = id
    this.#self = memberWith(id, ports.identity?.publicKey)
    this.#choice = new LinkChoice(this.#self)
    const { leaveMs, maxLinkPeers: maxClaims } = defaults
    this.roster = new Roster(
      { leaveMs, settleMs, maxClaims, publicKey: ports.identity?.publicKey, identity: ports.identity },
      this.#rosterPorts(),
    )
    this.dialing = new Dialing(ports.connect, {
      own: () => ports.endpoints(),
      opening: (what) => this.roster.opening(what),
      opened: (what) => this.roster.opened(what),
      isLive: (address) =>
        [...this.#sessions.values()].some(({ peer, streams }) => peer.dialed === address && streams.status === 'live'),
    })
    if (ports.directory !== undefined) {
      this.dialing.follow(ports.directory.peers)
      this.#announcing = new Announcing(ports.directory, (winner, losers) => this.present.conflict(winner, losers))
    }
    this.serving = new PeerServing({
      clock,
      jitter,
      roster: this.roster,
      locals: this.locals,
      report: (error) => this.report(error),
      session: (id) => this.#sessions.get(id),
      identityOf: ({ identity, server }) => identity ?? server,
      permits: (identity, to) => ports.permits(identity, to),
      met: () => this.#choosing.schedule(),
    })
    const callPorts = {
      clock,
      policy: ports.policy,
      report: (error: RivuletError) => this.report(error),
      limited: (reason: string, peer: PeerInfo) => ports.limited(reason, peer),
    }
    this.callHost = new CallHost([this.serving.implementation], callPorts, { maxBindings: maxNodeBindings })
    this.asks = new NodeAsks({
      ...callPorts,
      roster: this.roster,
      host: this.callHost,
      name: () => ports.name(),
      unreachable: () => ports.unreachable(),
      clientOf: (session) => this.#sessions.get(session)?.forAsks,
      refusal: (session, incarnation) => this.#sessions.get(session)?.refusals.get(incarnation),
      local: (incarnation) => this.locals.get(incarnation),
      callers: (session) => this.#sessions.get(session)?.callers,
    })
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
      jitter: this.#ports.jitter,
      name: () => this.#ports.name(),
      report: (error) => this.report(error),
      hello: () => ({ node: this.id, endpoints: this.#ports.endpoints() }),
      claims: () => this.roster.claims,
      numberOf: (incarnation) => this.asks.callers.numberOf(incarnation),
      answered: (accepted, refused) => this.roster.answered(peer.id, accepted, refused),
      changed: () => this.#statusOf(session),
    })
    this.#sessions.set(peer.id, session)
    this.roster.began(peer.id, peer.dialed)
    this.#statusOf(session)
    return session.user()
  }

  /** Links that have not ended, in both directions; those that were never up do not count. */
  get sessions(): number {
    return [...this.#sessions.values()].filter(({ streams }) => streams.status !== 'opening').length
  }

  /** Adds a peer; returns why it cannot have its name. */
  add(peer: LocalPeer, takeover: boolean): RivuletError | undefined {
    const { name, incarnation } = peer.ref
    // before it joins: a peer whose name it takes over is seen first
    this.present.add(peer.presence)
    this.locals.set(incarnation, peer)
    const problem = this.roster.addLocal({ name, incarnation, epoch: 0, takeover, answers: new Map() })
    if (problem !== undefined) this.#forget(peer)
    return problem
  }

  remove(peer: LocalPeer): void {
    const { incarnation } = peer.ref
    this.roster.removeLocal(incarnation)
    this.#forget(peer)
    this.asks.callers.delete(incarnation)
  }

  nextAttempt(): number {
    this.#attempts += 1
    return this.#attempts
  }

  epochOf(ref: PeerRef): number {
    return this.roster.get(memberOf(ref))?.epoch ?? 0
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
    const local = peer.node === undefined ? this.locals.get(incarnation) : undefined
    if (local !== undefined) return { incarnation, via: local, open: this.serving.within(from, local) }
    const known = peer.sessions.map((id) => this.#sessions.get(id)).filter((session) => session !== undefined)
    const accepting = known.filter(({ id }) => this.roster.isAccepted(id, from.ref.incarnation))
    const via = accepting.find(({ isLeaving }) => !isLeaving) ?? accepting[0]
    if (via !== undefined) return { incarnation, via, isLeaving: via.isLeaving, open: (user) => via.deliver(user) }
    const own = from.ref.incarnation
    return known.find(({ isLeaving, refusals }) => !isLeaving && refusals.has(own))?.refusals.get(own)
  }

  linksTo(node: string): number {
    return [...this.#sessions.values()].filter((session) => session.node === node).length
  }

  session(id: string): NodeSession | undefined {
    return this.#sessions.get(id)
  }

  /** Says what is to be said, ends what other nodes send, and takes nothing more. */
  async finish(): Promise<void> {
    this.serving.isOpen = false
    const withdrawn = this.#announcing?.close()
    for (const session of this.#sessions.values()) session.end()
    await this.serving.streams.drain(Promise.resolve())
    await withdrawn
  }

  /** It is bound: its peers are announced there. */
  announce(endpoints: readonly Endpoint[]): void {
    this.#announcing?.start(endpoints)
  }

  /** Follows nothing any more. */
  stop(): void {
    this.dialing.stop()
    void this.#announcing?.close()
    this.roster.close()
  }

  async drain(): Promise<void> {}

  async stopAll(reason: RivuletError): Promise<void> {
    this.serving.isServing = false
    this.stop()
    await Promise.all([...this.#sessions.values()].map((session) => session.stop(reason)))
    this.asks.stop(reason)
  }

  #forget({ ref, presence }: LocalPeer): void {
    this.locals.delete(ref.incarnation)
    this.present.delete(presence)
  }

  #statusOf(session: NodeSession): void {
    const { status, suspected, draining } = session.streams
    if (status === 'opening') return
    if (status === 'ended') {
      this.#sessions.delete(session.id)
      void session.stop(new RivuletError('RIVULET_SESSION_LOST', 'the link has ended'))
    }
    if (draining) this.#draining(session)
    this.roster.status(session.id, status)
    if (status === 'ended') {
      for (const local of [...this.locals.values()]) local.ended(session)
      this.asks.ended(session.client)
    }
    this.roster.suspect(session.id, status === 'live' && suspected)
    this.#choosing.schedule()
  }

  #remember(name: string): void {
    this.#left.delete(name)
    if (this.#left.size >= maxLeftNames) this.#left.delete(this.#left.values().next().value as string)
    this.#left.add(name)
  }

  /** A session takes no new streams, since one of its sides is about to close it: what goes over it takes another way. */
  #draining(session: NodeSession): void {
    if (session.isLeaving) return
    session.leave()
    for (const local of [...this.locals.values()]) local.rerouteAll()
    this.asks.leaving(session.client)
  }

  /** Dials what is needed, and nothing else; once for many sessions that begin or end at once. */
  #chooseLinks(): void {
    const links = [...this.#sessions.values()].flatMap(({ node, isSettled, peer: { dialed }, streams }) => {
      const isLive = streams.status === 'live' && !streams.draining && (isSettled || node === this.#self)
      return node === undefined ? [] : [{ node, dialed, isLive }]
    })
    this.dialing.leaveOut(this.#choice.leftOut(links))
    this.dialing.changed()
  }

  #rosterPorts(): RosterPorts {
    const eachSession = (call: (session: NodeSession) => void) => [...this.#sessions.values()].forEach(call)
    const reroute = ({ ref }: RosterPeer) => [...this.locals.values()].forEach((local) => void local.reroute(ref.name))
    return {
      clock: this.#ports.clock,
      accept: (session, incarnation) => this.#sessions.get(session)?.listening?.accept(incarnation),
      refuse: (session, refused) => this.#sessions.get(session)?.listening?.refuse(refused),
      announce: (claim: PeerClaim) => eachSession((session) => session.announce(claim)),
      withdraw: (incarnation) => eachSession((session) => session.withdraw(incarnation)),
      joined: (peer) => {
        this.present.joined(peer)
        if (peer.node === undefined) this.#announcing?.holds(peer)
        reroute(peer)
        this.asks.joined(peer)
      },
      changed: (peer) => {
        if (peer.node === undefined) this.#announcing?.holds(peer)
        reroute(peer)
        this.asks.changed(peer)
      },
      left: (peer, reason) => {
        this.#remember(peer.ref.name)
        if (peer.node === undefined) void this.#announcing?.withdraw(peer.ref.incarnation)
        for (const local of [...this.locals.values()]) local.left(peer.ref.name, reason)
        this.present.left(peer)
        this.asks.left(peer)
      },
      suspected: (peer) => this.present.suspected(peer),
      recovered: (peer) => this.present.recovered(peer),
      conflict: (winner, losers) => this.present.conflict(winner, losers),
      complete: () => this.present.complete(),
      accepted: (session, incarnation) => {
        this.#sessions.get(session)?.refusals.delete(incarnation)
        this.locals.get(incarnation)?.rerouteAll()
        this.asks.changedAll()
      },
      refused: (session, incarnation, error) => {
        const local = this.locals.get(incarnation)
        if (session === undefined) local?.lost(error)
        else {
          this.#sessions.get(session)?.refusals.set(incarnation, error)
          local?.refusedSomewhere(error)
        }
        this.asks.changedAll()
      },
      regained: (incarnation) => {
        this.locals.get(incarnation)?.regained()
        this.asks.changedAll()
      },
      report: (error) => this.report(error),
    }
  }
}
