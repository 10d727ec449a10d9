/**
 * Subscriptions that a topic socket cannot serve, since a policy says who may have what: those of peers that do not follow the same
 * over a link.
 *
 * Pure but for a clock. A socket does not tell whose a subscription is, so that both are counted, and compared a moment later.
 */
import type { Clock, Timer } from '../../src/clock/index.js'

/** What it needs. */
export interface PlainSubscriptionPorts {
  readonly clock: Clock
  /** So many subscriptions to a prefix were not followed by a link. */
  denied(prefix: Buffer, count: number): void
}

/** How long a subscriber may take to follow over a link at least, in milliseconds; twice that at most. */
const graceMs = 1500

interface Counts {
  readonly prefix: Buffer
  /** Over the socket, over links, and of the first those that were reported. */
  plain: number
  linked: number
  reported: number
}

/** Compares subscriptions of a socket with those of links. */
export class PlainSubscriptions {
  readonly #ports: PlainSubscriptionPorts
  readonly #counts = new Map<string, Counts>()
  /** Prefixes with more of the first, since the last look and since the one before. */
  #recent = new Set<string>()
  #due = new Set<string>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(ports: PlainSubscriptionPorts) {
    this.#ports = ports
  }

  /** A peer of the socket subscribes, or cancels it. */
  plain(subscribed: boolean, prefix: Buffer): void {
    this.#change(prefix, subscribed ? 1 : -1, 0)
  }

  /** A peer of a link asks for something with this prefix, or does not any more. */
  linked(asks: boolean, prefix: Buffer): void {
    this.#change(prefix, 0, asks ? 1 : -1)
  }

  /** All peers of the socket were disconnected. */
  reset(): void {
    for (const { prefix, plain } of [...this.#counts.values()]) this.#change(prefix, -plain, 0)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #change(prefix: Buffer, plain: number, linked: number): void {
    if (this.#isClosed) return
    const key = prefix.toString('latin1')
    const counts = this.#counts.get(key) ?? { prefix: Buffer.from(prefix), plain: 0, linked: 0, reported: 0 }
    counts.plain = Math.max(0, counts.plain + plain)
    counts.linked = Math.max(0, counts.linked + linked)
    const excess = Math.max(0, counts.plain - counts.linked)
    counts.reported = Math.min(counts.reported, excess)
    if (counts.plain + counts.linked > 0) this.#counts.set(key, counts)
    else this.#counts.delete(key)
    if (excess === counts.reported) return
    this.#recent.add(key)
    this.#timer ??= this.#ports.clock.setTimer(() => this.#look(), graceMs)
  }

  #look(): void {
    this.#timer = undefined
    for (const key of this.#due) {
      const counts = this.#counts.get(key)
      if (counts === undefined) continue
      const excess = Math.max(0, counts.plain - counts.linked)
      if (excess > counts.reported) this.#ports.denied(counts.prefix, excess - counts.reported)
      counts.reported = excess
    }
    this.#due = this.#recent
    this.#recent = new Set()
    if (this.#due.size > 0) this.#timer = this.#ports.clock.setTimer(() => this.#look(), graceMs)
  }
}
