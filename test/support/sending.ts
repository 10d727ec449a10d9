/** A sink with everything behind it but the socket: the test decides when the transport takes a frame. */

import { type Codec, codecOf } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import { systemClock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Outbox } from '../../src/socket/index.js'
import { MessageSink, Outgoing, type OverflowPolicy } from '../../src/stream/index.js'
import type { MessageReader } from '../../src/wire/batch.js'
import { openDataFrame } from '../../src/wire/data-frame.js'
import { Batch, BatchWriter, Origin } from '../../src/wire/index.js'
import { total } from './events.js'
import { Job } from './job.js'

const codec = codecOf(Job as Schema<Job>) as Codec<Job, Job>
const reader: MessageReader<Job> = { read: codec.readerFor(codec.text), skipper: () => codec.skipperFor(codec.text) }

interface SendingOptions {
  readonly overflow?: OverflowPolicy
  /** Default: 1, so that one frame fills it. */
  readonly outboxBytes?: number
  /** Default: 1, so that each message is a frame. */
  readonly maxBatchMessages?: number
  readonly maxMessageBytes?: number
  readonly receivers?: number
}

/** A sink of jobs, and what it led to. */
export class Sending {
  readonly errors: RivuletError[] = []
  /** The ids in each frame that the transport has begun to take. */
  readonly frames: number[][] = []
  readonly outbox: Outbox
  readonly outgoing: Outgoing
  readonly sink: MessageSink<Job>
  #taken: (() => void) | undefined
  #waiting: (() => void)[] = []
  #flowing = false
  #open = true
  readonly #closing = new Set<() => void>()

  constructor(options: SendingOptions = {}) {
    const { overflow = 'block', outboxBytes = 1, maxBatchMessages = 1, maxMessageBytes = 1000, receivers = 1 } = options
    this.outbox = new Outbox(outboxBytes, {
      send: (parts) => this.#transport(parts as Buffer),
      failed: (error, messages) => {
        this.outgoing.lost('transport', messages)
        this.errors.push(error)
      },
    })
    this.outgoing = new Outgoing({
      overflow,
      queue: () => this.outbox,
      name: () => 'sending',
      isOpen: () => this.#open,
      onClosing: (callback) => {
        if (!this.#open) callback()
        this.#closing.add(callback)
        return () => this.#closing.delete(callback)
      },
      report: (error) => this.errors.push(error),
    })
    const writer = new BatchWriter<Job>({
      codec,
      origin: new Origin(systemClock, 1_000_000),
      topic: undefined,
      frameBytes: 65_536,
      maxBatchMessages,
      maxMessageBytes,
      spread: () => receivers,
      cut: ({ bytes, messages }) => this.outbox.add({ parts: bytes, messages, bytes: bytes.length }),
    })
    this.sink = new MessageSink(this.outgoing.intake(writer))
  }

  /** What was taken, in order. */
  get ids(): number[] {
    return this.frames.flat()
  }

  /** Callbacks for closing that nobody took back. */
  get listeners(): number {
    return this.#closing.size
  }

  /** The sum that must always be nothing. */
  get unaccounted(): number {
    const { accepted, sent, pending, dropped } = this.outgoing.stats()
    return accepted - sent - pending - total(dropped)
  }

  /** The transport takes the frame at hand, or the next one as soon as there is one. */
  async take(): Promise<void> {
    while (!this.#taken) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    const taken = this.#taken
    this.#taken = undefined
    taken()
    await new Promise(setImmediate)
  }

  /** From now on the transport takes everything at once. */
  flow(): void {
    this.#flowing = true
    this.#taken?.()
  }

  /** Closing begins: nothing more is taken. */
  closing(): void {
    this.#open = false
    for (const callback of this.#closing) callback()
  }

  /** Closes at once; what waits is lost. */
  close(): void {
    this.closing()
    this.outgoing.flush()
    this.outgoing.lost('closed', this.outbox.stop())
  }

  #transport(bytes: Buffer): Promise<undefined> {
    const batch = new Batch(openDataFrame(bytes, undefined, 1e9), reader)
    const ids: number[] = []
    while (batch.remaining > 0) ids.push(batch.take().id)
    this.frames.push(ids)
    if (this.#flowing) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#taken = () => resolve(undefined)
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }
}
