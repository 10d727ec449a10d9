/**
 * The sending half of a session: frames that are written, frames that are not acknowledged, and items that wait.
 *
 * It knows whether there is a connection, and not how one comes to be. All of it is bounded: unacknowledged frames by the window
 * of the link, what waits by the outbox.
 */
import { bufferFull } from '../avro/codec.js'
import { RivuletError } from '../errors/index.js'
import { Fifo } from '../lifecycle/index.js'
import {
  type CutItems,
  copyItems,
  emptyLinkFrame,
  type LinkLimits,
  type LinkNumbers,
  LinkWriter,
  sealItems,
} from '../wire/index.js'
import { type ItemBody, itemFlag, maxUrgentBytes } from './item.js'
import { OutgoingStreams } from './outgoing-streams.js'
import { RetainedFrames } from './retained-frames.js'
import { bytesItem } from './session-items.js'
import { writeWaiting } from './waiting-body.js'

/** What the items of one frame may take, in bytes. */
export const linkFrameBytes = 65_536

/** Short items that may wait: an honest peer lets none wait while it sends, and opens no more streams while it is away. */
const maxUrgentItems = 65_536

/** A short item that waits for room. */
interface UrgentItem {
  readonly stream: number
  readonly kind: number
  readonly flags: number
  readonly body: Buffer
}

/** What a sender needs of its session. */
export interface SenderPorts {
  /** Fills in all but the number of a frame that is about to leave. */
  stamp(numbers: LinkNumbers): void
  transmit(frame: Buffer): void
  /** There is room on a stream for which there was none. */
  onWritable(stream: number): void
}

/** The sending half of a session. */
export class Sender {
  readonly #ports: SenderPorts
  readonly #writer = new LinkWriter(linkFrameBytes)
  readonly #retained = new RetainedFrames()
  /** Short items that wait, before all others. */
  readonly #urgent = new Fifo<UrgentItem>()
  readonly #outgoing: OutgoingStreams
  readonly #stamp: LinkNumbers = { connection: 0, sequence: 0, acknowledged: 0, time: 0 }
  /** Thrown for each item without room: one with a stack of its own would cost many times what the item does. */
  readonly #full: RivuletError
  #peerLimits: LinkLimits
  #connected = false
  /** Whether an item is being written: a getter of its value may send another, which then waits. */
  #writing = false

  /** `sign` is that of the streams that this side opens. */
  constructor(sign: 1 | -1, limits: LinkLimits, outboxBytes: number, ports: SenderPorts) {
    this.#peerLimits = limits
    this.#full = new RivuletError('RIVULET_OUTBOX_FULL', `more than ${outboxBytes} bytes wait to leave on a link`)
    this.#outgoing = new OutgoingStreams(limits, outboxBytes, sign)
    this.#ports = ports
  }

  /** Whether everything that was sent has arrived. */
  get settled(): boolean {
    const waiting = this.#writer.count + this.#urgent.length + this.#outgoing.waitingBytes
    return this.#retained.count === 0 && waiting === 0
  }

  /** Whether an item leaves at once, as far as its stream lets it; urgent ones that wait go first. */
  get hasRoom(): boolean {
    return this.#hasRoom() && this.#urgent.length === 0 && !this.#writing
  }

  /** What is held for the peer, in bytes: sent and not acknowledged, and waiting. */
  get heldBytes(): number {
    return this.#retained.bytes + this.#writer.bytes + this.#outgoing.waitingBytes
  }

  /** Streams that have a state here. */
  get streamStates(): number {
    return this.#outgoing.size
  }

  /** Short items that wait, and streams that have a state: of many small answers their bytes are the least. */
  get backlog(): number {
    return this.#urgent.length + this.#outgoing.size + this.#outgoing.answers
  }

  /** Whether a peer lets so many short items wait as no honest one does: it sends, and acknowledges nothing. */
  get isOverrun(): boolean {
    return this.#urgent.length > maxUrgentItems
  }

  /** Whether something waits that more room might let leave. */
  get mayPump(): boolean {
    return this.#urgent.length > 0 || this.#outgoing.isWaiting
  }

  /** Frames that were sent and not acknowledged. */
  get unacknowledged(): number {
    return this.#retained.count
  }

  /** The number of the last frame that was acknowledged, and of the last one that was sent. */
  get acknowledged(): number {
    return this.#retained.acknowledged
  }

  get lastSequence(): number {
    return this.#retained.lastSequence
  }

  /** Whether what waits is within these limits. */
  fits({ itemBytes }: LinkLimits): boolean {
    return itemBytes >= this.#peerLimits.itemBytes || this.#outgoing.longest <= itemBytes
  }

