/**
 * A producer without its sockets: a reliable sender of one schema, whose messages may have an id, a key and times.
 *
 * The host stream that it is given carries what its outbox holds.
 */
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import type { Schema } from '../../../src/avro/index.js'
import type { ConversationStream } from '../../../src/conversation/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { resolveOptions } from '../../../src/options/index.js'
import {
  messageCost,
  PendingSend,
  ReliableSender,
  type SenderIntake,
  type SendResult,
} from '../../../src/reliable-send/index.js'
import {
  MessageSink,
  type OverflowPolicy,
  type SendAllOptions,
  type SendAllResult,
  type SendAllSource,
  type SenderStats,
} from '../../../src/stream/index.js'
import type { DurableClientPorts } from './durable-client-ports.js'
import { type SendOptions, sendRules } from './options.js'
import type { ProduceAnswer, ProducedExtras, ProduceRequest } from './wire.js'

/** What a message has beside its value. */
type Extras = Omit<ProducedExtras, 'index'>

/** The options of a producer that concern its messages, resolved. */
export interface DurableSenderOptions {
  readonly queue: string
  readonly schema: Schema
  readonly maxMessageBytes: number
  readonly outboxBytes: number
  readonly overflow: OverflowPolicy
}

/** The sends of one producer. */
export class DurableSender<In> {
  readonly sink: MessageSink<In>
  readonly #sender: ReliableSender<In, NonNullable<ProduceRequest['open']>, Extras>
  readonly #intake: SenderIntake<In, Extras>

  constructor(options: DurableSenderOptions, ports: DurableClientPorts<ProduceRequest, ProduceAnswer>) {
    const { queue, schema, maxMessageBytes, outboxBytes, overflow } = options
    this.#sender = new ReliableSender(codecOf(schema) as Codec<In, unknown>, {
      ...ports,
      opening: { queue, producer: ports.identity },
      costOf: extrasCost,
      maxMessageBytes,
      outboxBytes,
      overflow,
      late: () => new RivuletError('RIVULET_TIMEOUT', `send: the message did not leave in time${ports.unreachable()}`),
    })
    this.#intake = this.#sender.intake()
    this.sink = new MessageSink(this.#intake)
  }

  get hostStream(): ConversationStream {
    return this.#sender.stream
  }

  /** See `Producer.send`. */
  send(value: In, options?: SendOptions): Promise<SendResult> {
    const send = new PendingSend<Extras>()
    if (options !== undefined) {
      try {
        this.#prepare(send, options)
      } catch (error) {
        send.failed(error as RivuletError)
      }
      if (send.done) return send.promise
    }
    this.#sender.send(send, this.#intake, value)
    return send.promise
  }

  /** See `Producer.sendAll`. */
  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult> {
    return this.#sender.sendAll(this.#intake, source, options)
  }

  stats(): SenderStats {
    return this.#sender.stats()
  }

  /** Waits until everything is confirmed, up to a time on the clock; returns how many messages are not, which have failed. */
  finish(deadline: number): Promise<number> {
    return this.#sender.finish(deadline)
  }

  /** Takes the options of a send. */
  #prepare(send: PendingSend<Extras>, options: SendOptions): void {
    const { id, key, delayMs, ttlMs, timeoutMs, signal } = resolveOptions('send', options, sendRules)
    this.#sender.limit(send, timeoutMs, signal)
    const isPlain = id === null && key === null && delayMs === null && ttlMs === null
    if (!isPlain) send.extras = { id, key, delayMs, ttlMs }
  }
}

/** What the id, the key and the times of a message take beside it, in bytes: on the link and of the outbox. */
function extrasCost({ id, key }: Extras): number {
  return messageCost + Buffer.byteLength(id ?? '') + Buffer.byteLength(key ?? '')
}
