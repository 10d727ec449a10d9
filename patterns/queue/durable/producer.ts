/**
 * The producing side of the durable queue: a sink whose messages are kept until the host has them safe.
 */

import { randomBytes } from 'node:crypto'
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import { DeadlineSweep } from '../../../src/clock/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { type Resolved, resolveOptions } from '../../../src/options/index.js'
import type { Resource } from '../../../src/socket/index.js'
import {
  type Intake,
  MessageSink,
  Outgoing,
  type SendAllOptions,
  type SendAllResult,
  type SendAllSource,
  type SenderStats,
  type Sink,
  sendAll,
  shed,
  type Writer,
} from '../../../src/stream/index.js'
import type { HostStream } from './host-stream.js'
import { type ProducerOptions, producerRules, type SendOptions, sendRules } from './options.js'
import { PendingSend, SendAllTracker, type SendResult } from './pending-send.js'
import { ProducerOutbox } from './producer-outbox.js'
import { QueueClientResource } from './queue-client-resource.js'
import type { Owner } from './sent-batch.js'
import { producerOf } from './serving.js'

/**
 * The producing side of a durable queue.
 *
 * In `stats()`, `sent` is what the host has confirmed, and `dropped` has two reasons more: `refused` by the host, and
 * `withdrawn` by `timeoutMs` or `signal`.
 */
export interface Producer<In> extends Resource<SenderStats>, Omit<Sink<In>, 'send'> {
  /** The name of the queue. */
  readonly queue: string
  /**
   * Sends a message, and tells when it is safe.
   *
   * Resolves when the message is stored as safely as the `durability` of the host says: by default, on the disk. That
   * does not mean that it was delivered. Until then it is kept here and sent again after every cut; the host stores it once.
   *
   * Backpressure: waits for room in the outbox, if the overflow policy is `block`.
   * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_OUTBOX_FULL,
   * RIVULET_CLOSED; what the host says: RIVULET_QUEUE_FULL, RIVULET_STORE_FULL, RIVULET_STORE_FAILED,
   * RIVULET_UNKNOWN_QUEUE; RIVULET_TIMEOUT or RIVULET_ABORTED if it had not left when `timeoutMs` or `signal` ended the
   * wait, and RIVULET_UNKNOWN_OUTCOME if it had.
   */
  send(value: In, options?: SendOptions): Promise<SendResult>
  /**
   * Sends everything a source yields.
   *
   * Resolves when the source has ended and all of it is safe, refused or dropped; a message that is refused does not stop
   * the rest: it counts as `dropped`, and `errors` tells why.
   *
   * Backpressure: as for `createPush`.
   *
   * Cancellation: `signal` ends the taking and the wait; what was taken is still sent.
   *
   * @error RIVULET_SOURCE_FAILED, RIVULET_ABORTED, RIVULET_CLOSED
   */
  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult>
}

/**
 * Opens the producing side of a durable queue.
 *
 * Resolves when the socket is open, whether or not the host is there: what is sent meanwhile waits in the outbox.
 *
 * Lifetime: `close` waits until everything is confirmed, as long as its time allows; `undelivered` counts the rest.
 *
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if
 * `host` is closing or closed.
 */
export async function createProducer<In>(options: ProducerOptions<In>): Promise<Producer<In>> {
  return ProducerResource.create<In>(resolveOptions('createProducer', options, producerRules))
}

type ResolvedProducerOptions = Resolved<typeof producerRules>

class ProducerResource<In> extends QueueClientResource<SenderStats> implements Producer<In> {
  readonly queue: string
  readonly #outbox: ProducerOutbox<In>
  readonly #outgoing: Outgoing
  readonly #intake: Intake<In, Owner>
  readonly #sink: MessageSink<In>
  readonly #hostStream: HostStream
  /** Sends with a deadline. */
  readonly #timed = new Set<PendingSend>()
  readonly #sweep: DeadlineSweep
  /** Sends that wait for room, in order; who gives up is gone at once, also while the host is away for long. */
  readonly #waiting = new Map<PendingSend, In>()
  #isOffering = false
  readonly #withdraw = (send: PendingSend) => this.#takeBack(send)

  static async create<In>(options: ResolvedProducerOptions): Promise<ProducerResource<In>> {
    const producer = await new ProducerResource<In>(options).open()
    producer.#hostStream.start()
    return producer
  }

