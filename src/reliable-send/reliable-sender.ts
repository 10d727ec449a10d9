/**
 * A sender without its stream: the messages that it sends, those that wait for room or for their outcome, and their end.
 *
 * The stream that it is given carries what its outbox holds.
 */
import type { Codec } from '../avro/codec.js'
import { type Clock, DeadlineSweep } from '../clock/index.js'
import type { Conversation, ConversationStream } from '../conversation/index.js'
import { RivuletError } from '../errors/index.js'
import {
  type Intake,
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
} from '../stream/index.js'
import { type PendingSend, SendAllTracker } from './pending-send.js'
import type { Extras, SendAnswer, SendRequest } from './protocol.js'
import { SendOutbox } from './send-outbox.js'
import type { SendOutboxPorts } from './send-outbox-ports.js'
import type { Owner } from './sent-batch.js'

/** What a sender needs of its resource. */
export interface ReliableSenderPorts<Open, E extends Extras>
  extends Omit<SendOutboxPorts<Open, E>, 'wake' | 'lost' | 'limitBytes'> {
  readonly clock: Clock
  readonly maxMessageBytes: number
  readonly outboxBytes: number
  readonly overflow: OverflowPolicy
  /** Names the resource. */
  name(): string
  isOpen(): boolean
  /** Calls back when it is not open any more, or at once if that is so; returns how to take that back. */
  onClosing(callback: () => void): () => void
  report(error: RivuletError): void
  /** Makes the stream that carries what an outbox holds. */
  streamFor(outbox: Conversation<SendRequest<Open, E>, SendAnswer>): ConversationStream
  /** Makes the error of a message that did not leave in time. */
  late(): RivuletError
  /** Waits for a promise until a time on the clock; never rejects. */
  waitUntil(deadline: number, done: Promise<unknown>): Promise<unknown>
}

/** Where the messages of one schema go in. */
export type SenderIntake<In, E extends Extras> = Intake<In, Owner<E>>

/** A message that waits for room. */
interface Waiting<In, E extends Extras> {
  readonly intake: SenderIntake<In, E>
  readonly value: In
}

/** The sends of one sender. */
export class ReliableSender<In, Open, E extends Extras> {
  readonly stream: ConversationStream
  readonly outbox: SendOutbox<In, Open, E>
  readonly #ports: ReliableSenderPorts<Open, E>
  readonly #outgoing: Outgoing
  /** Sends with a deadline. */
  readonly #timed = new Set<PendingSend<E, unknown>>()
  readonly #sweep: DeadlineSweep
  /** Sends that wait for room, in order; who gives up is gone at once, also while the host is away for long. */
  readonly #waiting = new Map<PendingSend<E, unknown>, Waiting<In, E>>()
  #isOffering = false
  /** The intake that took the first message of this turn, of several. */
  #first: Writer<In, Owner<E>> | undefined
  readonly #withdraw = (send: PendingSend<E, unknown>) => this.#takeBack(send)

