/**
 * What the connections of one listener hold together, and what happens when that is too much.
 *
 * A half of it is for messages that were not sent: beyond it senders wait. A quarter is for messages that nobody has consumed: beyond it
 * no connection is read. A quarter is for incomplete frames: beyond it the connection that holds most of several is closed, since
 * reading less would complete none of them.
 */
import { RivuletError } from '../../../src/errors/index.js'
import { type BudgetWaiter, BufferBudget } from './buffer-budget.js'

/** A connection that holds bytes. */
export interface Holder extends BudgetWaiter {
  destroy(error: RivuletError): void
}

interface Held {
  unread: number
  incomplete: number
}

/** The bytes of one listener. */
export class HeldBytes {
  /** Of messages that were not sent. */
  readonly outgoing: BufferBudget
  readonly #unread: BufferBudget
  readonly #incomplete: BufferBudget
  readonly #of = new Map<Holder, Held>()

  constructor(maxBytes: number) {
    this.outgoing = new BufferBudget(Math.ceil(maxBytes / 2))
    this.#unread = new BufferBudget(Math.ceil(maxBytes / 4))
    this.#incomplete = new BufferBudget(Math.ceil(maxBytes / 4))
  }

  /** All of it, in bytes. */
  get bytes(): number {
    return this.outgoing.used + this.#unread.used + this.#incomplete.used
  }

  /** Whether a connection may read; if not, it is notified when it may. */
  mayRead(connection: Holder): boolean {
    if (!this.#unread.isSpent) return true
    this.#unread.wait(connection)
    return false
  }

  /** Bytes have arrived: those that wait to be consumed, and those of a frame whose end has not arrived. */
  received(connection: Holder, bytes: number, incomplete: number, isBacklogged: boolean): void {
    let held = this.#of.get(connection)
    if (held === undefined) {
      if (!isBacklogged && incomplete === 0) return
      held = { unread: 0, incomplete: 0 }
      this.#of.set(connection, held)
    }
    if (isBacklogged) {
      held.unread += bytes
      this.#unread.change(bytes)
    }
    const more = incomplete - held.incomplete
    held.incomplete = incomplete
    this.#incomplete.change(more)
    if (more > 0 && this.#incomplete.isSpent) this.#closeLargest()
  }

  /** Everything that had arrived is consumed. */
  consumed(connection: Holder): void {
    const held = this.#of.get(connection)
    if (held === undefined || held.unread === 0) return
    const { unread } = held
    held.unread = 0
    this.#unread.change(-unread)
  }

  /** The connection is closed. */
  forget(connection: Holder): void {
    this.#unread.forget(connection)
    const held = this.#of.get(connection)
    if (held === undefined) return
    this.#of.delete(connection)
    this.#unread.change(-held.unread)
    this.#incomplete.change(-held.incomplete)
  }

  #closeLargest(): void {
    let largest: Holder | undefined
    let most = 0
    let count = 0
    for (const [connection, { incomplete }] of this.#of) {
      if (incomplete > 0) count += 1
      if (incomplete <= most) continue
      largest = connection
      most = incomplete
    }
    // a single one is bounded by the limit of its frames
    if (largest === undefined || count < 2) return
    this.forget(largest)
    const text = `incomplete frames take ${this.#incomplete.limitBytes} bytes; that of this connection is the largest`
    largest.destroy(new RivuletError('RIVULET_TOO_MANY_CONNECTIONS', text))
  }
}
