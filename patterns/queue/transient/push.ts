/**
 * The producing side of the transient queue: a sink over a PUSH socket.
 *
 * Work is dealt round the live workers, a frame each; nothing comes back from them, so this side cannot know what was
 * processed. The durable queue does.
 */
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import { defaults, type Resolved, resolveOptions } from '../../../src/options/index.js'
import type { Resource } from '../../../src/resource/index.js'
import { connectionBacklogBytes, OneWayResource } from '../../../src/socket/index.js'
import {
  MessageSink,
  Outgoing,
  type SendAllOptions,
  type SendAllResult,
  type SendAllSource,
  type SenderStats,
  type Sink,
} from '../../../src/stream/index.js'
import { BatchWriter, type CutFrame, Origin } from '../../../src/wire/index.js'
import { type PushOptions, pushRules } from './options.js'

/** The smallest frame with a message, in bytes on the connection: what a bound in bytes means in frames. */
const smallestFrameBytes = 60

/**
 * The most that may be in transit to one worker, or wait there: it is lost if that worker dies or its link is cut.
 *
 * It holds for workers that use the same `socketBufferBytes`.
 */
export interface InFlightLimit {
  /** Frames in the two libraries and in the worker's hands. */
  readonly frames: number
  /** Bytes of further frames in the buffers of the two systems. */
  readonly bytes: number
  /** Messages, if every frame were as small and as full as can be, and a message took a byte. */
  readonly messages: number
}

/** The counts of a {@link Push}. */
export interface PushStats extends SenderStats {
  /** What may be in flight to one worker. */
  readonly inFlightLimit: InFlightLimit
}

/** The producing side of a transient queue. */
export interface Push<In> extends Resource<PushStats>, Sink<In> {}

/**
 * Opens the producing side of a transient queue.
 *
 * Resolves when the socket is open, whether or not a worker is there; `whenConnected` waits for one. Messages that are
 * sent before wait in the outbox.
 *
 * @param options - `schema`, and `bind` or `connect`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed
 * @example
 * ```ts compile-only
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createPush } from 'rivulet/queue'
 *
 * const Job = defineSchema(record('Job', { id: 'int' }))
 *
 * await using jobs = await createPush({ bind: 'tcp://127.0.0.1:7000', schema: Job })
 * for (let id = 0; id < 1000; id++) await jobs.send({ id }) // waits while the outbox is full
 * ```
 */
export async function createPush<In>(options: PushOptions<In>): Promise<Push<In>> {
  return PushResource.create<In>(resolveOptions('createPush', options, pushRules))
}

type ResolvedPushOptions = Resolved<typeof pushRules>

class PushResource<In> extends OneWayResource<PushStats> implements Push<In> {
  readonly #options: ResolvedPushOptions
  readonly #outgoing: Outgoing
  readonly #writer: BatchWriter<In>
  readonly #sink: MessageSink<In>
  /** A frame with the schema was dropped: what is left of it must not go before another. */
  readonly #announceAgain = () => this.#introduce(true)

  static create<In>(options: ResolvedPushOptions): Promise<PushResource<In>> {
    return new PushResource<In>(options).#start()
  }

  private constructor(options: ResolvedPushOptions) {
    super('createPush', options, 'one')
    const { schema, maxBatchMessages, maxMessageBytes, overflow } = options
    this.#options = options
    this.#writer = new BatchWriter<In>({
      codec: codecOf(schema) as Codec<In, unknown>,
      origin: new Origin(this.runtime.clock, defaults.announceMs),
      topic: undefined,
      frameBytes: defaults.frameBytes,
      maxBatchMessages,
      maxMessageBytes,
      spread: () => this.connected,
      cut: (frame) => this.#cut(frame),
    })
    this.#outgoing = new Outgoing({
      overflow,
      queue: () => this.socket.outbox,
      name: () => this.name,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
    })
    this.#sink = new MessageSink(this.#outgoing.intake(this.#writer))
  }

  async #start(): Promise<this> {
    const { maxMessageBytes, outboxBytes, socketBufferBytes } = this.#options
    await this.openSocket({
      kind: 'push',
      sendHighWaterMark: defaults.queueHighWaterMark,
      receiveHighWaterMark: defaults.queueHighWaterMark,
      // nothing comes in
      maxFrameBytes: maxMessageBytes,
      socketBufferBytes,
      patienceMs: Number.POSITIVE_INFINITY,
      outboxBytes,
    })
    this.socket.links.changes.subscribe(({ state }) => {
      if (state === 'connected') this.#introduce(this.socket.outbox.messages > 0)
    })
    return this
  }

  /** Tells each worker the schema; those frames that wait for others are not made again, so that there is one a worker at most. */
  #introduce(isWaiting: boolean): void {
    this.#writer.introduce(this.connected, isWaiting, this.socket.outbox.introductions)
  }

  /** A frame without messages tells new workers the schema: it goes before the frames that they cannot read without. */
  #cut({ bytes, messages, announcement }: CutFrame): void {
    const { outbox } = this.socket
    const dropped = announcement && this.#announceAgain
    const frame = { parts: bytes, messages, bytes: bytes.length, dropped }
    if (messages > 0) outbox.add(frame)
    else outbox.addFirst(frame)
  }

  next(value: In): void {
    this.#sink.next(value)
  }

  error(cause: unknown): void {
    this.#sink.error(cause)
  }

  complete(): void {}

  send(value: In): Promise<void> {
    return this.#sink.send(value)
  }

  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult> {
    return this.#sink.sendAll(source, options)
  }

  stats(): PushStats {
    return Object.freeze({ ...this.#outgoing.stats(), inFlightLimit: this.#inFlightLimit() })
  }

  #inFlightLimit(): InFlightLimit {
    const { maxBatchMessages, socketBufferBytes } = this.#options
    const { connect } = this.sockets
    // on each side: the mark, and one frame in the coder; and one in the worker's hands
    const frames = 2 * (defaults.queueHighWaterMark + 1) + 1
    const backlogs = [...this.endpoints, ...connect.map(({ address }) => address)].map((text) =>
      connectionBacklogBytes(text, socketBufferBytes),
    )
    const bytes = Math.max(0, ...backlogs)
    const byFrames = (frames + Math.ceil(bytes / smallestFrameBytes)) * maxBatchMessages
    const byBytes = frames * defaults.frameBytes + bytes
    return Object.freeze({ frames, bytes, messages: Math.min(byFrames, byBytes) })
  }

  protected onFrame(): void {}

  protected onLost(messages: number): void {
    this.#outgoing.lost('transport', messages)
  }

  protected async finish(deadline: number): Promise<number> {
    await this.waitUntil(deadline, this.#outgoing.whenEmpty())
    // what is left is counted when the socket is closed
    return 0
  }

  protected override released(left: number): void {
    this.#outgoing.lost('closed', left)
  }
}
