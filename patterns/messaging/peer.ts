/**
 * A peer: a name under which others reach this process, and which sees them come and go.
 *
 * The first peer of a node has its links; those over it share them.
 */
import { randomBytes } from 'node:crypto'
import type { Observable } from 'rxjs'
import { isSchema, type Schema } from '../../src/avro/index.js'
import type { CallOptions } from '../../src/call/index.js'
import { type Endpoint, peerDirectory } from '../../src/discovery/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { Closable } from '../../src/lifecycle/index.js'
import { LinkSet } from '../../src/link/index.js'
import { parseEndpoint } from '../../src/net/index.js'
import { defaults, invalidOption, type Resolved, resolveOptions } from '../../src/options/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import { keyFingerprint, type PeerIdentity } from '../../src/security/index.js'
import { checkSides, connects } from '../../src/socket/index.js'
import type { SendAllOptions, SendAllResult, SendAllSource, Stream } from '../../src/stream/index.js'
import { announcedEndpoints } from './announcing.js'
import { type Answerer, type Answering, PeerAnswers } from './answers.js'
import { type ClosingPeer, finishPeer, releasePeer } from './closing.js'
import type { AnswerOf, Ask, QueryInputOf } from './define-ask.js'
import { LocalPeer } from './local-peer.js'
import type { PeerDelivery } from './mail-supply.js'
import type { Peer, PeerStats } from './named-peer.js'
import { PeerNode } from './node.js'
import { askPolicy } from './node-asks.js'
import { type BroadcastOptions, type PeerOptions, type PeerSendOptions, peerRules, sharedPeerRules } from './options.js'
import { PeerAsks } from './peer-asks.js'
import type { PeerRef } from './peer-claim.js'
import type { PresenceEvent } from './presence-event.js'

/**
 * Opens a peer.
 *
 * Resolves when its endpoints are bound and it claims its name; others may refuse that later, which `errors` reports. Two processes
 * with peers have one link between them, whichever side connects.
 *
 * Lifetime: `close` waits until what it has sent is taken and what it was sent is handed out, and says that it has left. Closing the
 * peer that has the links closes those over it first.
 *
 * @param options - `name`, and one of `bind`, `connect`, `directory` and `over`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED, RIVULET_NAME_TAKEN; RIVULET_CLOSED if `runtime`, or the peer that it is
 * `over`, is closed
 * @example
 * ```ts compile-only
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createPeer } from 'rivulet/messaging'
 *
 * const Report = defineSchema(record('Report', { done: 'int' }))
 *
 * await using planner = await createPeer({ name: 'planner', bind: 'tcp://127.0.0.1:*' })
 * await using worker = await createPeer({ name: 'worker-7', connect: planner.endpoint })
 *
 * planner.deliveries(Report).subscribe(({ from, value }) => console.log(from.name, value.done)) // worker-7 3
 * await worker.send('planner', Report, { done: 3 }) // the planner's process has it
 * ```
 */
export async function createPeer(options: PeerOptions): Promise<Peer> {
  const subject = 'createPeer'
  if (options?.over === undefined) return PeerResource.create(resolveOptions(subject, options, peerRules))
  const { over, ...own } = options
  const other = resourceOf(over)
  if (other === undefined) throw invalidOption(subject, 'over', 'a peer of createPeer', over)
  return PeerResource.createOver(other, resolveOptions(subject, own, sharedPeerRules))
}

type OwnOptions = Resolved<typeof sharedPeerRules>
type FullOptions = Resolved<typeof peerRules>

const resources = new WeakMap<object, PeerResource>()

/** Returns what stands behind a peer; `undefined` for anything else. */
function resourceOf(peer: unknown): PeerResource | undefined {
  return typeof peer === 'object' && peer !== null ? resources.get(peer) : undefined
}

class PeerResource extends ResourceBase<PeerStats> implements Peer {
  protected readonly isSender = true
  readonly self: PeerRef
  readonly #first: PeerResource | undefined
  readonly #node: PeerNode
  readonly #local: LocalPeer
  readonly #asks: PeerAsks
  readonly #answers: PeerAnswers
  readonly #takeover: boolean
  readonly #links: LinkSet
  readonly #isAnnounced: boolean
  readonly #advertised: readonly Endpoint[]
  /** Peers over this one, which close before it. */
  readonly #guests = new Set<PeerResource>()

  static create(options: FullOptions): Promise<PeerResource> {
    const { bind, connect, directory } = options
    const isOpen = bind.length > 0 || connects(connect)
    checkAdvertised(options)
    checkSides('createPeer', options, directory !== undefined && !isOpen ? 'neither' : 'any')
    return new PeerResource(options, undefined, options).open()
  }

