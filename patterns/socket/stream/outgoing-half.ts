/**
 * The half of a connection that sends: messages to bytes in a bounded outbox, and the end of the half behind them.
 *
 * The socket is that of the connection, which also says when it is closed.
 */
import { RivuletError } from '../../../src/errors/index.js'
import { OncePerTurn } from '../../../src/lifecycle/index.js'
import {
  type Intake,
  MessageSink,
  Outgoing,
  type OverflowPolicy,
  type SendAllOptions,
  type SendAllResult,
  type SendAllSource,
  type SenderStats,
  type Sink,
} from '../../../src/stream/index.js'
import type { BufferBudget } from './buffer-budget.js'
import { FramedWriter } from './framed-writer.js'
import type { FrameWriter } from './framing.js'
import { StreamOutbox } from './stream-outbox.js'

/** What the half needs of its connection. */
export interface OutgoingHalfPorts {
  name(): string
  isOpen(): boolean
  /** Calls back when the connection begins to close, or at once if it has; returns how to take that back. */
  onClosing(callback: () => void): () => void
  report(error: RivuletError): void
  /** Hands bytes to the system; `done` when it has taken them. */
  write(parts: readonly Buffer[], done: () => void): void
  /** The system has taken bytes. */
  progress(): void
  /** Closes the half behind what was written. */
  end(): void
}

/** How the half is made. */
export interface OutgoingHalfSettings {
  readonly overflow: OverflowPolicy
  readonly outboxBytes: number
  /** What all connections of a listener may hold; none for a client. */
  readonly budget: BufferBudget | undefined
}

/** The half that sends. */
export class OutgoingHalf<In> implements Sink<In> {
  readonly #ports: OutgoingHalfPorts
  readonly #frames: FrameWriter<In>
  readonly #writer: FramedWriter<In>
  readonly #outbox: StreamOutbox
  readonly #outgoing: Outgoing
  readonly #intake: Intake<In>
  readonly #sink: MessageSink<In>
  readonly #endCallbacks = new Set<() => void>()
  readonly #flushes = new OncePerTurn(() => this.#writer.flush())
  #isCompleting = false
  /** Whether nothing is taken. */
  #isClosed = false

  constructor(
    frames: FrameWriter<In>,
    { overflow, outboxBytes, budget }: OutgoingHalfSettings,
    ports: OutgoingHalfPorts,
  ) {
    this.#ports = ports
    this.#frames = frames
    this.#outbox = new StreamOutbox(outboxBytes, budget, ports)
    this.#writer = new FramedWriter(frames, this.#outbox)
    this.#outgoing = new Outgoing({
      overflow,
      queue: () => this.#outbox,
      name: () => ports.name(),
      isOpen: () => ports.isOpen() && !this.#isClosed,
      onClosing: (callback) => this.#onEnd(callback),
      report: (error) => ports.report(error),
    })
    this.#intake = this.#outgoing.intake(this.#writer)
    this.#sink = new MessageSink(this.#intake)
  }

  /** Whether no more messages are taken, but for those that wait for room already. */
  get isCompleting(): boolean {
    return this.#isCompleting
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#outbox.isEmpty
  }

  /** Bytes that the system has taken. */
  get sentBytes(): number {
    return this.#outbox.sentBytes
  }

  stats(): SenderStats {
    return this.#outgoing.stats()
  }

  next(value: In): void {
    const refusal = this.#refusal()
    if (refusal === undefined) {
      this.#sink.next(value)
      return
    }
    this.#intake.refused(refusal)
    this.#ports.report(refusal)
  }

  send(value: In): Promise<void> {
    const refusal = this.#refusal()
    if (refusal === undefined) return this.#sink.send(value)
    this.#intake.refused(refusal)
    return Promise.reject(refusal)
  }

  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult> {
    return this.#sink.sendAll(source, options)
  }

  error(cause: unknown): void {
    this.#sink.error(cause)
  }

  /** Ends the half behind all messages, each `send` that waits for room included. */
  complete(): void {
    if (this.#isCompleting) return
    this.#isCompleting = true
    this.#callEnds()
    const waiting = this.#sink.whenSent()
    if (waiting === undefined) void this.finish()
    else void waiting.then(() => this.finish())
  }

  /** Takes nothing more, and resolves when the system has all that was taken, and the end behind it. */
  async finish(): Promise<void> {
    this.#isCompleting = true
    this.#outgoing.flush()
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#callEnds()
      this.#frames.end?.()
      this.#writer.flush()
    }
    await this.#outbox.whenEmpty()
    this.#ports.end()
  }

  /** Sends what the framing says first. */
  begin(): void {
    this.#writer.flush()
  }

  /** Asks the framing for bytes that belong to no message, at the end of this turn. */
  wake(): void {
    this.#flushes.schedule()
  }

  /** Ends the half with what lets the peer know why the connection fails; returns whether there is such a thing. */
  refuse(failure: RivuletError): Promise<void> | undefined {
    const parts = this.#frames.refuse?.(failure) ?? []
    if (parts.length === 0) return undefined
    this.#outgoing.flush()
    this.#isCompleting = this.#isClosed = true
    this.#callEnds()
    this.#outbox.add([{ parts, bytes: parts.reduce((sum, part) => sum + part.length, 0), messages: 0 }])
    return this.finish()
  }

  /** Drops what waits, for a reason; returns how many messages that were. */
  stop(reason: string): number {
    this.#isCompleting = true
    this.#outgoing.flush()
    const left = this.#outbox.stop()
    this.#outgoing.lost(reason, left)
    this.#callEnds()
    return left
  }

  #callEnds(): void {
    for (const callback of this.#endCallbacks) callback()
    this.#endCallbacks.clear()
  }

  #onEnd(callback: () => void): () => void {
    if (this.#isCompleting) {
      callback()
      return () => {}
    }
    this.#endCallbacks.add(callback)
    const forget = this.#ports.onClosing(callback)
    return () => {
      this.#endCallbacks.delete(callback)
      forget()
    }
  }

  #refusal(): RivuletError | undefined {
    if (!this.#isCompleting) return undefined
    return new RivuletError('RIVULET_CLOSED', `${this.#ports.name()}: this side has closed its half`)
  }
}
