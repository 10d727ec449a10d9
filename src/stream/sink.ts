/**
 * What users hold of outgoing messages: an RxJS Observer that also tells when a message was taken.
 *
 * The interface, and the implementation over an `Intake`, which knows where messages go.
 */
import type { Observer } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import { turnBudget } from '../lifecycle/index.js'
import { type Intake, type Refusal, roomAfter, shed } from './intake.js'
import { type SendAllOptions, type SendAllResult, type SendAllSource, sendAll } from './send-all.js'
import { WaitingOffers } from './waiting-offers.js'

/**
 * Takes messages. Any observable can feed it: `source$.subscribe(sink)`.
 *
 * `complete()` of a source does nothing, so many finite sources may feed one sink; its `error` is reported as
 * `RIVULET_SOURCE_FAILED` on `errors`, and the sink stays open.
 */
export interface Sink<In> extends Observer<In> {
  /**
   * Sends a message without waiting; never throws.
   *
   * Backpressure: none. A message that does not fit its schema, that finds the outbox full, or that comes after `close`
   * is counted in `stats().refused` and reported on `errors`.
   *
   * @param value - The message: a value of the schema..
   */
  next(value: In): void
  /**
   * Reports the failure of a source as `RIVULET_SOURCE_FAILED`; the sink stays open.
   *
   * @param cause - Why: the `cause` of the error that is reported.
   */
  error(cause: unknown): void
  /** Does nothing: a source has ended, the sink has not. */
  complete(): void
  /**
   * Sends a message and tells when it was taken.
   *
   * Resolves when the message is in the bounded outbox. That does not mean that it was sent, received or processed.
   *
   * Backpressure: waits for room, if the overflow policy is `block`.
   *
   * @param value - The message: a value of the schema..
   * @error RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_OUTBOX_FULL (policy `error`), RIVULET_CLOSED
   */
  send(value: In): Promise<void>
  /**
   * Sends everything a source yields.
   *
   * Resolves when the source has ended and all of it was taken or dropped; a message that does not fit is dropped,
   * reported, and the rest continues.
   *
   * Backpressure: iterables, async iterables and Rivulet's streams are taken from as fast as there is room. Any other
   * observable cannot be paused: what finds no room is dropped and counted.
   *
   * @param source - An iterable, an async iterable, a promise or an observable of messages.
   * @param options - How to stop it.
   * @error RIVULET_SOURCE_FAILED, RIVULET_ABORTED, RIVULET_CLOSED
   */
  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult>
}

/** Resolved once and for all, so that a message that is taken costs no promise. */
const taken = Promise.resolve()

/** The implementation of `Sink`. */
export class MessageSink<In> implements Sink<In> {
  readonly #intake: Intake<In>
  readonly #offers: WaitingOffers

  constructor(intake: Intake<In>) {
    this.#intake = intake
    this.#offers = new WaitingOffers(intake)
  }

  next(value: In): void {
    const refusal = this.#intake.offer(value)
    if (!refusal || refusal === shed) return
    this.#intake.refused(refusal)
    this.#intake.report(refusal)
  }

  error(cause: unknown): void {
    const message = 'a source that feeds a sink failed; the sink stays open'
    this.#intake.report(new RivuletError('RIVULET_SOURCE_FAILED', message, { cause }))
  }

  complete(): void {}

  send(value: In): Promise<void> {
    if (this.#offers.isWaiting) return this.#wait(value, undefined)
    const refusal = this.#intake.offer(value)
    if (!refusal || refusal === shed) return this.#breathe()
    const room = roomAfter(this.#intake, refusal)
    return room ? this.#wait(value, room) : this.#reject(refusal)
  }

  /** Resolves when each `send` that waits for room was taken or refused; `undefined` if none waits. */
  whenSent(): Promise<unknown> | undefined {
    return this.#offers.isWaiting ? this.#offers.whenDone() : undefined
  }

  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult> {
    return sendAll(this.#intake, source, options)
  }

  /** A loop that awaits promises which are resolved already would let no timer and no socket have its turn. */
  #breathe(): Promise<void> {
    return turnBudget.spend() ? new Promise((resolve) => turnBudget.nextTurn(resolve)) : taken
  }

  /** As `send`, and in order with it, for what is offered in another way. */
  protected sendBy(offer: () => Refusal): Promise<void> {
    if (this.#offers.isWaiting) return this.#waitBy(offer, undefined)
    const refusal = offer()
    if (!refusal || refusal === shed) return this.#breathe()
    const room = roomAfter(this.#intake, refusal)
    return room ? this.#waitBy(offer, room) : this.#reject(refusal)
  }

  #wait(value: In, room: Promise<void> | undefined): Promise<void> {
    return this.#waitBy(() => this.#intake.offer(value), room)
  }

  #waitBy(offer: () => Refusal, room: Promise<void> | undefined): Promise<void> {
    return this.#offers.wait(offer, room, () => this.#breathe()).catch((refusal: RivuletError) => this.#reject(refusal))
  }

  #reject(refusal: RivuletError): Promise<never> {
    this.#intake.refused(refusal)
    return Promise.reject(refusal)
  }
}
