/**
 * One peer of this process without its links: what it sends, what comes to it, and whom it sees.
 *
 * Its node says who is where, and gives it what comes; names and presence are decided by the roster of the node.
 */
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { isSchema, type Schema } from '../../src/avro/index.js'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { SparseReports } from '../../src/observe/index.js'
import { defaults, invalidOption, resolveOptions } from '../../src/options/index.js'
import type { Extras, SenderIntake } from '../../src/reliable-send/index.js'
import type { SendAllOptions, SendAllResult, SendAllSource, SenderStats } from '../../src/stream/index.js'
import type { ReceivingPeer } from './deliver-session.js'
import { Destination, type DestinationPorts, type Way } from './destination.js'
import { Mailbox, type MailboxOverflow } from './mailbox.js'
import { type BroadcastOptions, broadcastRules, isPeerName, type PeerSendOptions, sendRules } from './options.js'
import { memberOf, type PeerRef } from './peer-claim.js'
import { PeerSend } from './peer-send.js'
import { Presence } from './presence.js'
import type { PresentPeers } from './present-peers.js'
import { type ReceivedFrom, ReceivedFromPeers } from './received-from.js'
import type { LeaveReason } from './roster-contract.js'
import { sumOfSends } from './sum-of-sends.js'

/** The options of a peer that concern its messages, resolved. */
export interface LocalPeerSettings {
  readonly mailboxMessages: number
  readonly mailboxBytes: number
  readonly mailboxOverflow: MailboxOverflow
  readonly outboxBytes: number
}

/** What a peer needs of its resource and its node. */
export interface LocalPeerPorts {
  readonly clock: Clock
  name(): string
  isOpen(): boolean
  onClosing(callback: () => void): () => void
  report(error: RivuletError): void
  waitUntil(deadline: number, done: Promise<unknown>): Promise<unknown>
  /** The epoch with which it holds its name. */
  epoch(): number
  nextAttempt(): number
  /** The way to a name; why there is none for this peer, or `undefined` as long as there is none. */
  wayTo(name: string): Way | RivuletError | undefined
  isPresent(name: string): boolean
  /** Who is present, as all peers of the node see it. */
  readonly present: PresentPeers
  /** Whether a peer of an incarnation and a key (see `memberOf`) is present. */
  isSender(member: string): boolean
  hasLeft(name: string): boolean
}

/** Names that one peer sends to, those included that are not present. */
const maxDestinations = 65_536

/** One peer. */
export class LocalPeer implements ReceivingPeer {
  readonly ref: PeerRef
  readonly mailbox: Mailbox
  readonly presence: Presence
  readonly maxMessageBytes = defaults.maxLinkMessageBytes
  readonly #ports: LocalPeerPorts
  readonly #destinationPorts: DestinationPorts
  readonly #received: ReceivedFromPeers
  readonly #destinations = new Map<string, Destination>()
  /** What became of messages to destinations that are forgotten. */
  #formerSends: SenderStats | undefined
  readonly #refusals: SparseReports
  /** Why it can send nothing: another peer has its name. */
  #lost: RivuletError | undefined

  constructor(ref: PeerRef, settings: LocalPeerSettings, ports: LocalPeerPorts) {
    this.ref = ref
    this.#ports = ports
    this.#destinationPorts = { ...ports, from: ref, outboxBytes: settings.outboxBytes }
    this.#received = new ReceivedFromPeers((member) => ports.isSender(member))
    const { unclaimedMessages, unclaimedBytes } = defaults
    this.#refusals = new SparseReports(ports.clock, (error) => ports.report(error))
    const refusals = new SparseReports(ports.clock, (error) => ports.report(error))
    this.mailbox = new Mailbox(
      { ...settings, unclaimedMessages, unclaimedBytes },
      {
        name: () => ports.name(),
        report: (error) => (error.code === 'RIVULET_MESSAGE_REFUSED' ? refusals : ports).report(error),
        wallNow: () => ports.clock.wallNow(),
        handedOut: (from) => this.presence.handedOut(from),
      },
    )
    this.presence = new Presence(memberOf(ref), ports.present, (member) => this.mailbox.holds(member))
  }

  /** Why it can send and ask nothing; `undefined` if it can. */
  get problem(): RivuletError | undefined {
    return this.#lost
  }

  receivedFrom(ref: PeerRef): ReceivedFrom {
    return this.#received.of(ref)
  }

  /** See `Peer.send`. */
  send<In>(to: string, schema: Schema<In>, value: In, options?: PeerSendOptions): Promise<void> {
    let resolved: typeof defaultSend
    let into: { readonly destination: Destination; readonly intake: SenderIntake<unknown, Extras> }
    try {
      resolved = options === undefined ? defaultSend : resolveOptions('send', options, sendRules)
      into = this.#into('send', to, schema)
    } catch (error) {
      return Promise.reject(error)
    }
    const { timeoutMs, signal, waitForReady, delivery } = resolved
    const { destination, intake } = into
    const send = new PeerSend(delivery)
    const problem = this.#lost ?? destination.problem
    if (problem !== undefined) send.failed(problemOf(problem, false))
    else if (!waitForReady && !destination.isPresent) send.failed(destination.absent())
    else destination.sender.limit(send, timeoutMs, signal)
    if (!send.done) destination.sender.send(send, intake, value)
    return send.promise
  }

  /** See `Peer.sendAll`. */
  async sendAll<In>(
    to: string,
    schema: Schema<In>,
    source: SendAllSource<In>,
    options?: SendAllOptions,
  ): Promise<SendAllResult> {
    const { destination, intake } = this.#into('sendAll', to, schema)
    const problem = this.#lost ?? destination.problem
    if (problem !== undefined) throw problemOf(problem, false)
    destination.sources += 1
    try {
      return await destination.sender.sendAll(intake, source as SendAllSource<unknown>, options)
    } finally {
      destination.sources -= 1
    }
  }

