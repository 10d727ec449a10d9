/**
 * How a hub with history completes its log: gaps are fetched as they are found, and what subscribers ask for before they get it.
 *
 * It joins `hub-backfill.ts` and `hub-tails.ts`, which decide, to the parts of the hub.
 */

import type { HistoryOffers } from './history-offers.js'
import { HubBackfill } from './hub-backfill.js'
import type { HubHistory } from './hub-history.js'
import { orderKey } from './hub-intake.js'
import type { HubInterest } from './hub-interest.js'
import type { HubGap, HubOrder, HubRange } from './hub-order.js'
import { HubTails } from './hub-tails.js'
import type { TopicFrame } from './topic-frame.js'
import type { LogCompletion } from './topic-service.js'
import type { Head } from './topics-wire.js'

/** What it needs of its hub. */
export interface HubRepairsPorts {
  /** The history of the publishers. */
  readonly above: HistoryOffers
  readonly history: HubHistory
  readonly order: HubOrder
  readonly interest: HubInterest
  /** Forwards a frame that was fetched, if it has a message that was not seen. */
  late(frame: TopicFrame): void
  /** Something was put in the log. */
  kept(): void
}

/** Completes the log of one hub. */
export class HubRepairs {
  readonly #ports: HubRepairsPorts
  readonly #backfill: HubBackfill
  readonly #tails: HubTails
  /** What the service of the hub waits for. */
  readonly completion: LogCompletion

  constructor(ports: HubRepairsPorts) {
    this.#ports = ports
    const { above, history, order, interest } = ports
    const asks = {
      hasHistory: (source: string) => above.isOffered(source),
      fetch: (...asked: Parameters<HistoryOffers['fetch']>) => above.fetch(...asked),
    }
    const keyOf = (source: string, topic: string) => orderKey(Buffer.from(source, 'hex'), partOf(topic))
    this.#backfill = new HubBackfill({
      ...asks,
      keep: (frame, as) => {
        history.insert(frame, as === 'retained')
        ports.kept()
      },
      late: (frame) => ports.late(frame),
      retained: (source, pattern, upTo, topics) => history.retained(source, pattern, upTo, topics),
      whenKept: (callback) => history.whenWritten(callback),
      covers: (source, topic, range) => order.covers(keyOf(source, topic), range),
      joined: (source, topic, range, from) => order.joined(keyOf(source, topic), range, from),
    })
    this.#tails = new HubTails({
      ...asks,
      positionOf: (source) => history.positionOf(source),
      patterns: () => interest.patterns(),
      changes: () => interest.changes,
      tail: (...tail) => this.#tail(...tail),
    })
    this.completion = {
      replay: (...asked) => this.#backfill.complete(...asked),
      heads: (...asked) => this.#heads(...asked),
    }
  }

  /** Messages did not come before a frame of a topic, as on the wire. */
  gap(source: Buffer, part: Buffer, gap: HubGap): void {
    // what nobody wanted meanwhile is fetched when somebody asks for it
    if (!this.#ports.interest.isWanted(part, gap.seenAt)) return
    this.#backfill.repair(source.toString('hex'), part.subarray(0, -1).toString(), gap, false)
  }

  /** A publisher has answered; so many connections have ended so far. */
  served(source: string, position: number, cuts: number): void {
    this.#tails.served(source, position, cuts)
  }

  /** Where topics stand by the log, with what was forwarded and waits for the disk, and by those above. */
  #heads(...asked: Parameters<LogCompletion['heads']>): () => void {
    let isWanted = true
    let forget = () => {}
    this.#ports.history.whenWritten(() => {
      if (isWanted) forget = this.#tails.heads(...asked)
    })
    return () => {
      isWanted = false
      forget()
    }
  }

  /** The end of a topic may have been lost with a connection. */
  #tail(source: string, { topic, next }: Head, { after, upTo }: HubRange, changes: number): void {
    const { order, interest } = this.#ports
    const part = partOf(topic)
    const known = order.known(orderKey(Buffer.from(source, 'hex'), part))
    if (known !== undefined && known.next >= next) return
    if (!interest.isWanted(part, known?.seenAt ?? changes)) return
    const from = known ? known.from : after
    const gap = { after: known ? known.position : after, upTo, from, seenAt: changes }
    if (gap.upTo > gap.after) this.#backfill.repair(source, topic, gap, true)
  }
}

/** A topic as on the wire. */
function partOf(topic: string): Buffer {
  return Buffer.from(`${topic}.`)
}
