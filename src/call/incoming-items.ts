/**
 * The items of one call that come in: decoded straight from the frame while they are wanted, kept as bytes while not.
 *
 * Credit is returned for what is taken, so the other side sends no more than fits the window of the stream. What an end
 * means for the call is decided by the owner.
 */
import type { Cursor, ReadValue } from '../avro/codec.js'
import { Malformed } from '../avro/read-primitives.js'
import type { RivuletError } from '../errors/index.js'
import { MessageStream, type StreamOwner, type Supply } from '../stream/index.js'
import { CallStream, type StreamEnd } from './call-stream.js'
import { BacklogBudget, ItemBacklog } from './item-backlog.js'

/** The call that items belong to. */
export interface IncomingOwner {
  /** So many bytes were taken. */
  consumed(bytes: number): void
  /** Nobody wants items any more. */
  abandoned(): void
  /** An item cannot be read: the call must end, in whatever way the owner chooses. */
  unreadable(cause: unknown): void
  /** A handler of `process` or a teardown of a subscriber failed. */
  report(error: RivuletError): void
  /** The stream failed, and a subscriber has no error callback. */
  unhandled(error: Error): void
}

const unset: ReadValue<never> = () => {
  throw new Error('unreachable: an item came before its call had a session')
}

/** The way in to one call. */
export class IncomingItems implements Supply<unknown>, StreamOwner<unknown>, StreamEnd {
  /** What the application holds. */
  readonly stream: CallStream<unknown>
  readonly #owner: IncomingOwner
  /** Reads an item; its creator sets this before the first item. */
  read: ReadValue<unknown> = unset
  readonly #inner: MessageStream<unknown>
  readonly #backlog: ItemBacklog
  readonly #cursor: Cursor = { position: 0 }
  /** The item that is being offered where it lies in its frame, if there is one. */
  #lent: Buffer | undefined
  #lentView: DataView | undefined
  #lentStart = 0
  #lentEnd = 0
  #ending = false
  #ended = false
  #failure: Error | undefined

  /**
   * @param budget - What the backlogs of one peer may hold together; without bound where this side opens the streams.
   */
  constructor(owner: IncomingOwner, budget = new BacklogBudget(Number.POSITIVE_INFINITY)) {
    this.#owner = owner
    this.#backlog = new ItemBacklog(budget)
    this.#inner = new MessageStream<unknown>(this)
    this.stream = new CallStream(this.#inner, this)
  }

  /** Takes an item; its bytes are only lent. Returns false if too many wait already. */
  accept(bytes: Buffer, view: DataView, start: number, end: number): boolean {
    if (this.#ending) return true
    if (this.#inner.busy) return this.#backlog.push(bytes, start, end)
    this.#lent = bytes
    this.#lentView = view
    this.#lentStart = start
    this.#lentEnd = end
    this.#inner.give(this)
    if (this.#lent === undefined) return true
    this.#lent = undefined
    this.#lentView = undefined
    return this.#backlog.push(bytes, start, end)
  }

  /** No more items come; what came is still delivered, and then the failure, if there is one. */
  end(failure?: Error): void {
    if (this.#ending) return
    this.#ending = true
    this.#failure = failure
    if (!this.#inner.busy) this.#complete()
  }

  /** Nothing more is delivered: the consumer gets the failure at once. */
  abort(failure: Error): void {
    if (this.#ended) return
    this.#ending = true
    this.#failure = failure
    this.#complete()
  }

  /** Nothing more is delivered, and the consumer sees the end of the stream: for a call that is done with them. */
  leave(): void {
    this.#ending = true
    this.#complete()
  }

  failure(): Error | undefined {
    return this.#failure
  }

  unhandled(error: Error): void {
    this.#owner.unhandled(error)
  }

  report(error: RivuletError): void {
    this.#owner.report(error)
  }

  get remaining(): number {
    return this.#lent === undefined ? this.#backlog.length : 1
  }

  take(): unknown {
    const lent = this.#lent
    if (lent === undefined) return this.#takeWaiting()
    const view = this.#lentView as DataView
    this.#lent = undefined
    this.#lentView = undefined
    return this.#decode(lent, view, this.#lentStart, this.#lentEnd)
  }

  failed(): number {
    return 1 + this.discard()
  }

  discard(): number {
    const left = this.remaining
    this.#lent = undefined
    this.#lentView = undefined
    this.#backlog.clear()
    return left
  }

  demanded(wanted: boolean): void {
    if (!wanted && !this.#ended) this.#owner.abandoned()
  }

  used(): void {
    if (this.#ending) this.#complete()
  }

  unreadable(cause: unknown): void {
    this.#owner.unreadable(cause)
  }

  handlerFailed(error: RivuletError): void {
    this.#owner.report(error)
  }

  #takeWaiting(): unknown {
    const { bytes, view, start } = this.#backlog
    return this.#decode(bytes, view, start, this.#backlog.shift())
  }

  #decode(bytes: Buffer, view: DataView, start: number, end: number): unknown {
    this.#cursor.position = start
    const value = this.read(bytes, view, this.#cursor, end)
    if (this.#cursor.position !== end) throw new Malformed('there is more than the value')
    if (end > start && !this.#ending) this.#owner.consumed(end - start)
    return value
  }

  #complete(): void {
    if (this.#ended) return
    this.#ended = true
    this.#inner.complete()
  }
}
