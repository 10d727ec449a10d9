/**
 * The counts of one queue as users see them: those of the engine, and how fast they grow.
 */
import type { Clock } from '../../../src/clock/index.js'
import type { QueueCounts, QueueEngine } from '../../../src/engine/index.js'

/** How fast a queue works, in messages a second. */
export interface QueueRates {
  /** Stored. */
  readonly stored: number
  /** Given to consumers, each delivery of a message counted. */
  readonly delivered: number
  /** Done. */
  readonly acked: number
}

/** What a queue holds now, what became of its messages since the host was opened, and how fast. */
export interface QueueStats extends QueueCounts {
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