  /** Sends again what was not acknowledged, and then what waits. */
  connect(peerLimits: LinkLimits): void {
    this.#peerLimits = peerLimits
    this.#outgoing.limits = peerLimits
    this.#connected = true
    this.#retained.forEach((items, sequence) => {
      this.#ports.transmit(copyItems(items, this.#stampFor(sequence)))
    })
  }

  /** Sends nothing from now on; what was written counts as sent. */
  disconnect(): void {
    this.#connected = false
    this.#cut()
  }

  /** Forgets everything. */
  clear(): void {
    this.#connected = false
    this.#retained.clear()
    this.#urgent.clear()
    this.#outgoing.clear()
  }

  /** Forgets frames that have arrived; returns whether there were any. */
  acknowledge(sequence: number): boolean {
    return this.#retained.acknowledge(sequence)
  }

  /** Writes an item, or lets it wait. */
  send(stream: number, kind: number, flags: number, body: ItemBody): void {
    if (this.#isFree(stream) && this.#writeNow(stream, kind, flags, body)) return
    const outgoing = this.#outgoing
    if (outgoing.wouldRefuse(stream) || !outgoing.add(stream, { kind, flags, body: this.#written(body) })) {
      throw this.#full
    }
  }

  /** Writes a short item that goes before those that wait, and may exceed the window by a little. */
  sendUrgent(stream: number, kind: number, flags: number, body: ItemBody): void {
    const written = writeWaiting(body, maxUrgentBytes)
    if (this.#hasUrgentRoom() && this.#urgent.length === 0 && !this.#writing) {
      this.#write(stream, kind, flags, bytesItem(written))
    } else this.#urgent.push({ stream, kind, flags, body: written })
  }

  isWritable(stream: number): boolean {
    if (this.#isFree(stream)) return true
    this.#outgoing.want(stream)
    return false
  }

  isUnsent(stream: number): boolean {
    return this.#outgoing.isUnsent(stream)
  }

  grant(stream: number, bytes: number): void {
    this.#outgoing.grant(stream, bytes)
  }

  /** Drops what waits on a stream; returns whether the peer holds a part of an item. */
  forget(stream: number): boolean {
    return this.#outgoing.forget(stream)
  }

  /** Sends what was written, then what waits and may leave. */
  pump(): void {
    if (this.#writing) return
    while (this.#urgent.length > 0 && this.#hasUrgentRoom()) {
      const { stream, kind, flags, body } = this.#urgent.shift() as UrgentItem
      this.#write(stream, kind, flags, bytesItem(body))
    }
    this.#cut()
    while (this.#hasRoom()) {
      const fragment = this.#outgoing.next()
      if (!fragment) break
      this.#write(fragment.stream, fragment.kind, fragment.flags, fragment)
    }
    this.#outgoing.returned()
    this.#cut()
    if (!this.#hasRoom()) return
    for (const stream of this.#outgoing.takeWritable()) this.#ports.onWritable(stream)
  }

  /** Sends a frame without items: a sign of life, and an acknowledgement. */
  transmitEmpty(): void {
    this.#ports.transmit(emptyLinkFrame(this.#stampFor(this.#retained.lastSequence)))
  }

  /** Whether an item may leave at once, as far as the connection is concerned. */
  #hasRoom(): boolean {
    return this.#connected && this.#retained.bytes + this.#writer.bytes < this.#peerLimits.windowBytes
  }

  #hasUrgentRoom(): boolean {
    const sent = this.#retained.bytes + this.#writer.bytes
    return this.#connected && sent < this.#peerLimits.windowBytes + linkFrameBytes
  }

  /** Whether an item on this stream may leave at once. */
  #isFree(stream: number): boolean {
    return this.hasRoom && this.#outgoing.isFree(stream)
  }

  #written(body: ItemBody): Buffer {
    return writeWaiting(body, this.#peerLimits.itemBytes)
  }

  /** Writes an item into the frame of this turn; tells whether it fitted. */
  #writeNow(stream: number, kind: number, flags: number, body: ItemBody): boolean {
    let size: number
    this.#writing = true
    try {
      size = this.#writer.write(stream, kind, flags, body)
    } catch (cause) {
      this.#writing = false
      if (cause !== bufferFull) throw cause
      if (this.#writer.count === 0) return false
      this.#cut()
      return this.#hasRoom() && this.#writeNow(stream, kind, flags, body)
    }
    this.#writing = false
    this.#outgoing.left(stream, size, (flags & itemFlag.last) !== 0)
    return true
  }

  /** Writes an item that fits in one frame. */
  #write(stream: number, kind: number, flags: number, body: ItemBody): void {
    try {
      this.#writer.write(stream, kind, flags, body)
    } catch (cause) {
      if (cause !== bufferFull) throw cause
      this.#cut()
      this.#writer.write(stream, kind, flags, body)
    }
  }

  /** Ends the frame, retains it and sends it, if there is a connection. */
  #cut(): void {
    if (this.#writer.count === 0) return
    const items: CutItems = this.#writer.cut()
    this.#retained.push(items)
    if (this.#connected) this.#ports.transmit(sealItems(items, this.#stampFor(this.#retained.lastSequence)))
  }

  #stampFor(sequence: number): LinkNumbers {
    const stamp = this.#stamp
    this.#ports.stamp(stamp)
    stamp.sequence = sequence
    return stamp
  }
}