  /** See `Peer.broadcast`. */
  async broadcast<In>(
    names: readonly string[],
    schema: Schema<In>,
    value: In,
    options?: BroadcastOptions,
  ): Promise<number> {
    const { timeoutMs, signal } = resolveOptions('broadcast', options ?? {}, broadcastRules)
    if (!isSchema(schema)) throw invalidOption('broadcast', 'schema', 'a schema of defineSchema', schema)
    const each = { timeoutMs, ...(signal && { signal }), waitForReady: false }
    const sends = names.map((name) => this.send(name, schema, value, each))
    const outcomes = await Promise.allSettled(sends)
    const invalid = outcomes.find((one) => one.status === 'rejected' && one.reason.code === 'RIVULET_INVALID_MESSAGE')
    if (invalid !== undefined) throw (invalid as PromiseRejectedResult).reason
    return outcomes.filter(({ status }) => status === 'fulfilled').length
  }

  /** The holder of a name, or the way to it, may have changed. */
  reroute(name: string): void {
    const destination = this.#destinations.get(name)
    if (destination !== undefined) this.#lead(destination)
  }

  /** The same for all names. */
  rerouteAll(): void {
    for (const destination of this.#destinations.values()) this.#lead(destination)
  }

  /** The holder of a name has left. */
  left(name: string, reason: LeaveReason): void {
    const destination = this.#destinations.get(name)
    if (destination === undefined) return
    destination.left(reason)
    this.#forgetIdle(destination)
  }

  /** A link has ended, with what had left over it. */
  ended(via: object): void {
    for (const destination of [...this.#destinations.values()]) {
      destination.ended(via)
      if (!destination.isPresent) this.#forgetIdle(destination)
    }
  }

  /** Another peer has its name. */
  lost(error: RivuletError): void {
    this.#lost = error
    for (const { sender } of this.#destinations.values())
      sender.failAll('name-taken', (hasLeft) => problemOf(error, hasLeft))
    this.rerouteAll()
    this.#ports.report(error)
  }

  /** The other side of a session does not accept it: what it sends to peers there fails. */
  refusedSomewhere(error: RivuletError): void {
    this.rerouteAll()
    // another node may alternate as often as it likes
    this.#refusals.report(error)
  }

  /** It has its name again. */
  regained(): void {
    this.#lost = undefined
    this.rerouteAll()
  }

  /** What became of its messages. */
  sends(): SenderStats {
    return sumOfSends([this.#formerSends, ...[...this.#destinations.values()].map(({ sender }) => sender.stats())])
  }

  /** Whether something that it has sent to a name is still to be taken. */
  isSendingTo(name: string): boolean {
    return this.#destinations.get(name)?.isEmpty === false
  }

  /** Waits until what it has sent is taken, up to a time on the clock; returns how many messages are not. */
  async finish(deadline: number): Promise<number> {
    const left = await Promise.all([...this.#destinations.values()].map(({ sender }) => sender.finish(deadline)))
    return left.reduce((sum, count) => sum + count, 0)
  }

  #into<In>(
    what: string,
    to: string,
    schema: Schema<In>,
  ): { readonly destination: Destination; readonly intake: SenderIntake<unknown, Extras> } {
    if (!isSchema(schema)) throw invalidOption(what, 'schema', 'a schema of defineSchema', schema)
    const codec = codecOf(schema) as Codec<unknown, unknown>
    const destination = this.#destinations.get(to) ?? this.#newDestination(what, to, codec)
    return { destination, intake: destination.intakeOf(codec) }
  }

  #newDestination(what: string, to: string, codec: Codec<unknown, unknown>): Destination {
    if (!isPeerName(to)) throw invalidOption(what, 'to', 'the name of a peer, 1 to 255 characters', to)
    if (!this.#ports.isPresent(to) || this.#destinations.size >= maxDestinations) this.#makeRoom()
    const destination = new Destination(to, codec, this.#destinationPorts)
    this.#destinations.set(to, destination)
    this.#lead(destination)
    return destination
  }

  /** Names that nobody has are forgotten first; beyond the bound, messages to more of them are refused. */
  #makeRoom(): void {
    const absent = [...this.#destinations.values()].filter(({ isPresent }) => !isPresent)
    if (absent.length < defaults.maxAbsentPeers && this.#destinations.size < maxDestinations) return
    const idle = absent.filter((destination) => destination.isEmpty)
    for (const destination of idle) this.#forget(destination)
    if (idle.length > 0) return
    const message = `${this.#ports.name()}: messages wait for ${absent.length} peers that are not present`
    throw new RivuletError('RIVULET_OUTBOX_FULL', message, { executed: 'no' })
  }

  #lead(destination: Destination): void {
    destination.isPresent = this.#ports.isPresent(destination.name)
    destination.lead(this.#lost ?? this.#ports.wayTo(destination.name))
  }

  #forgetIdle(destination: Destination): void {
    if (destination.isEmpty) this.#forget(destination)
  }

  #forget(destination: Destination): void {
    this.#destinations.delete(destination.name)
    this.#formerSends = sumOfSends([this.#formerSends, destination.sender.stats()])
    destination.close()
  }
}

const defaultSend = resolveOptions('send', {}, sendRules)

function problemOf({ code, message }: RivuletError, hasLeft: boolean): RivuletError {
  return new RivuletError(code, message, { executed: hasLeft ? 'maybe' : 'no' })
}
