/**
 * One side of a session: numbered frames over connections that come and go, each item exactly once and in order.
 *
 * Pure: the clock and the connection are handed in, and nothing happens but in a call from outside. Who connects, and
 * the handshake before link frames flow, are in `dialer.ts` and `acceptor.ts`. DESIGN §4.
 */
import { type Cursor, decodeFailure } from '../avro/codec.js'
import { RivuletError } from '../errors/index.js'
import { hasNoItems, type LinkLimits, type LinkNumbers, readLinkNumbers } from '../wire/index.js'
import { FrameIntake, type FrameIntakeOwner } from './frame-intake.js'
import { IncomingStreams, violation } from './incoming-streams.js'
import { firstPatternKind, type ItemBody, sessionKind } from './item.js'
import { Liveness } from './liveness.js'
import { frameCostBytes } from './retained-frames.js'
import { linkFrameBytes, Sender } from './sender.js'
import { longItem, noBody } from './session-items.js'
import { boundedLimits, type SessionPorts, type SessionRole, type SessionSettings } from './session-settings.js'
import type { SessionStatus, SessionStreams, StreamsHandler } from './session-streams.js'

/** One side of a session. */
export class Session implements SessionStreams, FrameIntakeOwner {
  /** Set by the creator of the session, before anything else. */
  handler: StreamsHandler | undefined
  readonly liveness: Liveness
  readonly intake: FrameIntake
  takenAt = 0
  draining = false
  retired = false
  readonly sign: 1 | -1
  readonly #settings: SessionSettings
  readonly #ports: SessionPorts
  readonly #epoch: number
  readonly #sender: Sender
  readonly #incoming: IncomingStreams
  #status: SessionStatus = 'opening'
  #nextStream: number
  /** The number of the present connection. */
  #connection = 0
  /** The number of the last frame that came, and bytes of items that came and were not acknowledged. */
  #received = 0
  #unacknowledged = 0
  #flushing = false
  #sentSinceTick = false
  /** The frame that is being read. */
  readonly #numbers: LinkNumbers = { connection: 0, sequence: 0, acknowledged: 0, time: 0 }
  readonly #cursor: Cursor = { position: 0 }
  /** What a time of the peer's session clock lacks to one of this side's clock, as of that frame. */
  #clockOffset: number

  /** `peerLimits` is an assumption until the peer states its limits. */
  constructor(role: SessionRole, settings: SessionSettings, ports: SessionPorts, peerLimits = settings.limits) {
    this.#settings = settings
    this.#ports = ports
    this.sign = role === 'dialer' ? 1 : -1
    this.#nextStream = this.sign
    this.#incoming = new IncomingStreams(settings.limits)
    this.intake = new FrameIntake(this, this.#incoming, ports.spend)
    this.#sender = new Sender(this.sign, boundedLimits(peerLimits, settings.limits), settings.outboxBytes, {
      stamp: (numbers) => this.#stamp(numbers),
      transmit: (frame) => this.#transmit(frame),
      onWritable: (stream) => this.handler?.onWritable(stream),
    })
    this.#epoch = this.#clockOffset = ports.now()
    this.liveness = new Liveness(settings, this.#epoch)
  }

  get status(): SessionStatus {
    return this.#status
  }

  get suspected(): boolean {
    return this.liveness.suspected
  }

  get receivedAt(): number {
    return this.liveness.receivedAt
  }

  /** The number of the last frame that came: what a hello and a welcome say. */
  get received(): number {
    return this.#received
  }

  /** Whether everything that was sent has arrived, and everything that came was taken. */
  get settled(): boolean {
    return this.#status === 'ended' || (this.#sender.settled && !this.intake.isHeld)
  }

  get hasRoom(): boolean {
    return this.#sender.hasRoom
  }

  /** What is held for the peer, in bytes: sent and not acknowledged, waiting, and in fragments. */
  get heldBytes(): number {
    return this.#status === 'ended' ? 0 : this.#sender.heldBytes + this.#incoming.assembling
  }

  /** Short items that wait for the peer, and streams to it that have a state. */
  get backlog(): number {
    return this.#status === 'ended' ? 0 : this.#sender.backlog
  }

  /** Streams of which something is remembered here, each way. */
  get streamStates(): number {
    return this.#sender.streamStates + this.#incoming.size
  }

  openStream(): number {
    const stream = this.#nextStream
    this.#nextStream += this.sign
    return stream
  }

