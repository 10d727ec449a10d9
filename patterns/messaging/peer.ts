/**
 * A peer: a name under which others reach this process, and which sees them come and go.
 *
 * The first peer of a node has its links; those over it share them.
 */
import { randomBytes } from 'node:crypto'
import type { Observable } from 'rxjs'
import { isSchema, type Schema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { LinkSet } from '../../src/link/index.js'
import { defaults, invalidOption, type Resolved, resolveOptions } from '../../src/options/index.js'
import { type Resource, ResourceBase } from '../../src/resource/index.js'
import { checkSides, connects } from '../../src/socket/index.js'
import type {
  Reasons,
  SendAllOptions,
  SendAllResult,
  SendAllSource,
  SenderStats,
  Stream,
} from '../../src/stream/index.js'
import { LocalPeer } from './local-peer.js'
import type { PeerDelivery } from './mail-supply.js'
import type { MailboxStats } from './mailbox.js'
import { PeerNode } from './node.js'
import { type BroadcastOptions, type PeerOptions, type PeerSendOptions, peerRules, sharedPeerRules } from './options.js'
import type { PeerRef } from './peer-claim.js'
import type { PresenceEvent } from './presence.js'

/** The counts of a `Peer`; the unit is messages, where nothing else is said. */
export interface PeerStats {
  /** What became of the messages that it has sent: `accepted = sent + dropped + pending`; `sent` were taken by receivers. */
  readonly outgoing: SenderStats
  /** What became of the messages that came to it: `received = delivered + dropped + pending`. */
  readonly incoming: MailboxStats
  /** Peers that it sees as present. */
  readonly peers: number
  /** Links of its node that have not ended, those that are cut included. */
  readonly sessions: number
  /** Frames that came on a connection without a session, and were dropped. */
  readonly strayFrames: number
  /** Frames of other processes that were rejected, by reason: `bad-frame`, `corrupt-frame`, `protocol-violation`. */
  readonly rejectedFrames: Reasons
  /** What other processes said of peers that was refused for what is wrong with it, by reason. */
  readonly rejectedClaims: Reasons
}

/** A named peer. */
export interface Peer extends Resource<PeerStats> {
  /** The name. */
  readonly name: string
  /** Who this peer is, as others see it. */
  readonly self: PeerRef
  /** The other peers that are present now. */
  readonly peers: readonly PeerRef[]
  /**
   * The other peers as they come and go: those that are present first, then `complete`, then each change.
   *
   * That a peer has `left` comes behind its last message that is consumed here, and before its successor has `joined`.
   */
  readonly presence: Observable<PresenceEvent>
  /**
   * Sends a message to a peer.
   *
   * Resolves when the process of the receiver has taken it into the mailbox. That does not mean that it was handled. Messages
   * of one peer to another arrive in order, over all schemas and across reconnections, and none arrives twice.
   *
   * Backpressure: waits as long as the mailbox of the receiver is full, and for a receiver that is not present, at most `timeoutMs`.
   * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_CLOSED; RIVULET_UNKNOWN_PEER,
   * RIVULET_PEER_GONE, RIVULET_MAILBOX_FULL, RIVULET_MESSAGE_REFUSED, RIVULET_PERMISSION_DENIED, RIVULET_NAME_TAKEN;
   * RIVULET_TIMEOUT or RIVULET_ABORTED if it had not left, and RIVULET_UNKNOWN_OUTCOME if it had, or if the receiver was started
   * again. `executed` says whether it may have been taken.
   */
  send<In>(to: string, schema: Schema<In>, value: In, options?: PeerSendOptions): Promise<void>
  /**
   * Sends everything a source yields to a peer, in batches.
   *
   * Resolves when the source has ended and each message was taken or refused; `errors` reports why messages were dropped.
   *
   * Backpressure: takes from the source as fast as there is room for the receiver.
   *
   * Cancellation: `signal` ends the taking and the wait; what was taken is still sent.
   * @error RIVULET_SOURCE_FAILED, RIVULET_ABORTED, RIVULET_CLOSED, RIVULET_NAME_TAKEN
   */
  sendAll<In>(
    to: string,
    schema: Schema<In>,
    source: SendAllSource<In>,
    options?: SendAllOptions,
  ): Promise<SendAllResult>
  /**
   * Sends a message to each other peer that is present now.
   *
   * Resolves with the number of those that have taken it, when each has or has not.
   * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_MESSAGE
   */
  broadcast<In>(
    schema: Schema<In>,
    value: In,
    options?: BroadcastOptions,
  ): Promise<{
    /** Peers that have taken it. */
    readonly sent: number
  }>
  /**
   * Returns the messages of a schema that come to this peer, each with its sender.
   *
   * The same stream for each call with the schema. It is hot: messages are handed out while somebody consumes them, and wait in the
   * mailbox meanwhile. Of messages that nobody consumes, 1,024 are kept, and more are refused to their senders.
   * @throws RIVULET_INVALID_OPTION
   */
  deliveries<Out>(schema: Schema<unknown, Out>): Stream<PeerDelivery<Out>>
  /**
   * Returns the same messages without their senders; what one of both hands out, the other one does too.
   *
   * @throws RIVULET_INVALID_OPTION
   */
  messages<Out>(schema: Schema<unknown, Out>): Stream<Out>
}

/**
 * Opens a peer.
 *
 * Resolves when its endpoints are bound and it claims its name; others may refuse that later, which `errors` reports. Two processes
 * with peers have one link between them, whichever side connects.
 *
 * Lifetime: `close` waits until what it has sent is taken and what it was sent is handed out, and says that it has left. Closing the
 * peer that has the links closes those over it first.
 *
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS,
 * RIVULET_ABORTED, RIVULET_CLOSED, RIVULET_NAME_TAKEN
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
  readonly #takeover: boolean
  readonly #links: LinkSet
  /** Peers over this one, which close before it. */
  readonly #guests = new Set<PeerResource>()

  static create(options: FullOptions): Promise<PeerResource> {
    const { bind, connect, directory } = options
    const isOpen = bind.length > 0 || connects(connect)
    checkSides('createPeer', options, directory !== undefined && !isOpen ? 'neither' : 'any')
    return new PeerResource(options, undefined, options).open()
  }

  static createOver(first: PeerResource, options: OwnOptions): Promise<PeerResource> {
    return new PeerResource(options, first.#first ?? first, undefined).open()
  }

  private constructor(own: OwnOptions, first: PeerResource | undefined, full: FullOptions | undefined) {
    const { name, signal, takeover } = own
    super('createPeer', { signal, runtime: full?.runtime, over: first })
    this.self = Object.freeze({ name, incarnation: randomBytes(16).toString('hex'), identity: undefined })
    this.#first = first
    this.#takeover = takeover
    this.#node = first === undefined ? this.#newNode(full as FullOptions) : first.#node
    this.#links = first === undefined ? this.#newLinks(full as FullOptions) : first.#links
    const node = this.#node
    this.#local = new LocalPeer(this.self, own, {
      clock: this.runtime.clock,
      name: () => `peer '${this.name}'`,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
      waitUntil: (deadline, done) => this.waitUntil(deadline, done),
      epoch: () => node.epochOf(this.self.incarnation),
      nextAttempt: () => node.nextAttempt(),
      wayTo: (to) => node.wayTo(this.#local, to),
      isPresent: (to) => node.roster.find(to) !== undefined,
      hasLeft: (to) => node.hasLeft(to),
    })
    resources.set(this, this)
  }

  override get name(): string {
    return this.self?.name ?? ''
  }

  override get endpoints(): readonly string[] {
    return this.#links?.endpoints ?? []
  }

  get peers(): readonly PeerRef[] {
    return this.#local.presence.peers
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

  stats(): PeerStats {
    const { sessions, strayFrames, rejectedFrames } = this.#links
    return Object.freeze({
      outgoing: this.#local.sends(),
      incoming: this.#local.mailbox.stats(),
      peers: this.peers.length,
      sessions,
      strayFrames,
      rejectedFrames,
      rejectedClaims: this.#node.roster.rejected,
    })
  }

  protected override async openTransport(): Promise<void> {
    const problem = this.#node.add(this.#local, this.#takeover)
    if (problem !== undefined) throw problem
    await super.openTransport()
    if (this.#first === undefined) this.#node.roster.start()
    else this.#first.#adopt(this)
  }

  protected override async finish(deadline: number): Promise<number> {
    const timeoutMs = Math.max(0, deadline - this.runtime.clock.now())
    await Promise.all([...this.#guests].map((guest) => guest.close({ drain: timeoutMs > 0, timeoutMs })))
    let left = await this.#local.finish(deadline)
    await this.waitUntil(deadline, this.#local.mailbox.whenDrained())
    left += this.#local.mailbox.close()
    this.#node.remove(this.#local)
    this.#local.presence.close()
    if (this.#first === undefined) {
      await this.waitUntil(deadline, this.#node.finish())
      await super.finish(deadline)
    }
    return left
  }

  protected override released(): void {
    // of a peer that was never open
    this.#local.mailbox.close()
    this.#node.remove(this.#local)
    this.#local.presence.close()
  }

  #adopt(guest: PeerResource): void {
    this.#guests.add(guest)
    void guest.whenClosed.then(() => this.#guests.delete(guest))
  }

  #newNode({ security, connect }: FullOptions): PeerNode {
    const node = new PeerNode({
      clock: this.runtime.clock,
      name: () => this.name,
      report: (error: RivuletError) => this.reports.report(error),
      endpoints: () => this.#links?.endpoints ?? [],
      permits: (identity, to) => this.#links.guard?.permits(identity, 'message', to) ?? true,
      limited: (reason, peer) => this.#links.limited(reason, peer),
      publicKey: security?.keyPair.publicKey,
      connect,
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
