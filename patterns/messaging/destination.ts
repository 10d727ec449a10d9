/**
 * The messages of one peer to another name: their outbox, and their way, which changes with the holder of the name.
 *
 * Messages for an absent peer wait here, within the same bounds.
 */
import type { Codec } from '../../src/avro/codec.js'
import type { Clock } from '../../src/clock/index.js'
import type { Conversation, ConversationStream } from '../../src/conversation/index.js'
import { isRivuletError, RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import {
  type Extras,
  type Owner,
  ReliableSender,
  type ReliableSenderPorts,
  type SendAnswer,
  type SenderIntake,
  type SendRequest,
} from '../../src/reliable-send/index.js'
import type { Refusal } from '../../src/stream/index.js'
import type { PeerRef } from './peer-claim.js'
import type { LeaveReason } from './roster-contract.js'
import { type OpenStream, Route } from './route.js'
import type { DeliverOpen } from './wire.js'

/** The first buffer of an outbox, in bytes: a peer may have very many of them. */
const smallestSlabBytes = 1024

/** Former incarnations of a name that are remembered while messages wait; of more, each counts as a former one. */
const maxFormer = 64

/** Who is there to send to, and how. */
export interface Way {
  readonly incarnation: string
  /** What the stream goes over: another one is another stream. */
  readonly via: object
  readonly open: OpenStream
  /** Whether it takes no new streams, since it is about to end: a stream that it has is finished. */
  readonly isLeaving?: boolean
}

/** What destinations need of their peer: all of them share it. */
export interface DestinationPorts {
  readonly clock: Clock
  readonly from: PeerRef
  /** The epoch of this peer. */
  epoch(): number
  /** The number of the next stream, higher than all before it. */
  nextAttempt(): number
  /** Whether a peer of a name was present and has left. */
  hasLeft(name: string): boolean
  readonly outboxBytes: number
  name(): string
  isOpen(): boolean
  onClosing(callback: () => void): () => void
  report(error: RivuletError): void
  waitUntil(deadline: number, done: Promise<unknown>): Promise<unknown>
}

/** The messages from one peer to one name. */
export class Destination {
  readonly name: string
  readonly sender: ReliableSender<unknown, DeliverOpen, Extras>
  readonly #route: Route
  /** Where messages of the first schema go in, and of others: most destinations have one. */
  #intake: DestinationIntake | undefined
  #otherIntakes: Map<Codec<unknown, unknown>, DestinationIntake> | undefined
  /** The incarnation that it sends to, or has sent to last. */
  #incarnation: string | undefined
  /** Those before it, as long as messages wait that may have left for them. */
  #former: Set<string> | undefined
  #via: object | undefined
  /** What the last stream went over. */
  #lastVia: object | undefined
  /** The way whose stream is being finished. */
  #finishing: object | undefined
  /** Whether a peer of the name is there. */
  isPresent = false
  /** Sources that messages are taken from. */
  sources = 0
  /** Why messages fail at once. */
  problem: RivuletError | undefined
  readonly #ports: DestinationPorts

  constructor(name: string, codec: Codec<unknown, unknown>, ports: DestinationPorts) {
    this.name = name
    this.#ports = ports
    this.sender = new ReliableSender(codec, new SenderPorts(this, ports))
    this.#route = this.sender.stream as Route
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.sources === 0 && this.sender.waiting === 0 && this.sender.stats().pending === 0
  }

  /** Where messages of a schema go in. */
  intakeOf(codec: Codec<unknown, unknown>): SenderIntake<unknown, Extras> {
    if (this.#intake?.codec === codec) return this.#intake
    const known = this.#otherIntakes?.get(codec)
    if (known !== undefined) return known
    const intake = new DestinationIntake(this, codec)
    if (this.#intake === undefined) {
      this.#intake = intake
    } else {
      this.#otherIntakes ??= new Map()
      this.#otherIntakes.set(codec, intake)
    }
    return intake
  }

  /** Takes another way, or none; with an error, messages fail as long as there is none. */
  lead(to: Way | RivuletError | undefined): void {
    this.problem = isRivuletError(to) ? to : undefined
    const way = isRivuletError(to) ? undefined : to
    this.#take(way)
    const { problem } = this
    if (problem === undefined) return
    const { code, message } = problem
    this.sender.failAll('refused', (hasLeft) => new RivuletError(code, message, { executed: hasLeft ? 'maybe' : 'no' }))
  }

  /** It is forgotten. */
  close(): void {
    this.#route.close()
    this.sender.stop()
  }

  #take(to: Way | undefined): void {
    const isSame = to?.via === this.#via && (to === undefined || to.incarnation === this.#incarnation)
    if (to?.isLeaving && isSame) void this.#finish(to.via)
    if (isSame) return
    const way = to?.isLeaving ? undefined : to
    this.#route.lead(undefined)
    this.#via = way?.via
    if (way === undefined) return
    if (this.#incarnation !== undefined && this.#incarnation !== way.incarnation) this.#restart(way.incarnation)
    this.#incarnation = way.incarnation
    this.#lastVia = way.via
    this.#route.lead(way.open)
  }

  /** Sends the messages that it has by a way that is about to end, and leaves it. */
  async #finish(via: object): Promise<void> {
    if (this.#finishing === via) return
    this.#finishing = via
    await this.#route.finish()
    if (this.#via === via) this.#take(undefined)
  }

  /**
   * Another incarnation has the name: what had left is repeated to it where its sender allows that, but not to one that it may have
   * left for before, which would take it twice under two sequences.
   */
  #restart(incarnation: string): void {
    if (this.isEmpty) this.#former = undefined
    const former = this.#former ?? new Set()
    this.#former = former
    const isBack = former.has(incarnation) || former.size >= maxFormer
    if (former.size < maxFormer) former.add(this.#incarnation as string)
    const what = isBack ? 'has the name again' : 'was started again'
    this.sender.outbox.restart(this.#unknownOutcome(what), !isBack)
  }

  /**
   * Nobody of the name is there. What had not left waits for another peer; what had left waits for its link, which may still be
   * resumed, unless the peer itself said that it leaves.
   */
  left(reason: LeaveReason): void {
    this.isPresent = false
    this.lead(undefined)
    if (reason !== 'withdrawn') return
    const message = `send: the peer '${this.name}' has left before it had taken the message`
    this.sender.outbox.abandon(new RivuletError('RIVULET_PEER_GONE', message, { executed: 'maybe' }))
  }

  /** A link has ended: what had left over it has no outcome if the peer is not there. */
  ended(via: object): void {
    if (this.#lastVia !== via) return
    this.#lastVia = undefined
    if (!this.isPresent) this.sender.outbox.abandon(this.#unknownOutcome('is not connected any more'))
  }

  /** The error of a message for which nobody is there. */
  absent(): RivuletError {
    const { name } = this
    return this.#ports.hasLeft(name)
      ? new RivuletError('RIVULET_PEER_GONE', `send: the peer '${name}' has left`, { executed: 'no' })
      : new RivuletError('RIVULET_UNKNOWN_PEER', `send: no peer '${name}' is present`, { executed: 'no' })
  }

  /** The error of a message that has not left in time. */
  late(): RivuletError {
    if (!this.isPresent) return this.absent()
    const message = `send: the message did not leave in time: the peer '${this.name}' takes no more for now`
    return new RivuletError('RIVULET_TIMEOUT', message, { executed: 'no' })
  }

  #unknownOutcome(what: string): RivuletError {
    const message = `send: the peer '${this.name}' ${what}: it may have taken the message`
    return new RivuletError('RIVULET_UNKNOWN_OUTCOME', message, { executed: 'maybe' })
  }

  /** How the next stream begins. */
  opening(): DeliverOpen {
    const { from } = this.#ports
    return {
      attempt: this.#ports.nextAttempt(),
      from: { name: from.name, incarnation: from.incarnation, epoch: this.#ports.epoch() },
      to: { name: this.name, incarnation: this.#incarnation ?? '' },
    }
  }
}

/** Where messages of one schema go in: messages fail as long as there is a problem. A class, see below. */
class DestinationIntake implements SenderIntake<unknown, Extras> {
  readonly codec: Codec<unknown, unknown>
  readonly #destination: Destination
  readonly #inner: SenderIntake<unknown, Extras>

  constructor(destination: Destination, codec: Codec<unknown, unknown>) {
    this.codec = codec
    this.#destination = destination
    this.#inner = destination.sender.intakeOf(codec)
  }

  offer(value: unknown, owner?: Owner<Extras>): Refusal {
    // also for what waited for room when it became a problem, and for what a source still has
    return this.#destination.problem ?? this.#inner.offer(value, owner)
  }

  whenRoom(): Promise<void> | undefined {
    return this.#inner.whenRoom()
  }

  onClosing(callback: () => void): () => void {
    return this.#inner.onClosing(callback)
  }

  refused(error: RivuletError): void {
    this.#inner.refused(error)
  }

  report(error: RivuletError): void {
    this.#inner.report(error)
  }
}

/** A destination as its sender sees it. A class, since a peer may have very many of them. */
class SenderPorts implements ReliableSenderPorts<DeliverOpen, Extras> {
  readonly #destination: Destination
  readonly #ports: DestinationPorts

  constructor(destination: Destination, ports: DestinationPorts) {
    this.#destination = destination
    this.#ports = ports
  }

  get clock(): Clock {
    return this.#ports.clock
  }

  get opening(): DeliverOpen {
    return this.#destination.opening()
  }

  get outboxBytes(): number {
    return this.#ports.outboxBytes
  }

  get maxMessageBytes(): number {
    return defaults.maxLinkMessageBytes
  }

  get overflow(): 'block' {
    return 'block'
  }

  get checks(): boolean {
    return false
  }

  get smallestSlabBytes(): number {
    return smallestSlabBytes
  }

  costOf(): number {
    return 0
  }

  late(): RivuletError {
    return this.#destination.late()
  }

  streamFor(outbox: Conversation<SendRequest<DeliverOpen, Extras>, SendAnswer>): ConversationStream {
    return new Route(outbox)
  }

  name(): string {
    return this.#ports.name()
  }

  isOpen(): boolean {
    return this.#ports.isOpen()
  }

  onClosing(callback: () => void): () => void {
    return this.#ports.onClosing(callback)
  }

  report(error: RivuletError): void {
    this.#ports.report(error)
  }

  waitUntil(deadline: number, done: Promise<unknown>): Promise<unknown> {
    return this.#ports.waitUntil(deadline, done)
  }
}