  private constructor(options: ResolvedProducerOptions) {
    super('createProducer', options)
    const { queue, schema, maxMessageBytes, outboxBytes, overflow } = options
    const { clock } = this.runtime
    this.queue = queue
    this.#outbox = new ProducerOutbox<In>(codecOf(schema) as Codec<In, unknown>, maxMessageBytes, {
      queue,
      producer: randomBytes(16).toString('hex'),
      limitBytes: outboxBytes,
      wake: () => this.#hostStream.wake(),
      lost: (reason, messages, unheard, error) => this.#lost(reason, messages, unheard, error),
    })
    this.#outgoing = new Outgoing({
      overflow,
      queue: () => this.#outbox,
      name: () => this.name,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
    })
    this.#intake = this.#outgoing.intake(writerOf(this.#outbox))
    this.#sink = new MessageSink(this.#intake)
    this.#sweep = new DeadlineSweep(clock, (now) => this.#endLate(now))
    this.#hostStream = this.hostStreamOf('produce', producerOf, this.#outbox)
  }

  next(value: In): void {
    this.#sink.next(value)
  }

  error(cause: unknown): void {
    this.#sink.error(cause)
  }

  complete(): void {}

  send(value: In, options?: SendOptions): Promise<SendResult> {
    const send = new PendingSend()
    if (options !== undefined) {
      try {
        this.#prepare(send, options)
      } catch (error) {
        send.failed(error as RivuletError)
      }
      if (send.done) return send.promise
    }
    if (this.#waiting.size > 0) {
      this.#waiting.set(send, value)
      return send.promise
    }
    const refusal = this.#offer(value, send)
    if (refusal === undefined) return send.promise
    const room = this.#roomAfter(refusal)
    if (room === undefined) {
      this.#refuse(send, refusal)
    } else {
      this.#waiting.set(send, value)
      if (!this.#isOffering) void this.#offerWaiting(room)
    }
    return send.promise
  }

  async sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult> {
    const tracker = new SendAllTracker()
    const intake = this.#intake
    const tracked: Intake<In> = {
      offer: (value) => {
        const refusal = intake.offer(value, tracker)
        if (refusal === undefined) tracker.took()
        return refusal
      },
      whenRoom: () => intake.whenRoom(),
      onClosing: (callback) => intake.onClosing(callback),
      refused: (error) => intake.refused(error),
      report: (error) => intake.report(error),
    }
    const { sent, dropped } = await sendAll(tracked, source, options)
    await tracker.settled(options?.signal)
    return { sent: sent - tracker.lost, dropped: dropped + tracker.lost }
  }

  stats(): SenderStats {
    return this.#outgoing.stats()
  }

  protected override async finish(deadline: number): Promise<number> {
    await this.waitUntil(deadline, this.#outgoing.whenEmpty())
    const closed = `${this.name} was closed`
    const left = this.#outbox.failAll((hasLeft) =>
      hasLeft
        ? new RivuletError('RIVULET_UNKNOWN_OUTCOME', `${closed} before a message was confirmed`, { executed: 'maybe' })
        : new RivuletError('RIVULET_CLOSED', `${closed} before a message had left`, { executed: 'no' }),
    )
    this.#outgoing.lost('closed', left)
    await this.waitUntil(deadline, this.#hostStream.end())
    this.#hostStream.close()
    this.#sweep.stop()
    await super.finish(deadline)
    return left
  }

  /** Takes the options of a send. */
  #prepare(send: PendingSend, options: SendOptions): void {
    const { id, key, delayMs, ttlMs, timeoutMs, signal } = resolveOptions('send', options, sendRules)
    if (timeoutMs !== Number.POSITIVE_INFINITY || signal !== undefined) {
      send.deadline = this.runtime.clock.now() + timeoutMs
      send.mayWithdraw = true
      this.#timed.add(send)
      send.watch(signal, this.#withdraw, () => this.#timed.delete(send))
      if (timeoutMs !== Number.POSITIVE_INFINITY) this.#sweep.watch(send.deadline)
    }
    const isPlain = id === null && key === null && delayMs === null && ttlMs === null
    if (!isPlain) send.extras = { id, key, delayMs, ttlMs }
  }

  /** Offers a message; `undefined` if it is taken, or nobody waits for it any more. */
  #offer(value: In, send: PendingSend): RivuletError | undefined {
    const refusal = this.#intake.offer(value, send)
    if (refusal === undefined) {
      send.isTaken = true
      if (send.done) this.#takeBack(send) // a getter of its own value has given it up
      return undefined
    }
    if (refusal !== shed) return refusal
    send.failed(new RivuletError('RIVULET_OUTBOX_FULL', `${this.name}: the outbox is full`, { executed: 'no' }))
    return undefined
  }

  /** Resolves when there is room, if the lack of it is why a message was refused and the policy is to wait. */
  #roomAfter(refusal: RivuletError): Promise<void> | undefined {
    return refusal.code === 'RIVULET_OUTBOX_FULL' ? this.#intake.whenRoom() : undefined
  }

  /** Offers what waits, one message after the other, as there is room. */
  async #offerWaiting(firstRoom: Promise<void>): Promise<void> {
    this.#isOffering = true
    for (let room: Promise<void> | undefined = firstRoom; ; ) {
      await room
      const [first] = this.#waiting
      if (first === undefined) break
      const [send, value] = first
      const refusal = this.#offer(value, send)
      room = refusal && this.#roomAfter(refusal)
      if (room !== undefined) continue
      this.#waiting.delete(send)
      if (refusal !== undefined) this.#refuse(send, refusal)
    }
    this.#isOffering = false
  }

  #refuse(send: PendingSend, refusal: RivuletError): void {
    this.#intake.refused(refusal)
    send.failed(refusal)
  }

  #takeBack(send: PendingSend): boolean {
    this.#waiting.delete(send)
    if (!send.isTaken) return true
    if (!this.#outbox.withdraw(send)) return false
    this.#outgoing.lost('withdrawn', 1)
    return true
  }

  #endLate(now: number): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const send of [...this.#timed]) {
      if (send.deadline > now) earliest = Math.min(earliest, send.deadline)
      else
        send.giveUp(
          this.#withdraw,
          () => new RivuletError('RIVULET_TIMEOUT', 'send: the message did not leave in time'),
        )
    }
    return earliest
  }

  #lost(reason: string, messages: number, unheard: number, error: RivuletError): void {
    this.#outgoing.lost(reason, messages)
    if (unheard === 0) return
    this.reports.report(
      new RivuletError(error.code, error.message, {
        cause: error.cause,
        messages: unheard,
        executed: error.executed ?? 'no',
      }),
    )
  }
}

/** The way into an outbox, which counts what came in this turn by itself. */
function writerOf<In>(outbox: ProducerOutbox<In>): Writer<In, Owner> {
  const { fresh } = outbox
  return {
    get count() {
      return fresh.count
    },
    get bytes() {
      return fresh.bytes
    },
    append: (value, owner) => outbox.append(value, owner),
    flush: () => outbox.flush(),
  }
}
