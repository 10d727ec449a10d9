/**
 * The half of a connection that receives: bytes to messages, which wait until they are consumed.
 *
 * It reads no socket: the connection does, as far as what it gave is consumed.
 */
import { decodeFailure } from '../../../src/avro/codec.js'
import type { RivuletError } from '../../../src/errors/index.js'
import type { ErrorReports } from '../../../src/observe/index.js'
import { Inbound, type ReceiverStats, RejectedFrames, type Stream } from '../../../src/stream/index.js'
import type { FrameReader } from './framing.js'

/** What the half needs of its connection. */
export interface IncomingHalfPorts {
  name(): string
  /** The demand, or what waits for it, may have changed. */
  changed(): void
}

/** The half that receives. */
export class IncomingHalf<Out> {
  readonly #reader: FrameReader<Out>
  readonly #inbound: Inbound<Out>
  readonly #rejected: RejectedFrames
  #receivedBytes = 0

  /** @param framing - The name of the framing, for messages. */
  constructor(reader: FrameReader<Out>, framing: string, reports: ErrorReports, ports: IncomingHalfPorts) {
    this.#reader = reader
    this.#rejected = new RejectedFrames(reports)
    this.#inbound = new Inbound<Out>({
      name: () => ports.name(),
      changed: () => ports.changed(),
      unreadable: (cause) => decodeFailure(cause, `a message (${framing})`),
      report: (error) => reports.report(error),
    })
  }

  get messages(): Stream<Out> {
    return this.#inbound.stream
  }

  /** Whether somebody wants messages. */
  get isWanted(): boolean {
    return this.#inbound.wanted
  }

  /** Whether messages wait to be consumed. */
  get isBacklogged(): boolean {
    return this.#inbound.backlogged
  }

  /** Whether the peer has sent what comes before the first message. */
  get isAgreed(): boolean {
    return this.#reader.isAgreed !== false
  }

  /** Bytes of a frame whose end has not arrived. */
  get incompleteBytes(): number {
    return this.#reader.buffered
  }

  /** Bytes that have arrived. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  stats(): ReceiverStats {
    const { received, delivered, pending, dropped } = this.#inbound
    return Object.freeze({
      received,
      delivered,
      pending,
      dropped: dropped.snapshot(),
      rejectedFrames: this.#rejected.snapshot(),
    })
  }

  /** Takes bytes; `read` is called before messages are handed out, with whether they complete a frame. */
  receive(chunk: Buffer, read: (completesFrame: boolean) => void): void {
    this.#receivedBytes += chunk.length
    const wasAgreed = this.isAgreed
    const supplies = this.#reader.receive(chunk)
    read(supplies.length > 0 || this.isAgreed !== wasAgreed)
    for (const supply of supplies) this.#inbound.push(supply)
  }

  /** Why nothing more can be read. */
  get failure(): RivuletError | undefined {
    return this.#reader.failure
  }

  /** The peer has closed its half; returns what is wrong with that. */
  end(): RivuletError | undefined {
    return this.#reader.end()
  }

  /** Counts and reports what was wrong with the bytes; before both sides have agreed, the opening fails with it instead. */
  reject(error: RivuletError): void {
    if (this.isAgreed) this.#rejected.add(error)
  }

  /** Counts messages that cannot be delivered. */
  lose(reason: string, messages: number): void {
    this.#inbound.lose(reason, messages)
  }

  /** Ends `messages`; returns how many were pending. */
  complete(): number {
    return this.#inbound.complete()
  }

  /** Resolves when what arrived is consumed, or nobody wants it. */
  whenDrained(): Promise<void> {
    return this.#inbound.whenDrained()
  }
}
