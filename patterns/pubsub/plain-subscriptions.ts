/**
 * Subscriptions that a topic socket cannot serve, since a policy says who may have what: those of peers that do not follow the same
 * over a link.
 *
 * Pure but for a clock. A socket does not tell whose a subscription is, so that both are counted, and compared a moment later. A
 * subscriber with several connections subscribes over each of them; how many it has, the subscriptions to its inbox tell.
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
  /** Subscriptions over the socket, and of these the ones that were reported. */
  plain: number
  reported: number
  /** Those who ask for the same over links. */
  readonly readers: Set<object>
}

/** Compares subscriptions of a socket with those of links. */
export class PlainSubscriptions {
  readonly #ports: PlainSubscriptionPorts
  readonly #counts = new Map<string, Counts>()
  /** Subscriptions to each inbox: one over each connection of its subscriber. */
  readonly #inboxes = new Map<string, number>()
  /** Under which inbox a peer of a link asks. */
  readonly #inboxOf = new WeakMap<object, string>()
  /** Prefixes with more of the first, since the last look and since the one before. */
  #recent = new Set<string>()
  #due = new Set<string>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(ports: PlainSubscriptionPorts) {
    this.#ports = ports
  }

  /** A peer of the socket subscribes to its inbox, or cancels it. */
  inbox(subscribed: boolean, inbox: Buffer): void {
    const key = inbox.toString('latin1')
    const count = (this.#inboxes.get(key) ?? 0) + (subscribed ? 1 : -1)
    if (count > 0) this.#inboxes.set(key, count)
    else this.#inboxes.delete(key)
  }

  /** A peer of the socket subscribes, or cancels it. */
  plain(subscribed: boolean, prefix: Buffer): void {
    const counts = this.#countsOf(prefix)
    counts.plain = Math.max(0, counts.plain + (subscribed ? 1 : -1))
    this.#changed(counts)
  }

  /** A peer of a link asks for something with this prefix, or does not any more. */
  linked(asks: boolean, prefix: Buffer, reader: object): void {
    const counts = this.#countsOf(prefix)
    if (asks) counts.readers.add(reader)
    else counts.readers.delete(reader)
    this.#changed(counts)
  }

  /** A peer of a link has named its inbox. */
  named(reader: object, inbox: Buffer): void {
    this.#inboxOf.set(reader, inbox.toString('latin1'))
  }

  /** All peers of the socket were disconnected. */
  reset(): void {
    this.#inboxes.clear()
    for (const counts of [...this.#counts.values()]) {
      counts.plain = 0
      this.#changed(counts)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #countsOf(prefix: Buffer): Counts {
    return (
      this.#counts.get(prefix.toString('latin1')) ?? {
        prefix: Buffer.from(prefix),
        plain: 0,
        reported: 0,
        readers: new Set(),
      }
    )
  }

  #changed(counts: Counts): void {
    if (this.#isClosed) return
    const { prefix, plain, readers } = counts
    const key = prefix.toString('latin1')
    if (plain > 0 || readers.size > 0) this.#counts.set(key, counts)
    else this.#counts.delete(key)
    const excess = this.#excessOf(counts)
    counts.reported = Math.min(counts.reported, excess)
    if (excess === counts.reported) return
    this.#recent.add(key)
    this.#timer ??= this.#ports.clock.setTimer(() => this.#look(), graceMs)
  }

  #look(): void {
    this.#timer = undefined
    for (const key of this.#due) {
      const counts = this.#counts.get(key)
      if (counts === undefined) continue
      const excess = this.#excessOf(counts)
      if (excess > counts.reported) this.#ports.denied(counts.prefix, excess - counts.reported)
      counts.reported = excess
    }
    this.#due = this.#recent
    this.#recent = new Set()
    if (this.#due.size > 0) this.#timer = this.#ports.clock.setTimer(() => this.#look(), graceMs)
  }

  /** Subscriptions over connections of which none is of a subscriber that asks for the same over a link. */
  #excessOf({ plain, readers }: Counts): number {
    let linked = 0
    for (const reader of readers) linked += this.#inboxes.get(this.#inboxOf.get(reader) ?? '') ?? 1
    return Math.max(0, plain - linked)
  }
}
