/**
 * The counts of one queue as users see them: those of the engine, and how fast they grow.
 */
import type { QueueCounts, QueueEngine } from '../../src/engine/index.js'
import type { Clock } from '../../src/runtime/index.js'

/** How fast a queue works, in messages a second. */
export interface QueueRates {
  /** Stored. */
  readonly stored: number
  /** Given to consumers, each delivery of a message by itself. */
  readonly delivered: number
  /** Done. */
  readonly acked: number
}

/** What a queue holds now, what became of its messages since the host was opened, and how fast. */
export interface QueueStats {
  /** Messages in the queue: `ready`, `delayed` and `leased` together. */
  readonly depth: number
  /** Messages that wait for a consumer. */
  readonly ready: number
  /** Messages that are not due yet: delayed by their producer, or because they failed. */
  readonly delayed: number
  /** Messages that consumers have. */
  readonly leased: number
  /** What the bodies take, in bytes. */
  readonly bytes: number
  /** How long the oldest that is ready waits, in milliseconds; 0 if there is none. */
  readonly oldestMs: number
  /** Consumers that are connected. */
  readonly consumers: number
  /** Messages that were stored. */
  readonly stored: number
  /** Messages that were not stored again: their id was there, or their producer had sent them before. */
  readonly duplicates: number
  /** Deliveries, each of a message by itself. */
  readonly delivered: number
  /** Messages that were done. */
  readonly acked: number
  /** Deliveries that failed. */
  readonly nacked: number
  /** Leases that were lost, each of one delivery or more. */
  readonly leasesLost: number
  /** Messages that went to the dead letters. */
  readonly deadLettered: number
  /** Messages that were dropped, by reason: `overflow`, `expired`, `purged`, `corrupt`. */
  readonly dropped: Readonly<Record<string, number>>
  /** What was said about deliveries that were not under their lease any more. */
  readonly stale: number
  /** How fast the queue works, over the last second or a little more. */
  readonly rates: QueueRates
}

/** What a sample is at least apart from the next, in milliseconds. */
const sampleMs = 1000

/** Beyond this, rates are of a time that is too long ago, in milliseconds. */
const stillMs = 3000

const still: QueueRates = Object.freeze({ stored: 0, delivered: 0, acked: 0 })

interface Sample {
  readonly time: number
  readonly counts: QueueCounts
}

/** Measures one queue. */
export class QueueMeter {
  readonly #engine: QueueEngine
  readonly #clock: Clock
  readonly #queue: string
  #before: Sample
  #last: Sample

  constructor(engine: QueueEngine, clock: Clock, queue: string) {
    this.#engine = engine
    this.#clock = clock
    this.#queue = queue
    this.#last = { time: clock.now(), counts: engine.counts(queue) }
    this.#before = this.#last
  }

  /** The counts now. */
  read(): QueueStats {
    const now: Sample = { time: this.#clock.now(), counts: this.#engine.counts(this.#queue) }
    if (now.time - this.#last.time >= sampleMs) {
      this.#before = this.#last
      this.#last = now
    }
    return Object.freeze({ ...now.counts, rates: ratesOf(this.#before, now) })
  }
}

function ratesOf(before: Sample, now: Sample): QueueRates {
  const seconds = (now.time - before.time) / 1000
  if (seconds <= 0 || seconds * 1000 > stillMs + sampleMs) return still
  const rate = (count: 'stored' | 'delivered' | 'acked') => (now.counts[count] - before.counts[count]) / seconds
  return Object.freeze({ stored: rate('stored'), delivered: rate('delivered'), acked: rate('acked') })
}
