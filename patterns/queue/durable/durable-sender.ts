/**
 * A producer without its sockets: the messages that it sends, those that wait for room or for their outcome, and their end.
 *
 * The host stream that it is given carries what its outbox holds.
 */
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import type { Schema } from '../../../src/avro/index.js'
import { DeadlineSweep } from '../../../src/clock/index.js'
import type { ConversationStream } from '../../../src/conversation/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { resolveOptions } from '../../../src/options/index.js'
import {
  messageCost,
  type Owner,
  PendingSend,
  SendAllTracker,
  SendOutbox,
  type SendResult,
} from '../../../src/reliable-send/index.js'
import {
  type Intake,
  MessageSink,
  Outgoing,
  type OverflowPolicy,
  offerWhenRoom,
  type Refusal,
  roomAfter,
  type SendAllOptions,
  type SendAllResult,
  type SendAllSource,
  type SenderStats,
  sendAll,
  shed,
  type Writer,
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
  readonly hostStream: ConversationStream
  readonly sink: MessageSink<In>
  readonly #ports: DurableClientPorts<ProduceRequest, ProduceAnswer>
  readonly #outbox: SendOutbox<In, NonNullable<ProduceRequest['open']>, Extras>
  readonly #outgoing: Outgoing
  readonly #intake: Intake<In, Owner<Extras>>
  /** Sends with a deadline. */
  readonly #timed = new Set<PendingSend<Extras>>()
  readonly #sweep: DeadlineSweep
  /** Sends that wait for room, in order; who gives up is gone at once, also while the host is away for long. */
  readonly #waiting = new Map<PendingSend<Extras>, In>()
  #isOffering = false
  readonly #withdraw = (send: PendingSend<Extras>) => this.#takeBack(send)

  constructor(options: DurableSenderOptions, ports: DurableClientPorts<ProduceRequest, ProduceAnswer>) {
    const { queue, schema, maxMessageBytes, outboxBytes, overflow } = options
    this.#ports = ports
    this.#outbox = new SendOutbox(codecOf(schema) as Codec<In, unknown>, maxMessageBytes, {
      opening: { queue, producer: ports.identity },
      costOf: extrasCost,
      limitBytes: outboxBytes,
      wake: () => this.hostStream.wake(),
      lost: (reason, messages, unreported, error) => this.#lost(reason, messages, unreported, error),
    })
    this.#outgoing = new Outgoing({
      overflow,
      queue: () => this.#outbox,
      name: ports.name,
      isOpen: ports.isOpen,
      onClosing: ports.onClosing,
      report: ports.report,
    })
    this.#intake = this.#outgoing.intake(writerOf(this.#outbox))
    this.sink = new MessageSink(this.#intake)
    this.#sweep = new DeadlineSweep(ports.clock, (now) => this.#endLate(now))
    this.hostStream = ports.streamFor(this.#outbox)
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
    if (this.#waiting.size > 0) {
      this.#waiting.set(send, value)
      return send.promise
    }
    const refusal = this.#offer(value, send)
    if (refusal === undefined) return send.promise
    const room = roomAfter(this.#intake, refusal)
    if (room === undefined) {
      this.#refuse(send, refusal)
    } else {
      this.#waiting.set(send, value)
      if (!this.#isOffering) void this.#offerWaiting(room)
    }
    return send.promise
  }

  /** See `Producer.sendAll`. */
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

  /** Waits until everything is confirmed, up to a time on the clock; returns how many messages are not, which have failed. */
  async finish(deadline: number): Promise<number> {
    const { name, waitUntil } = this.#ports
    await waitUntil(deadline, this.#outgoing.whenEmpty())
    const closed = `${name()} was closed`
    const left = this.#outbox.failAll((hasLeft) =>
      hasLeft
        ? new RivuletError('RIVULET_UNKNOWN_OUTCOME', `${closed} before a message was confirmed`, { executed: 'maybe' })
        : new RivuletError('RIVULET_CLOSED', `${closed} before a message had left`, { executed: 'no' }),
    )
    this.#outgoing.lost('closed', left)
    await waitUntil(deadline, this.hostStream.end())
    this.hostStream.close()
    this.#sweep.stop()
    return left
  }

  /** Takes the options of a send. */
  #prepare(send: PendingSend<Extras>, options: SendOptions): void {
    const { id, key, delayMs, ttlMs, timeoutMs, signal } = resolveOptions('send', options, sendRules)
    if (timeoutMs !== Number.POSITIVE_INFINITY || signal !== undefined) {
      send.deadline = this.#ports.clock.now() + timeoutMs
      send.mayWithdraw = true
      this.#timed.add(send)
      send.watch(signal, this.#withdraw, () => this.#timed.delete(send))
      if (timeoutMs !== Number.POSITIVE_INFINITY) this.#sweep.watch(send.deadline)
    }
    const isPlain = id === null && key === null && delayMs === null && ttlMs === null
    if (!isPlain) send.extras = { id, key, delayMs, ttlMs }
  }

  /** Offers a message; `undefined` if it is taken, or nobody waits for it any more. */
  #offer(value: In, send: PendingSend<Extras>): RivuletError | undefined {
    const refusal = this.#intake.offer(value, send)
    if (refusal === undefined) {
      send.isTaken = true
      if (send.done) this.#takeBack(send) // a getter of its own value has given it up
      return undefined
    }
    if (refusal !== shed) return refusal
    send.failed(
      new RivuletError('RIVULET_OUTBOX_FULL', `${this.#ports.name()}: the outbox is full`, { executed: 'no' }),
    )
    return undefined
  }

  async #offerWaiting(room: Promise<void>): Promise<void> {
    this.#isOffering = true
    await offerWhenRoom(this.#intake, () => this.#offerInOrder(), room)
    this.#isOffering = false
  }

  /** Offers what waits, one message after the other; returns why it stopped, if that is for want of room. */
  #offerInOrder(): Refusal {
    for (const [send, value] of this.#waiting) {
      const refusal = this.#offer(value, send)
      if (roomAfter(this.#intake, refusal) !== undefined) return refusal
      this.#waiting.delete(send)
      if (refusal !== undefined) this.#refuse(send, refusal)
    }
    return undefined
  }

  #refuse(send: PendingSend<Extras>, refusal: RivuletError): void {
    this.#intake.refused(refusal)
    send.failed(refusal)
  }

  #takeBack(send: PendingSend<Extras>): boolean {
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
        send.giveUp(this.#withdraw, () => {
          const text = `send: the message did not leave in time${this.#ports.unreachable()}`
          return new RivuletError('RIVULET_TIMEOUT', text)
        })
    }
    return earliest
  }

  #lost(reason: string, messages: number, unreported: number, error: RivuletError): void {
    this.#outgoing.lost(reason, messages)
    if (unreported === 0) return
    this.#ports.report(
      new RivuletError(error.code, error.message, {
        cause: error.cause,
        messages: unreported,
        executed: error.executed ?? 'no',
      }),
    )
  }
}

/** What the id, the key and the times of a message take beside it, in bytes: on the link and of the outbox. */
function extrasCost({ id, key }: Extras): number {
  return messageCost + Buffer.byteLength(id ?? '') + Buffer.byteLength(key ?? '')
}

/** The writer of an outbox, which counts the messages of this turn separately. */
function writerOf<In>(outbox: SendOutbox<In, unknown, Extras>): Writer<In, Owner<Extras>> {
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
