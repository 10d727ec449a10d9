/**
 * One producer at a host: holds what it sends to what the protocol allows, gives it to the engine, and tells it the outcome.
 *
 * It knows no link: a stream of calls carries it, or a producer of the same process.
 */
import { createHash } from 'node:crypto'
import { schemaLimits } from '../../../src/avro/codec.js'
import type { MessageBlock, QueueEngine, SendOutcome } from '../../../src/engine/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { OncePerTurn, Waiters } from '../../../src/lifecycle/index.js'
import { blockOf, invalidRequest, nameOf } from './request-validation.js'
import { sendInPieces } from './send-pieces.js'
import type { SessionOwner } from './session-owner.js'
import type { ProduceAnswer, ProducedBatch, ProduceRequest } from './wire.js'

/** What the session of a client needs of its host. */
export interface SessionHost {
  readonly engine: QueueEngine
  readonly maxMessageBytes: number
  /** Makes sure that there is such a queue; throws RIVULET_UNKNOWN_QUEUE if there is none and none is to be made, RIVULET_TOO_MANY_QUEUES if none can. */
  enter(queue: string): void
  /** How long a lease of the queue lasts, in milliseconds. */
  leaseMsOf(queue: string): number
}

/** What a session tells. */
export interface SessionPorts<Answer> {
  answer(answer: Answer): void
  /** There may be room again. */
  room(): void
}

/** How a session is doing. */
export interface ProducePorts extends SessionPorts<ProduceAnswer> {
  /** Puts an end to it: another session of the same producer has come. */
  superseded(): void
}

/** The bytes that the engine may be storing for one producer; a single batch may be larger. */
const storingBytes = 1_048_576

/** What a batch costs beside its bodies, in bytes, so that empty messages have a bound too. */
const batchBytes = 256

/** A producer that is connected. */
export class ProduceSession {
  readonly #host: SessionHost
  readonly #ports: ProducePorts
  readonly #owner: SessionOwner | undefined
  #queue = ''
  #producer = ''
  /** The texts of schemas that were sent, by the bytes of their schema ids. */
  readonly #schemas = new Map<string, string>()
  #storing = 0
  #batches = 0
  #stored: NonNullable<ProduceAnswer['stored']>[number][] = []
  #refused: NonNullable<ProduceAnswer['refused']>[number][] = []
  #ended = false
  readonly #drained = new Waiters()
  readonly #answers = new OncePerTurn(() => this.#sendAnswers())

  constructor(host: SessionHost, ports: ProducePorts, owner?: SessionOwner) {
    this.#host = host
    this.#ports = ports
    this.#owner = owner
  }

  /** The queue and the name of the producer, once it has opened; together they are one producer. */
  key: string | undefined

  /**
   * Another session of this producer has come: what this one is still sent is not taken.
   *
   * The producer may have given new numbers to repeated messages; the same numbers from two sides would be one message of two.
   */
  supersede(): void {
    if (this.#ended) return
    this.end()
    this.#ports.superseded()
  }

  /** Whether the engine is storing so much for it that it should send no more for now. */
  isBusy(): boolean {
    return this.#storing >= storingBytes
  }

  /**
   * Takes what the producer says.
   *
   * @throws RIVULET_INVALID_REQUEST for an invalid request, RIVULET_UNKNOWN_QUEUE, RIVULET_PERMISSION_DENIED: then the session is to
   * be ended.
   */
  receive({ open, batch }: ProduceRequest, opened: (session: ProduceSession, key: string) => void): void {
    if (open) {
      if (this.#queue !== '') throw invalidRequest('a producer opens twice')
      const name = nameOf('the name of a producer', open.producer)
      this.#owner?.admit('produce', open.queue)
      const producer = this.#owner?.nameOf(name) ?? name
      this.#host.enter(open.queue)
      this.#queue = open.queue
      this.#producer = producer
      this.key = JSON.stringify([open.queue, producer])
      opened(this, this.key)
      const { engine, maxMessageBytes } = this.#host
      this.#ports.answer({ opened: { epoch: engine.epoch, maxMessageBytes } })
    }
    if (batch) this.#send(batch)
  }

  /** Resolves when all batches have their outcome, and that was sent. */
  drained(): Promise<void> {
    if (this.#ended || (this.#batches === 0 && !this.#answers.isScheduled)) return Promise.resolve()
    return this.#drained.wait()
  }

  /** Sends nothing any more; current batches are stored all the same. */
  end(): void {
    this.#ended = true
    this.#drained.wake()
  }

  #send(batch: ProducedBatch): void {
    if (this.#queue === '') throw invalidRequest('a producer sends before it opens')
    const { engine, maxMessageBytes } = this.#host
    const block = blockOf(batch, maxMessageBytes, this.#owner?.identity)
    const schema = this.#schemaOf(block, batch.schema ?? undefined)
    const bytes = block.bodies.length + batchBytes + 8 * block.count
    sendInPieces(engine, this.#queue, this.#producer, batch.sequence, block, schema, (outcome) => {
      const wasBusy = this.isBusy()
      this.#storing -= bytes
      this.#batches -= 1
      if (this.#ended) return
      this.#note(batch.number, outcome)
      if (wasBusy && !this.isBusy()) this.#ports.room()
    })
    this.#storing += bytes
    this.#batches += 1
  }

  /** The text that goes to the engine with a block: each time, since a write that fails has stored none. */
  #schemaOf({ schemaId }: MessageBlock, text: string | undefined): string | undefined {
    const key = Buffer.from(schemaId).toString('latin1')
    const known = this.#schemas.get(key)
    if (known !== undefined) return known
    if (text === undefined) {
      if (this.#host.engine.schemaText(schemaId) === undefined) {
        throw invalidRequest('a batch has a schema that nobody has sent')
      }
      return undefined
    }
    if (text.length > schemaLimits.textBytes) throw invalidRequest(`a schema has ${text.length} characters`)
    const digest = createHash('sha256').update(text).digest()
    if (digest.compare(schemaId, 0, 16, 0, 16) !== 0) throw invalidRequest('a schema does not match its hash')
    if (this.#schemas.size >= maxSchemas) this.#schemas.delete(this.#schemas.keys().next().value as string)
    this.#schemas.set(key, text)
    return text
  }

  #note(number: number, outcome: SendOutcome): void {
    const { position, repeated } = outcome
    const duplicates = outcome.duplicates as { index: number; position: number }[]
    if (outcome.kind === 'stored') {
      this.#stored.push({ number, position, repeated, duplicates })
    } else {
      const { expected, error } = outcome
      const { code, message } = error
      this.#refused.push({ number, expected, code, message, repeated, position, duplicates })
    }
    this.#answers.schedule()
  }

  /** One answer for all that became of batches in this turn. */
  #sendAnswers(): void {
    const [stored, refused] = [this.#stored, this.#refused]
    this.#stored = []
    this.#refused = []
    if (!this.#ended) this.#ports.answer({ stored, refused })
    if (this.#batches === 0) this.#drained.wake()
  }
}

/** Schemas of one producer that are remembered. */
const maxSchemas = 8

/** The error for a queue that is not there. */
export function unknownQueue(queue: string): RivuletError {
  return new RivuletError('RIVULET_UNKNOWN_QUEUE', `there is no queue '${queue.slice(0, 100)}'`, { executed: 'no' })
}