  static createOver(first: PeerResource, options: OwnOptions): Promise<PeerResource> {
    return new PeerResource(options, first.#first ?? first, undefined).open()
  }

  private constructor(own: OwnOptions, first: PeerResource | undefined, full: FullOptions | undefined) {
    const { name, signal, takeover } = own
    super('createPeer', { signal, runtime: full?.runtime, over: first, hasOwnErrors: true })
    const identity = first === undefined ? identityOf(full?.security?.keyPair.publicKey) : first.self.identity
    this.self = Object.freeze({ name, incarnation: randomBytes(16).toString('hex'), identity })
    this.#first = first
    this.#takeover = takeover
    this.#isAnnounced = full?.directory !== undefined
    this.#advertised = full?.advertised ?? []
    this.#node = first === undefined ? this.#newNode(full as FullOptions) : first.#node
    this.#links = first === undefined ? this.#newLinks(full as FullOptions) : first.#links
    const node = this.#node
    this.#local = new LocalPeer(this.self, own, {
      clock: this.runtime.clock,
      name: () => this.label,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
      waitUntil: (deadline, done) => this.waitUntil(deadline, done),
      epoch: () => node.epochOf(this.self),
      nextAttempt: () => node.nextAttempt(),
      wayTo: (to) => node.wayTo(this.#local, to),
      isPresent: (to) => node.roster.find(to) !== undefined,
      present: node.present,
      isSender: (member) => node.roster.get(member) !== undefined,
      hasLeft: (to) => node.hasLeft(to),
    })
    const [life, local] = [this.life, this.#local]
    this.#asks = new PeerAsks(node.asks, {
      incarnation: this.self.incarnation,
      number: node.asks.callers.take(this.self.incarnation),
      name: () => this.label,
      get isOpen() {
        return life.isOpen
      },
      onClosing: (callback) => life.onClosing(callback),
      get problem() {
        return local.problem
      },
      timeoutMs: defaults.callTimeoutMs,
      waitForReady: defaults.waitForReady,
    })
    this.#answers = new PeerAnswers(this.self, {
      clock: this.runtime.clock,
      host: node.callHost,
      get isOpen() {
        return life.isOpen
      },
      version: node.asks.version,
      asker: (session, caller) => node.asks.asker(session, caller),
      changed: (answers) => node.roster.changeLocal(this.self.incarnation, answers),
    })
    resources.set(this, this)
  }

  override get name(): string {
    return this.self?.name ?? ''
  }

  protected override get label(): string {
    return `peer '${this.name}'`
  }

  override get endpoints(): readonly string[] {
    return this.#links?.endpoints ?? []
  }

  get peers(): readonly PeerRef[] {
    return this.closed ? [] : this.#local.presence.peers
  }

  get presence(): Observable<PresenceEvent> {
    return this.#local.presence.events
  }

  send<In>(to: string, schema: Schema<In>, value: In, options?: PeerSendOptions): Promise<void> {
    return this.#local.send(to, schema, value, options)
  }

  sendAll<In>(
    to: string,
    schema: Schema<In>,
    source: SendAllSource<In>,
    options?: SendAllOptions,
  ): Promise<SendAllResult> {
    return this.#local.sendAll(to, schema, source, options)
  }

  async broadcast<In>(schema: Schema<In>, value: In, options?: BroadcastOptions): Promise<{ readonly sent: number }> {
    const closed = new RivuletError('RIVULET_CLOSED', `${this.label} is closing or closed`, { executed: 'no' })
    const problem = this.life.isOpen ? this.#local.problem : closed
    if (problem !== undefined) throw problem
    const names = this.#node.roster.peers.map(({ ref }) => ref.name).filter((name) => name !== this.self.name)
    return { sent: await this.#local.broadcast(names, schema, value, options) }
  }

  deliveries<Out>(schema: Schema<unknown, Out>): Stream<PeerDelivery<Out>> {
    if (!isSchema(schema)) throw invalidOption('deliveries', 'schema', 'a schema of defineSchema', schema)
    return this.#local.mailbox.laneOf(schema).deliveries
  }

  messages<Out>(schema: Schema<unknown, Out>): Stream<Out> {
    if (!isSchema(schema)) throw invalidOption('messages', 'schema', 'a schema of defineSchema', schema)
    return this.#local.mailbox.laneOf(schema).messages
  }

  ask<A extends Ask>(to: string, ask: A, query: QueryInputOf<A>, options?: CallOptions): Promise<AnswerOf<A>> {
    return this.#asks.ask(to, ask, query, options)
  }

  answer<A extends Ask>(ask: A, answerer: Answerer<A>): Answering {
    return this.#answers.answer(ask, answerer)
  }

  stats(): PeerStats {
    const { strayFrames, rejectedFrames } = this.#links
    const { refused, failed, invalidItems } = this.#node.callHost.stats()
    return Object.freeze({
      outgoing: this.#local.sends(),
      incoming: this.#local.mailbox.stats(),
      asks: this.#asks.stats(),
      peers: this.peers.length,
      sessions: this.#node.sessions,
      strayFrames,
      rejectedFrames,
      rejectedClaims: this.#node.roster.rejected,
      refusedStreams: refused + failed,
      invalidItems,
    })
  }

  protected override async openTransport(): Promise<void> {
    const problem = this.#node.add(this.#local, this.#takeover)
    if (problem !== undefined) throw problem
    await super.openTransport()
    if (this.#first !== undefined) {
      this.#first.#adopt(this)
      return
    }
    if (this.#isAnnounced)
      this.#node.announce(announcedEndpoints(this.#links.endpoints, this.#links.publicKey, this.#advertised))
    this.#node.roster.start()
  }

  /** Closes before a peer that has not taken all that this one sent, or that it asks. */
  protected override uses(other: Closable): boolean {
    const to = resourceOf(other)?.self.name
    return to !== undefined && (this.#local.isSendingTo(to) || this.#asks.isAsking(to))
  }

  protected override async finish(deadline: number): Promise<number> {
    const timeoutMs = Math.max(0, deadline - this.runtime.clock.now())
    await Promise.all([...this.#guests].map((guest) => guest.close({ drain: timeoutMs > 0, timeoutMs })))
    const left = await finishPeer(this.#closing, deadline)
    if (this.#first === undefined) {
      await this.waitUntil(deadline, this.#node.finish())
      await super.finish(deadline)
    }
    return left
  }

  protected override released(): void {
    releasePeer(this.#closing)
    if (this.#first === undefined) this.#node.stop()
  }

  get #closing(): ClosingPeer {
    const [node, local, asks, answers] = [this.#node, this.#local, this.#asks, this.#answers]
    const { clock } = this.runtime
    return { clock, node, local, asks, answers, waitUntil: (deadline, done) => this.waitUntil(deadline, done) }
  }

  #adopt(guest: PeerResource): void {
    this.#guests.add(guest)
    void guest.whenClosed.then(() => this.#guests.delete(guest))
  }

  #newNode({ security, connect, directory }: FullOptions): PeerNode {
    const node = new PeerNode({
      clock: this.runtime.clock,
      id: randomBytes(16).toString('hex'),
      name: () => this.label,
      report: (error: RivuletError) => this.reports.report(error),
      endpoints: () => [...(this.#links?.endpoints ?? []), ...this.#advertised.map(({ address }) => address)],
      permits: (identity, to) => this.#links.guard?.permits(identity, 'message', to) ?? true,
      policy:
        security?.policy &&
        askPolicy(
          (identity, to) => this.#links.guard?.permits(identity, 'message', to) ?? true,
          (identity, to) => this.#links.guard?.allows(identity, 'message', to) ?? true,
        ),
      unreachable: () => this.unreachable(),
      limited: (reason, peer) => this.#links.limited(reason, peer),
      identity: identityOf(security?.keyPair.publicKey),
      connect,
      directory: directory?.[peerDirectory],
    })
    return node
  }

  #newLinks(options: FullOptions): LinkSet {
    const { outboxBytes, maxLinkMessageBytes, maxSessions } = defaults
    const connect = this.#node.dialing.lists
    const settings = { ...options, connect, outboxBytes, maxMessageBytes: maxLinkMessageBytes + 1_048_576, maxSessions }
    const links = new LinkSet(this.scope, settings, [this.#node, this.#node.callHost])
    this.transport = links
    return links
  }
}

/** @throws RIVULET_INVALID_OPTION without a directory or `bind`, RIVULET_INVALID_ENDPOINT. */
function checkAdvertised({ advertised, directory, bind }: FullOptions): void {
  if (advertised.length === 0) return
  if (directory === undefined || bind.length === 0) {
    const rule = 'left out without a directory and bind: it is for the directory'
    throw invalidOption('createPeer', 'advertised', rule, advertised)
  }
  for (const { address } of advertised) parseEndpoint(address, 'connect')
}

/** Who a peer is by its own key: others know it by the name in their allow list. */
function identityOf(publicKey: string | undefined): PeerIdentity | undefined {
  return publicKey === undefined ? undefined : Object.freeze({ name: keyFingerprint(publicKey), publicKey })
}
