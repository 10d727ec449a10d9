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
  type OutgoingPorts,
  type OverflowPolicy,
  offerWhenRoom,
  type Queue,
  type Refusal,
  roomAfter,
  type SendAllOptions,
  type SendAllResult,
  type SendAllSource,
  type SenderStats,
  sendAll,
  shed,
} from '../stream/index.js'
import { type FirstWriter, SchemaWriter, writerOf } from './outbox-writers.js'
import { type PendingSend, SendAllTracker, type SendKeeper } from './pending-send.js'
import type { Extras, SendAnswer, SendRequest } from './protocol.js'
import { SendOutbox } from './send-outbox.js'
import type { SendOutboxPorts } from './send-outbox-ports.js'
import type { ExtrasCost, Owner } from './sent-batch.js'
import { TimedSends } from './timed-sends.js'

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
export class ReliableSender<In, Open, E extends Extras> implements SendKeeper<E> {
  readonly stream: ConversationStream
  readonly outbox: SendOutbox<In, Open, E>
  readonly #ports: ReliableSenderPorts<Open, E>
  readonly #outgoing: Outgoing
  readonly timed = new TimedSends<E>()
  readonly #sweep: DeadlineSweep
  /** Sends that wait for room, in order; who gives up is gone at once, also while the host is away for long. */
  #waiting: Map<PendingSend<E, unknown>, Waiting<In, E>> | undefined
  #isOffering = false
  readonly #first: FirstWriter = { writer: undefined }

  /** @param codec - That of the first messages. */
  constructor(codec: Codec<In, unknown>, ports: ReliableSenderPorts<Open, E>) {
    this.#ports = ports
    const outboxPorts = new OutboxPorts<Open, E>(ports, this)
    this.outbox = new SendOutbox<In, Open, E>(codec, ports.maxMessageBytes, outboxPorts)
    this.#outgoing = new Outgoing(outboxPorts)
    this.#sweep = new DeadlineSweep(ports.clock, (now) => this.timed.expire(now))
    this.stream = ports.streamFor(this.outbox)
  }

  /** Sends that wait for room. */
  get waiting(): number {
    return this.#waiting?.size ?? 0
  }

  /** Makes the intake of messages of one schema, which is the only one. */
  intake(): SenderIntake<In, E> {
    return this.#outgoing.intake(writerOf(this.outbox, (value, owner) => this.outbox.append(value, owner)))
  }

  /** Makes the intake of messages of one schema among several. */
  intakeOf(codec: Codec<In, unknown>): SenderIntake<In, E> {
    return this.#outgoing.intake(new SchemaWriter(this.outbox, this.#first, codec))
  }

  /** Sends a message, or lets it wait for room. */
  send(send: PendingSend<E, unknown>, intake: SenderIntake<In, E>, value: In): void {
    if (this.waiting > 0) {
      this.#wait(send, intake, value)
      return
    }
    const refusal = this.#offer(intake, value, send)
    if (refusal === undefined) return
    const room = roomAfter(intake, refusal)
    if (room === undefined) {
      refuse(intake, send, refusal)
    } else {
      this.#wait(send, intake, value)
      if (!this.#isOffering) void this.#offerWaiting(intake, room)
    }
  }

  /** Lets a send give up after a time, in milliseconds, or when a signal aborts. */
  limit(send: PendingSend<E, unknown>, timeoutMs: number, signal: AbortSignal | undefined): void {
    if (timeoutMs === Number.POSITIVE_INFINITY && signal === undefined) return
    send.deadline = this.#ports.clock.now() + timeoutMs
    send.limit(this, signal)
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.#sweep.watch(send.deadline)
  }

  withdraw(send: PendingSend<E, unknown>): boolean {
    this.#waiting?.delete(send)
    if (!send.isTaken) return true
    if (!this.outbox.withdraw(send)) return false
    this.#outgoing.lost('withdrawn', 1)
    return true
  }

  late(): RivuletError {
    return this.#ports.late()
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
    const ports = this.#ports
    await ports.waitUntil(deadline, this.#outgoing.whenEmpty())
    const closed = `${ports.name()} was closed`
    const left = this.failAll('closed', (hasLeft) =>
      hasLeft
        ? new RivuletError('RIVULET_UNKNOWN_OUTCOME', `${closed} before a message was confirmed`, { executed: 'maybe' })
        : new RivuletError('RIVULET_CLOSED', `${closed} before a message had left`, { executed: 'no' }),
    )
    await ports.waitUntil(deadline, this.stream.end())
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
      if (send.done) this.withdraw(send) // a getter of its own value has given it up
      return undefined
    }
    if (refusal !== shed) return refusal
    send.failed(
      new RivuletError('RIVULET_OUTBOX_FULL', `${this.#ports.name()}: the outbox is full`, { executed: 'no' }),
    )
    return undefined
  }

  #wait(send: PendingSend<E, unknown>, intake: SenderIntake<In, E>, value: In): void {
    this.#waiting ??= new Map()
    this.#waiting.set(send, { intake, value })
  }

  async #offerWaiting(intake: SenderIntake<In, E>, room: Promise<void>): Promise<void> {
    this.#isOffering = true
    await offerWhenRoom(intake, () => this.#offerInOrder(), room)
    this.#isOffering = false
  }

  /** Offers what waits, one message after the other; returns why it stopped, if that is for want of room. */
  #offerInOrder(): Refusal {
    for (const [send, { intake, value }] of this.#waiting ?? []) {
      const refusal = this.#offer(intake, value, send)
      if (roomAfter(intake, refusal) !== undefined) return refusal
      this.#waiting?.delete(send)
      if (refusal !== undefined) refuse(intake, send, refusal)
    }
    return undefined
  }

  /** Messages were taken and are lost; of `unreported` ones no promise says why. */
  lost(reason: string, messages: number, unreported: number, error: RivuletError): void {
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

type SenderOfOutbox<Open, E extends Extras> = Pick<ReliableSender<never, Open, E>, 'stream' | 'lost'> & {
  readonly outbox: Queue
}

/** A sender as its outbox and its way out see it. A class, since a process may have very many senders. */
class OutboxPorts<Open, E extends Extras> implements SendOutboxPorts<Open, E>, OutgoingPorts {
  readonly #ports: ReliableSenderPorts<Open, E>
  readonly #sender: SenderOfOutbox<Open, E>
  readonly limitBytes: number
  readonly overflow: OverflowPolicy
  readonly costOf: ExtrasCost<E>

  constructor(ports: ReliableSenderPorts<Open, E>, sender: SenderOfOutbox<Open, E>) {
    this.#ports = ports
    this.#sender = sender
    this.limitBytes = ports.outboxBytes
    this.overflow = ports.overflow
    this.costOf = ports.costOf
  }

  get opening(): Open {
    return this.#ports.opening
  }

  get checks(): boolean | undefined {
    return this.#ports.checks
  }

  get smallestSlabBytes(): number | undefined {
    return this.#ports.smallestSlabBytes
  }

  wake(): void {
    this.#sender.stream.wake()
  }

  lost(reason: string, messages: number, unreported: number, error: RivuletError): void {
    this.#sender.lost(reason, messages, unreported, error)
  }

  queue(): Queue {
    return this.#sender.outbox
  }

  name(): string {
    return this.#ports.name()
  }

  isOpen(): boolean {
    return this.#ports.isOpen()
  }

  onClosing(callback: () => void): () => void {
    return this.#ports.onClosing(callback)
  }

  report(error: RivuletError): void {
    this.#ports.report(error)
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