  /** @param codec - That of the first messages. */
  constructor(codec: Codec<In, unknown>, ports: ReliableSenderPorts<Open, E>) {
    this.#ports = ports
    this.outbox = new SendOutbox<In, Open, E>(codec, ports.maxMessageBytes, {
      get opening() {
        return ports.opening
      },
      costOf: ports.costOf,
      limitBytes: ports.outboxBytes,
      checks: ports.checks,
      smallestSlabBytes: ports.smallestSlabBytes,
      wake: () => this.stream.wake(),
      lost: (reason, messages, unreported, error) => this.#lost(reason, messages, unreported, error),
    })
    this.#outgoing = new Outgoing({
      overflow: ports.overflow,
      queue: () => this.outbox,
      name: ports.name,
      isOpen: ports.isOpen,
      onClosing: ports.onClosing,
      report: ports.report,
    })
    this.#sweep = new DeadlineSweep(ports.clock, (now) => this.#endLate(now))
    this.stream = ports.streamFor(this.outbox)
  }

  /** Sends that wait for room. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Makes the intake of messages of one schema, which is the only one. */
  intake(): SenderIntake<In, E> {
    return this.#outgoing.intake(writerOf(this.outbox, (value, owner) => this.outbox.append(value, owner)))
  }

  /** Makes the intake of messages of one schema among several. */
  intakeOf(codec: Codec<In, unknown>): SenderIntake<In, E> {
    const { outbox } = this
    const { fresh } = outbox
    // the messages of a turn count at the intake that took the first of them
    const writer: Writer<In, Owner<E>> = {
      append: (value, owner) => {
        const refusal = outbox.appendAs(codec, value, owner)
        if (refusal === undefined) this.#first ??= writer
        return refusal
      },
      flush: () => {
        this.#first = undefined
        outbox.flush()
      },
      get count() {
        return isFirst() ? fresh.count : 0
      },
      get bytes() {
        return isFirst() ? fresh.bytes : 0
      },
    }
    const isFirst = () => this.#first === writer
    return this.#outgoing.intake(writer)
  }

  /** Sends a message, or lets it wait for room. */
  send(send: PendingSend<E, unknown>, intake: SenderIntake<In, E>, value: In): void {
    if (this.#waiting.size > 0) {
      this.#waiting.set(send, { intake, value })
      return
    }
    const refusal = this.#offer(intake, value, send)
    if (refusal === undefined) return
    const room = roomAfter(intake, refusal)
    if (room === undefined) {
      refuse(intake, send, refusal)
    } else {
      this.#waiting.set(send, { intake, value })
      if (!this.#isOffering) void this.#offerWaiting(intake, room)
    }
  }

  /** Lets a send give up after a time, in milliseconds, or when a signal aborts. */
  limit(send: PendingSend<E, unknown>, timeoutMs: number, signal: AbortSignal | undefined): void {
    if (timeoutMs === Number.POSITIVE_INFINITY && signal === undefined) return
    send.deadline = this.#ports.clock.now() + timeoutMs
    send.mayWithdraw = true
    this.#timed.add(send)
    send.watch(signal, this.#withdraw, () => this.#timed.delete(send))
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.#sweep.watch(send.deadline)
  }

  /** Sends what a source yields; resolves when all of it has its outcome. */
  async sendAll(
    intake: SenderIntake<In, E>,
    source: SendAllSource<In>,
    options?: SendAllOptions,
    tracker = new SendAllTracker(),
  ): Promise<SendAllResult> {
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
    const left = this.failAll('closed', (hasLeft) =>
      hasLeft
        ? new RivuletError('RIVULET_UNKNOWN_OUTCOME', `${closed} before a message was confirmed`, { executed: 'maybe' })
        : new RivuletError('RIVULET_CLOSED', `${closed} before a message had left`, { executed: 'no' }),
    )
    await waitUntil(deadline, this.stream.end())
    this.stream.close()
    this.#sweep.stop()
    return left
  }

  /** Lets its timer go. */
  stop(): void {
    this.#sweep.stop()
  }

  /** Gives up on everything that was taken; returns how many messages that were. */
  failAll(reason: string, errorOf: (hasLeft: boolean) => RivuletError): number {
    const left = this.outbox.failAll(errorOf)
    this.#outgoing.lost(reason, left)
    return left
  }

  /** Offers a message; `undefined` if it is taken, or nobody waits for it any more. */
  #offer(intake: SenderIntake<In, E>, value: In, send: PendingSend<E, unknown>): RivuletError | undefined {
    const refusal = intake.offer(value, send)
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

  async #offerWaiting(intake: SenderIntake<In, E>, room: Promise<void>): Promise<void> {
    this.#isOffering = true
    await offerWhenRoom(intake, () => this.#offerInOrder(), room)
    this.#isOffering = false
  }

  /** Offers what waits, one message after the other; returns why it stopped, if that is for want of room. */
  #offerInOrder(): Refusal {
    for (const [send, { intake, value }] of this.#waiting) {
      const refusal = this.#offer(intake, value, send)
      if (roomAfter(intake, refusal) !== undefined) return refusal
      this.#waiting.delete(send)
      if (refusal !== undefined) refuse(intake, send, refusal)
    }
    return undefined
  }

  #takeBack(send: PendingSend<E, unknown>): boolean {
    this.#waiting.delete(send)
    if (!send.isTaken) return true
    if (!this.outbox.withdraw(send)) return false
    this.#outgoing.lost('withdrawn', 1)
    return true
  }

  #endLate(now: number): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const send of [...this.#timed]) {
      if (send.deadline > now) earliest = Math.min(earliest, send.deadline)
      else send.giveUp(this.#withdraw, () => this.#ports.late())
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

function refuse<In, E extends Extras>(
  intake: SenderIntake<In, E>,
  send: PendingSend<E, unknown>,
  refusal: RivuletError,
): void {
  intake.refused(refusal)
  const { code, message, issues, cause } = refusal
  send.failed(new RivuletError(code, message, { cause, issues, executed: 'no' }))
}

/** The writer of an outbox, which counts the messages of this turn separately. */
function writerOf<In, E extends Extras>(
  outbox: SendOutbox<In, unknown, E>,
  append: Writer<In, Owner<E>>['append'],
): Writer<In, Owner<E>> {
  const { fresh } = outbox
  return {
    get count() {
      return fresh.count
    },
    get bytes() {
      return fresh.bytes
    },
    append,
    flush: () => outbox.flush(),
  }
}