  send(stream: number, kind: number, flags: number, body: ItemBody): void {
    if (this.#status === 'ended') throw new RivuletError('RIVULET_CLOSED', 'the session has ended')
    if (kind < firstPatternKind) this.#sender.sendUrgent(stream, kind, flags, body)
    else this.#sender.send(stream, kind, flags, body)
    this.#flushLater()
  }

  isWritable(stream: number): boolean {
    return this.#status !== 'ended' && this.#sender.isWritable(stream)
  }

  consumed(stream: number, bytes: number): void {
    const credit = this.#incoming.consumed(stream, bytes)
    if (credit > 0 && this.#status !== 'ended') this.send(stream, sessionKind.credit, 0, longItem(credit))
  }

  isUnsent(stream: number): boolean {
    return this.#sender.isUnsent(stream)
  }

  forget(stream: number): void {
    this.#incoming.forget(stream)
    const inPart = this.#sender.forget(stream)
    if (inPart && this.#status !== 'ended') this.send(stream, sessionKind.abandon, 0, noBody)
    else this.#flushLater() // others may have room now
  }

  toSessionTime(time: number): number {
    // down, while the time of frames goes up: no deadline grows in transit by being rounded
    return Math.floor(time - this.#epoch)
  }

  fromSessionTime(time: number): number {
    return time + this.#clockOffset
  }

  /** Asks the peer to open no new streams, and to acknowledge at once: this side is about to close. */
  announceDrain(): void {
    if (this.#status !== 'ended') this.send(0, sessionKind.drain, 0, noBody)
  }

  /** Opens no new streams, and asks the peer for the same: this side closes the link when nothing uses it any more. */
  retire(): void {
    if (this.retired || this.#status === 'ended') return
    this.retired = true
    this.announceDrain()
    this.peerDrains()
  }

  /** Says goodbye behind everything that may leave now, and ends the session on this side. */
  goodbye(reason: RivuletError): void {
    if (this.#status === 'live') {
      this.#sender.pump()
      this.send(0, sessionKind.goodbye, 0, noBody)
      this.#sender.pump()
    }
    this.end(reason)
  }

  /**
   * A connection is agreed upon: the peer has received frames up to a number, and gets the others again.
   *
   * @throws RIVULET_PROTOCOL_VIOLATION
   */
  attach(connection: number, peerLimits: LinkLimits, peerReceived: number): void {
    const { acknowledged, lastSequence } = this.#sender
    if (peerReceived > lastSequence || peerReceived < acknowledged) {
      throw violation(`it has received ${peerReceived} frames, of ${acknowledged} to ${lastSequence}`)
    }
    const limits = boundedLimits(peerLimits, this.#settings.limits)
    if (!this.#sender.fits(limits)) {
      this.end(new RivuletError('RIVULET_MESSAGE_TOO_LARGE', `an item that waits is over ${limits.itemBytes} bytes`))
      return
    }
    this.#connection = connection
    this.#status = 'live'
    this.#unacknowledged = 0
    this.liveness.connected(this.#ports.now())
    this.#sender.acknowledge(peerReceived)
    this.#sender.connect(limits)
    this.handler?.onStatus(undefined)
    this.#sender.pump()
  }

  /** The connection is lost. */
  detach(reason: RivuletError): void {
    if (this.#status !== 'live') return
    this.#status = 'cut'
    this.liveness.cut(this.#ports.now())
    this.#sender.disconnect()
    this.handler?.onStatus(reason)
  }

  /** Ends the session: everything that is open is lost, and its streams get the reason. */
  end(reason: RivuletError): void {
    if (this.#status === 'ended') return
    this.#status = 'ended'
    this.handler?.onStatus(reason)
    this.#sender.clear()
    this.#incoming.clear()
    this.intake.clear()
  }

  granted(stream: number, bytes: number): void {
    this.#sender.grant(stream, bytes)
  }

  refused(stream: number): void {
    if (stream === 0) return
    this.forget(stream)
    this.handler?.onRefused?.(stream)
  }

  peerDrains(): void {
    this.draining = true
    this.handler?.onStatus(undefined)
  }

  /**
   * Takes a link frame of the present connection, its prelude opened.
   *
   * Returns whether that was all of it. If not, no other frame may come before `takeRest` has taken the rest.
   *
   * @throws RIVULET_PROTOCOL_VIOLATION, RIVULET_DECODE_FAILED: the peer is no honest one, and the session is to be ended.
   */
  receive(bytes: Buffer): boolean {
    if (this.#status !== 'live') return true
    const numbers = this.#numbers
    const cursor = this.#cursor
    try {
      readLinkNumbers(bytes, cursor, numbers)
      if (numbers.connection !== this.#connection) return true
      if (this.liveness.received(this.#ports.now())) this.handler?.onStatus(undefined)
      this.takenAt = this.liveness.receivedAt
      this.#clockOffset = this.takenAt - numbers.time
      if (numbers.acknowledged > this.#sender.lastSequence) throw violation('it acknowledges what was never sent')
      if (this.#sender.acknowledge(numbers.acknowledged)) this.liveness.progressed(this.takenAt)
      if (this.#isNext(bytes, cursor)) this.#takeItems(bytes, cursor.position)
    } catch (cause) {
      throw asDecodeFailure(cause)
    }
    return this.#answer()
  }

  /** Takes more of a frame that is held, in another turn; returns and throws what `receive` does. */
  takeRest(): boolean {
    this.takenAt = this.#ports.now()
    try {
      this.intake.takeRest()
    } catch (cause) {
      throw asDecodeFailure(cause)
    }
    return this.#answer()
  }

  /** Lets the peer know what was taken; returns whether that was the whole frame. */
  #answer(): boolean {
    // a reader that is busy with what has come must not keep the peer waiting for room
    if (this.#owesAcknowledgement()) this.flush()
    else if (this.#sender.mayPump || this.draining) this.#flushLater()
    return !this.intake.isHeld
  }

  /** Lets what this turn produced leave, and acknowledges when enough has come. */
  flush(): void {
    this.#flushing = false
    if (this.#status !== 'live') return
    this.#sender.pump()
    // a peer that is about to close waits for nothing else
    if (this.#owesAcknowledgement() || (this.draining && this.#unacknowledged > 0)) this.#sender.transmitEmpty()
  }

  /** Time has passed; to be called every `heartbeatMs`. */
  tick(): void {
    const now = this.#ports.now()
    this.liveness.tick(now)
    if (this.#status === 'cut' && this.liveness.isLost(now)) {
      this.end(new RivuletError('RIVULET_SESSION_LOST', `no connection for ${this.#settings.retentionMs} ms`))
    }
    if (this.#status !== 'live') return
    if (!this.#sentSinceTick || this.#unacknowledged > 0) this.#sender.transmitEmpty()
    this.#sentSinceTick = false
    if (this.#sender.unacknowledged === 0) this.liveness.progressed(now)
    if (this.#sender.isOverrun) this.end(violation('it acknowledges nothing'))
    else if (this.liveness.isStuck(now)) this.#replaceConnection('the peer acknowledges nothing')
    else if (this.liveness.suspect(now)) this.#ports.onSilence()
  }

  #owesAcknowledgement(): boolean {
    return this.#unacknowledged >= this.#settings.limits.windowBytes >> 2
  }

  #flushLater(): void {
    if (this.#flushing || this.#status !== 'live') return
    this.#flushing = true
    this.#ports.flushLater()
  }

  #stamp(numbers: LinkNumbers): void {
    numbers.connection = this.#connection
    numbers.acknowledged = this.#received
    numbers.time = Math.ceil(this.#ports.now() - this.#epoch)
  }

  #transmit(frame: Buffer): void {
    this.#unacknowledged = 0
    this.#sentSinceTick = true
    this.#ports.transmit(frame)
  }

  #replaceConnection(why: string): void {
    this.#ports.replaceConnection(new RivuletError('RIVULET_TRANSPORT_FAILED', `a link: ${why}`))
  }

  /** Whether a frame is the next one; what came before is ignored, and a gap costs the connection. */
  #isNext(bytes: Buffer, cursor: Cursor): boolean {
    const { sequence } = this.#numbers
    const isEmpty = hasNoItems(bytes, cursor)
    if (sequence > this.#received + (isEmpty ? 0 : 1)) {
      this.#replaceConnection(`frame ${this.#received + 1} is missing`)
      return false
    }
    return !isEmpty && sequence === this.#received + 1
  }

  #takeItems(bytes: Buffer, position: number): void {
    // the window needs no check: it is acknowledged as it comes, and what streams hold of it has bounds of its own
    if (bytes.length > 2 * linkFrameBytes) throw violation(`it sends a frame of ${bytes.length} bytes`)
    this.#received += 1
    this.#unacknowledged += bytes.length - position + frameCostBytes
    this.intake.take(bytes, position)
  }
}

function asDecodeFailure(cause: unknown): RivuletError {
  return cause instanceof RivuletError ? cause : decodeFailure(cause, 'a link frame')
}
