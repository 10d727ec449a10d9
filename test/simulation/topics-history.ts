/**
 * The history of publishers as a simulated subscriber asks it: the client of the package, over links to the addresses that answers
 * name, which are dialed when they are first needed.
 *
 * It stands for `subscriber-history.ts`, whose links are sockets.
 */
import { HoldBudget } from '../../patterns/pubsub/held-frames.js'
import type { HistoryAsker } from '../../patterns/pubsub/history-call.js'
import { HistoryClient } from '../../patterns/pubsub/history-client.js'
import type { HistoryFetch } from '../../patterns/pubsub/history-fetch.js'
import type { FollowedHistory } from '../../patterns/pubsub/subscriber-core.js'
import { SimulatedLinks } from './simulated-links.js'
import type { TopicsWorld } from './topics-world.js'
import type { TurnProcess } from './turn-process.js'

/** How long a publisher that no link serves is waited for, in milliseconds. */
export const repairTimeoutMs = 5000

/** The history of publishers. */
export class SimulatedHistory implements FollowedHistory {
  readonly extension = {}
  readonly budget: HoldBudget
  readonly #process: TurnProcess
  readonly #client: HistoryClient
  readonly #links: SimulatedLinks
  readonly #offers = new Map<string, readonly string[]>()
  readonly #needed = new Set<string>()
  readonly #unreached = new Set<string>()

  constructor(process: TurnProcess, { plan, oracle }: TopicsWorld) {
    this.#process = process
    this.budget = new HoldBudget(plan.holdBytes)
    this.#client = new HistoryClient({
      clock: process.clock,
      timeoutMs: repairTimeoutMs,
      maxMessageBytes: 1000,
      name: () => process.name,
      report: (error) => process.report(error),
      reject: (error) => oracle.fail(`${process.name} rejects ${error.message}`),
    })
    this.#links = new SimulatedLinks(process, plan.links, [this.#client])
  }

  /** It reads all the time. */
  readingMs(): number {
    return this.#process.clock.now()
  }

  /** A publisher has answered. */
  answered(publisher: string, addresses: readonly string[] | undefined): void {
    if (addresses) this.#offers.set(publisher, addresses)
    else this.#offers.delete(publisher)
  }

  left(publisher: string): void {
    this.#offers.delete(publisher)
    this.#needed.delete(publisher)
  }

  /** Whether something that was asked of the history of a publisher was unavailable. */
  isUnreached(publisher: string, pattern: string): boolean {
    return this.#unreached.has(`${publisher} ${pattern}`)
  }

  isOffered(publisher: string): boolean {
    return this.#offers.has(publisher)
  }

  fetch(fetch: HistoryFetch, asker: HistoryAsker): void {
    const { purpose, pattern, after, upTo } = fetch
    this.#process.note(`asks ${purpose} ${pattern}`, after, upTo)
    this.#client.fetch(fetch, {
      fetched: (...answer) => asker.fetched(...answer),
      expired: (...answer) => asker.expired(...answer),
      head: (...answer) => asker.head(...answer),
      ended: (asked, outcome, position) => {
        if (outcome === 'unavailable') this.#unreached.add(`${fetch.source} ${pattern}`)
        this.#process.note(`has ${outcome} ${purpose} ${pattern}`, after, upTo)
        asker.ended(asked, outcome, position)
      },
    })
    if (this.#needed.has(fetch.source)) return
    this.#needed.add(fetch.source)
    this.#links.follow([...this.#needed].flatMap((publisher) => this.#offers.get(publisher) ?? []))
  }

  cancel(fetch: HistoryFetch): void {
    this.#client.cancel(fetch)
  }

  missed(): void {}

  tick(): void {
    this.#links.tick()
  }

  drop(): void {
    this.#links.drop()
  }
}
