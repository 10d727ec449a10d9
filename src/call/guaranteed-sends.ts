/**
 * Sends items that must not be lost for want of room: they wait here until the session's outbox takes them, those of
 * stream 0 in order. On other streams they are the last, so that none of them must wait for another.
 *
 * It is for outcomes, cancellations and agreements, of which each call and each binding has a bounded number. What waits
 * is bytes, so that what a peer that reads nothing makes this side hold is known, and has a bound.
 */
import { bufferFull } from '../avro/codec.js'
import { isRivuletError } from '../errors/index.js'
import { Fifo, turnBudget } from '../lifecycle/index.js'
import { type ItemBody, type SessionStreams, writeWaiting } from '../session/index.js'

/** A body that is notified when it cannot be sent at all. */
export interface GuaranteedBody extends ItemBody {
  /** It could not be written, or is too large; nothing was sent. */
  unsendable?(cause: unknown): void
}

interface WaitingSend {
  readonly stream: number
  readonly kind: number
  readonly flags: number
  readonly body: WrittenBody
}

/** Shorter ones always find room here: their number is bound enough, in bytes. */
const smallBytes = 1024

/** Larger ones are refused before they could wait: no message may be larger, in bytes. */
const largestBytes = 256 * 1024 * 1024

/** A body that was written before. */
class WrittenBody implements ItemBody {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  writeBody(bytes: Buffer, _view: DataView, position: number, end: number): number {
    if (position + this.bytes.length > end) throw bufferFull
    this.bytes.copy(bytes, position)
    return position + this.bytes.length
  }
}

/** The items that one side of a session owes the other. */
export class GuaranteedSends {
  readonly #streams: SessionStreams
  readonly #maxBytes: number
  readonly #waiting = new Fifo<WaitingSend>()
  #bytes = 0
  #isResting = false
  readonly #continue = () => {
    this.#isResting = false
    this.retry()
  }

  /**
   * @param maxBytes - What may wait; one item may be larger.
   */
  constructor(streams: SessionStreams, maxBytes = Number.POSITIVE_INFINITY) {
    this.#streams = streams
    this.#maxBytes = maxBytes
  }

  /** Items that wait. */
  get size(): number {
    return this.#waiting.length
  }

  /**
   * Sends an item, now or when there is room; what a session that has ended is given is gone with it.
   *
   * Returns false if too much waits already: the item is neither sent nor kept.
   */
  send(stream: number, kind: number, flags: number, body: GuaranteedBody): boolean {
    const mustWait = stream === 0 && this.#waiting.length > 0
    return (!mustWait && this.#trySend(stream, kind, flags, body)) || this.#keep(stream, kind, flags, body)
  }

  /** There may be room again: sends what waits, in several turns if that is very much. */
  retry(): void {
    if (this.#isResting) return
    for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
      const { stream, kind, flags, body } = first
      if (!this.#trySend(stream, kind, flags, body)) return
      if (this.#waiting.shift() !== undefined) this.#bytes -= body.bytes.length // else all was forgotten meanwhile
      if (!turnBudget.spend()) continue
      this.#isResting = true
      turnBudget.nextTurn(this.#continue)
      return
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#waiting.clear()
    this.#bytes = 0
  }

  #keep(stream: number, kind: number, flags: number, body: GuaranteedBody): boolean {
    let bytes: Buffer
    try {
      bytes = writeWaiting(body, largestBytes)
    } catch (cause) {
      body.unsendable?.(cause)
      return true
    }
    const isSmall = bytes.length <= smallBytes
    if (!isSmall && this.#bytes > 0 && this.#bytes + bytes.length > this.#maxBytes) return false
    this.#waiting.push({ stream, kind, flags, body: new WrittenBody(bytes) })
    this.#bytes += bytes.length
    return true
  }

  /** Tells whether the item needs no more care. */
  #trySend(stream: number, kind: number, flags: number, body: GuaranteedBody): boolean {
    try {
      this.#streams.send(stream, kind, flags, body)
    } catch (cause) {
      if (isRivuletError(cause, 'RIVULET_OUTBOX_FULL')) {
        this.#streams.isWritable(stream) // after a query, a change is notified
        return false
      }
      if (!isRivuletError(cause, 'RIVULET_CLOSED')) body.unsendable?.(cause)
    }
    return true
  }
}
