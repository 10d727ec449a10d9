/**
 * The one bounded outbox of a socket: frames wait here, in order, while the transport has no room.
 *
 * It counts and orders frames; the sender's policy decides what happens to a message when it is full. Frames
 * without messages do not fill it: who offers them bounds them.
 * One frame at a time is with the transport, since zeromq.js takes one `send` at a time.
 */

import type { RivuletError } from '../errors/index.js'
import { Fifo, Waiters } from '../lifecycle/index.js'

/** Whether a frame may leave: it waits, and all behind it, until what it needs is done. `release` is to be called then. */
export interface FrameGate {
  readonly state: 'shut' | 'open' | 'failed'
  /** The frame was dropped, since what it needs has failed. */
  lost(messages: number): void
}

/** An outgoing frame. */
export interface OutFrame {
  readonly parts: Buffer | readonly Buffer[]
  /** Messages in it; 0 for frames that only the protocol knows. */
  readonly messages: number
  readonly bytes: number
  /** Called when it was dropped for want of room, once for all frames that were dropped together and share it. */
  readonly dropped?: (() => void) | undefined
  /** Called when it is handed over: it waits no more. */
  readonly leaves?: (() => void) | undefined
  /** What it waits for before it may leave. Default: nothing but the frames before it. */
  readonly gate?: FrameGate | undefined
}

/** How an outbox reaches the transport and tells what became of its frames. */
export interface OutboxPorts {
  /** Hands a frame over; waits while the transport has no room. Never rejects: resolves with what went wrong. */
  send(parts: Buffer | readonly Buffer[]): Promise<RivuletError | undefined>
  /** A frame could not be handed over, for a reason that is not a full transport. */
  failed(error: RivuletError, messages: number): void
}

/** Frames handed over before the event loop turns: the first frames for a new peer wait no longer than these. */
const framesPerTurn = 16

/** Frames that wait, above which more would leave no earlier: what they would hold may gather meanwhile. */
const fewFrames = framesPerTurn

/** A queue of frames with a limit in bytes. */
export class Outbox {
  readonly limitBytes: number
  /** The transport; none while its socket is replaced. */
  #ports: OutboxPorts | undefined
  readonly #queue = new Fifo<OutFrame>()
  /** Frames without messages that go before the queue. */
  #introductions: OutFrame[] = []
  /** A frame whose transport was replaced before it took the frame: it goes before all others. */
  #returned: OutFrame | undefined
  #bytes = 0
  /** Of these, the bytes of frames with messages. */
  #messageBytes = 0
  #messages = 0
  #sent = 0
  /** The frame that is being handed over, or was last before others have their turn. */
  #withTransport: OutFrame | undefined
  /** Who has that frame. */
  #sender: OutboxPorts | undefined
  #handedOverInTurn = 0
  #stopped = false
  /** Bytes of messages that gather until there are fewer frames. */
  #gathered = 0
  /** Frames that were added so far, and those of them that have left. */
  #added = 0
  #left = 0
  /** Who gathers, and after which frame it is called at the latest. */
  #gatherer: (() => void) | undefined
  #calledAfter = 0
  readonly #roomWaiters = new Waiters()
  readonly #emptyWaiters = new Waiters()
  // made once, since a lone frame would pay for each of them
  readonly #handedOver = (error: RivuletError | undefined) => this.#continue(error)
  readonly #nextTurn = () => this.#next()

  constructor(limitBytes: number, ports?: OutboxPorts) {
    this.limitBytes = limitBytes
    this.#ports = ports
  }

  /** Hands frames over to another transport from now on, or to none: then they wait. */
  attach(ports: OutboxPorts | undefined): void {
    this.#ports = ports
    if (ports && this.#withTransport === undefined) this.#next()
  }

  /** Whether frames with messages, and messages that gather, have reached the limit. */
  isFull(): boolean {
    return this.#messageBytes + this.#gathered >= this.limitBytes
  }

  /** Whether so many frames wait that another would leave no earlier if it were there already. */
  get isAhead(): boolean {
    return this.#queue.length >= fewFrames
  }

  /** Frames that were added so far. */
  get added(): number {
    return this.#added
  }

  /** Frames that have left so far, also those that were dropped. */
  get left(): number {
    return this.#left
  }

  /** Counts messages that gather in the limit, in bytes; a negative number for those that are in a frame now. */
  gather(bytes: number): void {
    this.#gathered += bytes
  }

  /** Calls back once: when no frame waits any more, or when so many have left. Replaces who was to be called. */
  whenFewer(left: number, callback: () => void): void {
    this.#calledAfter = left
    this.#gatherer = callback
  }

  /** Bytes that wait, the frame with the transport included. */
  get bytes(): number {
    return this.#bytes
  }

  /** Messages that wait. */
  get messages(): number {
    return this.#messages
  }

  pending(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes }
  }

  /** Frames that wait behind the one with the transport. */
  get waiting(): number {
    return this.#queue.length + this.#introductions.length + (this.#returned ? 1 : 0)
  }

  /** Of these, the ones without messages that go before the others. */
  get introductions(): number {
    return this.#introductions.length
  }

