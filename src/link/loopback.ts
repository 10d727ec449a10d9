/**
 * A session of a resource with itself: what is sent on one end comes to the other at the end of the turn.
 *
 * Its users are those of the links, and see no difference: values are written and read, limits hold, and nothing is
 * shared. There is no connection that could be cut; its owner ends the session.
 */
import type { Clock } from '../clock/index.js'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { atEndOfTurn, Fifo, turnBudget } from '../lifecycle/index.js'
import {
  firstPatternKind,
  type ItemBody,
  itemFlag,
  type LinkUser,
  type PeerInfo,
  type SessionStatus,
  type SessionStreams,
  SharedSession,
  type StreamsHandler,
  writeWaiting,
} from '../session/index.js'

/** Limits of a loopback, in bytes. */
export interface LoopbackLimits {
  readonly maxMessageBytes: number
  /** What may be in transit on one stream and not consumed. */
  readonly streamWindowBytes: number
}

/** A session of a resource with itself. */
export class Loopback {
  readonly #dialer: LoopbackEnd
  readonly #acceptor: LoopbackEnd

  /**
   * @param dialing - The users of the end that dialed.
   * @param accepting - The users of the other end, to whom `peer` dials.
   */
  constructor(
    clock: Clock,
    limits: LoopbackLimits,
    dialing: readonly LinkUser[],
    accepting: readonly LinkUser[],
    peer: PeerInfo,
  ) {
    const violated = (cause: unknown) =>
      this.end(
        isRivuletError(cause) ? cause : new RivuletError('RIVULET_INTERNAL', 'an item cannot be read', { cause }),
      )
    this.#dialer = new LoopbackEnd(1, clock, limits, violated)
    this.#acceptor = new LoopbackEnd(-1, clock, limits, violated)
    this.#dialer.join(this.#acceptor)
    this.#acceptor.join(this.#dialer)
    this.#acceptor.serve(new SharedSession(this.#acceptor, accepting, { ...peer }))
    this.#dialer.serve(new SharedSession(this.#dialer, dialing, { ...peer }))
  }

  /** Ends the session on both ends. */
  end(reason: RivuletError): void {
    this.#dialer.end(reason)
    this.#acceptor.end(reason)
  }
}

interface LoopbackItem {
  readonly stream: number
  readonly kind: number
  readonly flags: number
  readonly body: Buffer
}

/** One end. */
class LoopbackEnd implements SessionStreams {
  status: SessionStatus = 'live'
  readonly sign: 1 | -1
  readonly suspected = false
  readonly draining = false
  readonly retired = false
  readonly #clock: Clock
  readonly #limits: LoopbackLimits
  readonly #violated: (cause: unknown) => void
  #other: LoopbackEnd | undefined
  #handler: StreamsHandler | undefined
  #streams = 0
  /** The highest stream of the other side of which an item has come to this end. */
  #begun = 0
  /** Items in transit to this end. */
  readonly #items = new Fifo<LoopbackItem>()
  readonly #urgent = new Fifo<LoopbackItem>()
  /** Bytes sent from this end that are not consumed, by stream. */
  readonly #used = new Map<number, number>()
  /** Streams on which room is waited for, and those that have it again. */
  readonly #wanting = new Set<number>()
  #roomy: number[] = []
  #isScheduled = false
  readonly #deliver = () => this.#deliverAll()

  constructor(sign: 1 | -1, clock: Clock, limits: LoopbackLimits, violated: (cause: unknown) => void) {
    this.sign = sign
    this.#clock = clock
    this.#limits = limits
    this.#violated = violated
  }

  /** Joins it to the other end. */
  join(other: LoopbackEnd): void {
    this.#other = other
  }

  /** Gives it its users, who may have sent something already. */
  serve(handler: StreamsHandler): void {
    this.#handler = handler
  }

  get hasRoom(): boolean {
    return this.status !== 'ended'
  }

  get receivedAt(): number {
    return this.#clock.now()
  }

  get takenAt(): number {
    return this.#clock.now()
  }

  get settled(): boolean {
    return this.#peer.#items.length === 0 && this.#peer.#urgent.length === 0
  }

  openStream(): number {
    this.#streams += 1
    return this.sign * this.#streams
  }

  send(stream: number, kind: number, flags: number, body: ItemBody): void {
    if (this.status === 'ended') throw new RivuletError('RIVULET_CLOSED', 'the session has ended')
    const isLast = (flags & itemFlag.last) !== 0
    const isUrgent = kind < firstPatternKind
    const used = this.#used.get(stream) ?? 0
    if (!isLast && !isUrgent && stream !== 0 && used >= this.#limits.streamWindowBytes) {
      this.#wanting.add(stream)
      throw new RivuletError('RIVULET_OUTBOX_FULL', 'the other side does not consume the items of the stream')
    }
    const item = { stream, kind, flags, body: writeWaiting(body, this.#limits.maxMessageBytes) }
    if (isLast) this.#used.delete(stream)
    else if (stream !== 0) this.#used.set(stream, used + item.body.length)
    const queue = isUrgent ? this.#peer.#urgent : this.#peer.#items
    queue.push(item)
    this.#peer.#schedule()
  }

  isWritable(stream: number): boolean {
    const isFree = (this.#used.get(stream) ?? 0) < this.#limits.streamWindowBytes
    if (!isFree) this.#wanting.add(stream)
    return isFree
  }

  consumed(stream: number, bytes: number): void {
    this.#peer.#returned(stream, bytes)
  }

  isUnsent(stream: number): boolean {
    return Math.abs(stream) > this.#peer.#begun
  }

  forget(stream: number): void {
    this.#used.delete(stream)
    this.#wanting.delete(stream)
    // what the peer asked for has left: its last item among it, and it is what the peer waits for
    if (stream * this.sign > 0) this.#peer.#items.withdraw((item) => item.stream === stream)
  }

  toSessionTime(time: number): number {
    return time
  }

  fromSessionTime(time: number): number {
    return time
  }

  /** Ends this end; what is in transit is dropped. */
  end(reason: RivuletError): void {
    if (this.status === 'ended') return
    this.status = 'ended'
    this.#handler?.onStatus(reason)
    this.#items.clear()
    this.#urgent.clear()
    this.#used.clear()
    this.#wanting.clear()
  }

  get #peer(): LoopbackEnd {
    return this.#other as LoopbackEnd
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    atEndOfTurn(this.#deliver)
  }

  #deliverAll(): void {
    this.#isScheduled = false
    for (const stream of this.#roomy.splice(0)) this.#handler?.onWritable(stream)
    for (;;) {
      const item = this.#urgent.shift() ?? this.#items.shift()
      if (item === undefined || this.status === 'ended') return
      this.#receive(item)
      if (!turnBudget.spend()) continue
      this.#isScheduled = true
      turnBudget.nextTurn(this.#deliver)
      return
    }
  }

  #receive({ stream, kind, flags, body }: LoopbackItem): void {
    if (stream * this.sign < 0) this.#begun = Math.max(this.#begun, Math.abs(stream))
    const view = new DataView(body.buffer, body.byteOffset, body.length)
    try {
      this.#handler?.onItem(stream, kind, flags, body, view, 0, body.length)
    } catch (cause) {
      this.#violated(cause)
    }
  }

  #returned(stream: number, bytes: number): void {
    const used = this.#used.get(stream)
    if (used === undefined) return
    const left = Math.max(0, used - bytes)
    this.#used.set(stream, left)
    if (left >= this.#limits.streamWindowBytes || !this.#wanting.delete(stream)) return
    this.#roomy.push(stream)
    this.#schedule()
  }
}
