/**
 * Where the topics of the publishers of a hub stand, asked of their history: after a connection has ended, so that what was lost
 * at the end is found, and for subscribers that ask.
 *
 * Pure: it is given answers of publishers, and says what is missing.
 */
import type { HistoryAsker } from './history-call.js'
import type { HistoryFetch } from './history-fetch.js'
import type { HubRange } from './hub-order.js'
import type { Head } from './topics-wire.js'

/** What it needs of its hub. */
export interface HubTailsPorts {
  hasHistory(source: string): boolean
  /** Asks for it; nothing is answered within the call. */
  fetch(fetch: HistoryFetch, asker: HistoryAsker): void
  /** The position of the last message of a source that was forwarded. */
  positionOf(source: string): number
  /** Patterns that all wanted topics fit. */
  patterns(): readonly string[]
  /** How often prefixes came to be wanted. */
  changes(): number
  /** Of a topic, this may be missing at its end; it is wanted if it was wanted without a break since a number of changes. */
  tail(source: string, head: Head, range: HubRange, changes: number): void
}

/** Publishers that are remembered. */
const maxSources = 1024

interface Source {
  /** Connections that had ended when it was last looked at. */
  cuts: number
  /** Nothing is missing at the end of any topic up to this position. */
  checked: number
  /** The changes of what is wanted then. */
  changes: number
  isChecking: boolean
}

/** Looks for lost tails. */
export class HubTails {
  readonly #ports: HubTailsPorts
  readonly #sources = new Map<string, Source>()

  constructor(ports: HubTailsPorts) {
    this.#ports = ports
  }

  /**
   * A publisher has answered: it serves the hub since this position.
   *
   * @param cuts - Connections that have ended so far.
   */
  served(id: string, position: number, cuts: number): void {
    const known = this.#sources.get(id)
    if (known === undefined) {
      if (this.#sources.size >= maxSources) this.#sources.delete(this.#sources.keys().next().value as string)
      this.#sources.set(id, { cuts, checked: position, changes: this.#ports.changes(), isChecking: false })
      return
    }
    if (known.cuts === cuts || known.isChecking || !this.#ports.hasHistory(id)) return
    const { checked, changes } = known
    const passed = () => {
      known.cuts = cuts
      known.checked = position
      known.changes = this.#ports.changes()
    }
    if (position <= Math.max(checked, this.#ports.positionOf(id))) {
      passed()
      return
    }
    known.isChecking = true
    const tail = (head: Head) => {
      // what left later comes over the connection
      if (head.previous <= position) this.#ports.tail(id, head, { after: checked, upTo: head.previous }, changes)
    }
    this.#ask(id, this.#ports.patterns(), checked, position, tail, (isComplete) => {
      known.isChecking = false
      if (isComplete) passed()
    })
  }

  /**
   * Calls back with where the topics stand that fit one of the patterns, and at which position.
   *
   * It may call back at once. Returns what makes it not call back any more.
   */
  heads(
    source: string,
    patterns: readonly string[],
    after: number,
    done: (heads: ReadonlyMap<string, Head>, position: number) => void,
  ): () => void {
    const heads = new Map<string, Head>()
    let isWanted = true
    if (this.#ports.hasHistory(source)) {
      const enter = (head: Head) => heads.set(head.topic, head)
      this.#ask(source, patterns, after, 0, enter, (isComplete, position) => {
        if (isWanted) done(heads, isComplete ? position : 0)
      })
    } else {
      done(heads, 0)
    }
    return () => {
      isWanted = false
    }
  }

  #ask(
    source: string,
    patterns: readonly string[],
    after: number,
    upTo: number,
    head: (head: Head) => void,
    done: (isComplete: boolean, position: number) => void,
  ): void {
    let left = patterns.length
    let isComplete = true
    let position = Number.POSITIVE_INFINITY
    const asker: HistoryAsker = {
      fetched() {},
      expired() {},
      head: (_, topic, next, previous) => head({ topic, next, previous }),
      ended: (_, outcome, at) => {
        left -= 1
        isComplete &&= outcome === 'complete'
        position = Math.min(position, at)
        if (left === 0) done(isComplete, position)
      },
    }
    if (left === 0) done(true, upTo)
    for (const pattern of patterns) {
      const fetch = { source, purpose: 'check', pattern, after, upTo, last: 0, since: null, retained: false } as const
      this.#ports.fetch(fetch, asker)
    }
  }
}