  /** Messages that the transport has taken. */
  get sent(): number {
    return this.#sent
  }

  /** Takes a frame, full or not: the limit is kept by those who offer messages. A lone frame leaves at once. */
  add(frame: OutFrame): void {
    this.#queue.push(frame)
    this.#enter(frame)
  }

  #enter(frame: OutFrame): void {
    if (this.#stopped) {
      this.stop()
      return
    }
    this.#added += 1
    this.#bytes += frame.bytes
    if (frame.messages > 0) this.#messageBytes += frame.bytes
    this.#messages += frame.messages
    if (this.#withTransport === undefined && this.#ports) this.#handOver()
  }

  /** Takes a frame without messages that goes before those that wait: what a peer must know to read them. */
  addFirst(frame: OutFrame): void {
    this.#introductions.push(frame)
    this.#enter(frame)
  }

  /** What a frame waits for is done, or has failed: continues with those at the front. */
  release(): void {
    if (this.#withTransport !== undefined || this.waiting === 0) return
    if (this.#ports) this.#handOver()
    // frames that failed have left, too
    if (this.#withTransport === undefined && this.#gatherer && this.waiting === 0) this.#callGatherer(this.#gatherer)
  }

  /** Drops what waits longest until the limit is kept again; returns how many messages that were. */
  dropOldest(): number {
    const before = this.#messages
    const callbacks = new Set<() => void>()
    // The frame with the transport is out of the queue already, and out of reach. Frames without messages stay: what is
    // left cannot be read without them.
    while (this.isFull() && this.#queue.length > 0) {
      const frame = this.#queue.shift() as OutFrame
      if (frame.messages === 0) {
        this.#introductions.push(frame)
        continue
      }
      this.#forget(frame)
      if (frame.dropped) callbacks.add(frame.dropped)
    }
    const dropped = before - this.#messages
    for (const callback of callbacks) callback()
    return dropped
  }

  /** Resolves when there is room, or when the outbox is stopped. */
  whenRoom(): Promise<void> {
    if (!this.isFull() || this.#stopped) return Promise.resolve()
    return this.#roomWaiters.wait()
  }

  /** Resolves when everything was handed over, or when the outbox is stopped. */
  whenEmpty(): Promise<void> {
    if (this.#bytes === 0 || this.#stopped) return Promise.resolve()
    return this.#emptyWaiters.wait()
  }

  /** Stops handing over and resolves all promises that wait; returns how many messages are left and lost. */
  stop(): number {
    const left = this.#messages
    this.#stopped = true
    this.#queue.clear()
    this.#introductions = []
    this.#returned = undefined
    this.#gatherer = undefined
    this.#bytes = this.#messageBytes = this.#messages = this.#gathered = 0
    this.#roomWaiters.wake()
    this.#emptyWaiters.wake()
    return left
  }

  #handOver(): void {
    const ports = this.#ports as OutboxPorts
    const frame = this.#takeNext()
    if (frame === undefined) return
    this.#withTransport = frame
    this.#sender = ports
    frame.leaves?.()
    void ports.send(frame.parts).then(this.#handedOver)
  }

  #continue(error: RivuletError | undefined): void {
    // a stopped outbox has counted this frame as lost
    if (this.#stopped) return
    const frame = this.#withTransport as OutFrame
    if (error && this.#sender !== this.#ports) {
      this.#returned = frame
      this.#next()
      return
    }
    this.#forget(frame)
    if (error) this.#sender?.failed(error, frame.messages)
    else this.#sent += frame.messages
    this.#wake()
    this.#handedOverInTurn += 1
    if (this.#handedOverInTurn < framesPerTurn) {
      this.#next()
    } else {
      this.#handedOverInTurn = 0
      setImmediate(this.#nextTurn)
    }
  }

  #next(): void {
    this.#withTransport = undefined
    if (this.#gatherer && (this.waiting === 0 || this.#left >= this.#calledAfter)) this.#callGatherer(this.#gatherer)
    if (this.waiting === 0) this.#handedOverInTurn = 0
    else if (this.#ports) this.#handOver()
  }

  #callGatherer(gatherer: () => void): void {
    this.#gatherer = undefined
    gatherer()
  }

  /** The next frame, unless it may not leave yet; those whose gates have failed are dropped. */
  #takeNext(): OutFrame | undefined {
    const returned = this.#returned
    this.#returned = undefined
    if (returned !== undefined) return returned
    for (;;) {
      const first = this.#introductions[0] ?? this.#queue.first
      if (first?.gate?.state === 'shut') return undefined
      const frame = this.#introductions.shift() ?? this.#queue.shift()
      if (frame?.gate?.state !== 'failed') return frame
      this.#forget(frame)
      frame.gate.lost(frame.messages)
      this.#wake()
    }
  }

  #forget(frame: OutFrame): void {
    this.#left += 1
    this.#bytes -= frame.bytes
    if (frame.messages > 0) this.#messageBytes -= frame.bytes
    this.#messages -= frame.messages
  }

  #wake(): void {
    if (!this.isFull()) this.#roomWaiters.wake()
    if (this.#bytes === 0) this.#emptyWaiters.wake()
  }
}
