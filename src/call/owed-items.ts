/**
 * Sends items that must not be lost for want of room: they wait here until the session's outbox takes them, those of
 * stream 0 in order. On other streams they are the last, so that none of them must wait for another.
 *
 * It is for outcomes, cancellations and agreements, of which each call and each binding has a bounded number.
 */
import { isRivuletError } from '../errors/index.js'
import type { ItemBody } from '../session/item.js'
import type { SessionStreams } from '../session/session-streams.js'

/** A body that is told when it cannot be sent at all. */
export interface OwedBody extends ItemBody {
  /** It could not be written, or is too large; nothing was sent. */
  unsendable?(cause: unknown): void
}

interface Owed {
  readonly stream: number
  readonly kind: number
  readonly flags: number
  readonly body: OwedBody
}

/** The items that one side of a session owes the other. */
export class OwedItems {
  readonly #streams: SessionStreams
  #waiting: Owed[] = []

  constructor(streams: SessionStreams) {
    this.#streams = streams
  }

  /** Items that wait. */
  get size(): number {
    return this.#waiting.length
  }

  /** Sends an item, now or when there is room; what a session that has ended is given is gone with it. */
  send(stream: number, kind: number, flags: number, body: OwedBody): void {
    const mustWait = stream === 0 && this.#waiting.length > 0
    if (mustWait || !this.#trySend(stream, kind, flags, body)) this.#waiting.push({ stream, kind, flags, body })
  }

  /** There may be room again. */
  retry(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    let sent = 0
    for (const { stream, kind, flags, body } of waiting) {
      if (!this.#trySend(stream, kind, flags, body)) break
      sent += 1
    }
    // what was sent may have led to more, which belongs behind the rest
    if (sent < waiting.length) this.#waiting = [...waiting.slice(sent), ...this.#waiting]
  }

  /** Forgets all. */
  clear(): void {
    this.#waiting = []
  }

  /** Tells whether the item needs no more care. */
  #trySend(stream: number, kind: number, flags: number, body: OwedBody): boolean {
    try {
      this.#streams.send(stream, kind, flags, body)
    } catch (cause) {
      if (isRivuletError(cause, 'RIVULET_OUTBOX_FULL')) {
        this.#streams.isWritable(stream) // whoever asks is told when it changes
        return false
      }
      if (!isRivuletError(cause, 'RIVULET_CLOSED')) body.unsendable?.(cause)
    }
    return true
  }
}
