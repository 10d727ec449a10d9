/**
 * The working side of the transient queue: a stream over a PULL socket.
 *
 * It takes what it is dealt; it cannot give anything back. What it has taken and not delivered when it dies is lost.
 */
import { type Codec, codecOf, decodeFailure } from '../../../src/avro/codec.js'
import { RivuletError } from '../../../src/errors/index.js'
import { defaults, type Resolved, resolveOptions } from '../../../src/options/index.js'
import type { Resource } from '../../../src/resource/index.js'
import { HandshakeGate, maxTransportFrameBytes, OneWayResource } from '../../../src/socket/index.js'
import { Inbound, type ReceiverStats, RejectedFrames, type Stream } from '../../../src/stream/index.js'
import { Batch, CompatibleReader, type DataFrame, FrameReceiver } from '../../../src/wire/index.js'
import { type PullOptions, pullRules } from './options.js'

/** The working side of a transient queue. */
export interface Pull<Out> extends Resource<ReceiverStats> {
  /** The messages dealt to this worker. */
  readonly messages: Stream<Out>
}

/**
 * Opens the working side of a transient queue.
 *
 * Resolves when the socket is open, whether or not a producer is there. Nothing is read before somebody subscribes to
 * `messages`, but what the high-water mark allows is dealt to this worker at once.
 *
 * @param options - `schema`, and `bind` or `connect`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed
 * @example
 * ```ts compile-only
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createPull } from 'rivulet/queue'
 *
 * const Job = defineSchema(record('Job', { id: 'int' }))
 *
 * await using worker = await createPull({ connect: 'tcp://127.0.0.1:7000', schema: Job })
 * for await (const job of worker.messages) console.log(job.id) // reads no faster than this loop works
 * ```
 */
export async function createPull<Out>(options: PullOptions<Out>): Promise<Pull<Out>> {
  return PullResource.create<Out>(resolveOptions('createPull', options, pullRules))
}

type ResolvedPullOptions = Resolved<typeof pullRules>

class PullResource<Out> extends OneWayResource<ReceiverStats> implements Pull<Out> {
  readonly #options: ResolvedPullOptions
  readonly #inbound: Inbound<Out>
  readonly #reader: CompatibleReader<Out>
  readonly #receiver: FrameReceiver
  readonly #rejected = new RejectedFrames(this.reports)
  /** Holds new peers while those that are there flood this side. */
  readonly #gate = HandshakeGate.of(this.runtime)

  static create<Out>(options: ResolvedPullOptions): Promise<PullResource<Out>> {
    return new PullResource<Out>(options).#start()
  }

  private constructor(options: ResolvedPullOptions) {
    super('createPull', options, 'one')
    this.#options = options
    const codec = codecOf(options.schema) as Codec<never, Out>
    this.#inbound = new Inbound<Out>({
      name: () => this.name,
      changed: () => this.#read(),
      unreadable: (cause) => decodeFailure(cause, 'a message of the queue'),
      report: (error) => this.reports.report(error),
    })
    this.#reader = new CompatibleReader(codec, (error) => this.reports.report(error))
    this.#receiver = new FrameReceiver(
      { ...defaults, maxMessageBytes: options.maxMessageBytes, clock: this.runtime.clock },
      {
        accept: (frame, text) => this.#accept(frame, text),
        reject: (error) => this.#reject(error),
        newSchema: () => this.#gate.newSchema(),
        lose: (messages, error) => {
          this.#inbound.lose('unknown-schema', messages)
          if (error) this.reports.report(error)
        },
      },
    )
    this.#receiver.know(codec.schemaId, codec.text)
  }

  #start(): Promise<this> {
    const { maxMessageBytes, socketBufferBytes } = this.#options
    return this.openSocket({
      kind: 'pull',
      sendHighWaterMark: defaults.queueHighWaterMark,
      receiveHighWaterMark: defaults.queueHighWaterMark,
      maxFrameBytes: maxTransportFrameBytes(maxMessageBytes),
      socketBufferBytes,
      patienceMs: Number.POSITIVE_INFINITY,
      gateName: this.#gate.name,
      outboxBytes: 0,
    })
  }

  get messages(): Stream<Out> {
    return this.#inbound.stream
  }

  stats(): ReceiverStats {
    const { parkedMessages } = this.#receiver
    return Object.freeze({
      received: this.#inbound.received + parkedMessages,
      delivered: this.#inbound.delivered,
      pending: this.#inbound.pending + parkedMessages,
      dropped: this.#inbound.dropped.snapshot(),
      rejectedFrames: this.#rejected.snapshot(),
    })
  }

  protected override get isWanted(): boolean {
    return this.#inbound.wanted
  }

  protected onFrame(parts: readonly Buffer[]): void {
    const [bytes] = parts
    if (bytes && parts.length === 1) this.#receiver.receive(bytes, undefined)
    else this.#reject(new RivuletError('RIVULET_BAD_FRAME', `a message of ${parts.length} parts; queues have one`))
  }

  #reject(error: RivuletError): void {
    this.#rejected.add(error)
    this.#gate.malformed()
  }

  #accept(frame: DataFrame, writerText: string): void {
    const { count } = frame.header
    const reader = this.#reader.readerFor(writerText)
    if (!reader) this.#inbound.lose('incompatible-schema', count)
    else if (count > 0) this.#inbound.push(new Batch(frame, reader))
  }

  #read(): void {
    if (this.life.isOpen) this.socket.reading = this.#inbound.wanted && !this.#inbound.backlogged
  }

  protected onLost(): void {}

  protected async finish(deadline: number): Promise<number> {
    this.socket.reading = false
    await this.waitUntil(deadline, this.#inbound.whenDrained())
    return 0
  }

  /** Behind the socket: a read that has begun brings a frame until then. */
  protected override ended(): number {
    this.#gate.open()
    return this.#receiver.close() + this.#inbound.complete()
  }
}
