/**
 * The history of publishers as a simulated subscriber asks it: offers and client are those of the package, links are simulated.
 *
 * It stands for `subscriber-history.ts`, and notes what is asked.
 */
import type { HistoryAsker } from '../../patterns/pubsub/history-call.js'
import type { HistoryFetch } from '../../patterns/pubsub/history-fetch.js'
import { HistoryOffers, type HistoryOffersPorts } from '../../patterns/pubsub/history-offers.js'
import { PublisherAccesses } from '../../patterns/pubsub/publisher-access.js'
import type { SecurityGuard } from '../../src/security/index.js'
import { SimulatedLinks } from './simulated-links.js'
import type { Endpoints } from './topics-sockets.js'
import type { TopicsWorld } from './topics-world.js'
import type { TurnProcess } from './turn-process.js'

/** How long a publisher that no link serves is waited for, in milliseconds. */
export const repairTimeoutMs = 5000

/** How long what a frame brings may wait for further turns, in milliseconds. */
const turnMs = 10

/** With so much, in bytes, there is room for all that waits. */
const roomyBytes = 1_000_000

/** The history of publishers. */
export class SimulatedHistory extends HistoryOffers {
  readonly #process: TurnProcess
  readonly #links: SimulatedLinks
  /** Whether frames that wait may find no room. */
  readonly #isTight: boolean
  readonly #unreached = new Set<string>()
  readonly #offeredAt = new Map<string, number>()

  /**
   * @param endpoints - Where its subscriber is bound, and where it connects.
   * @param ask - Asks publishers again.
   * @param guard - Holds publishers that dial it to a policy.
   */
  constructor(
    process: TurnProcess,
    { plan, oracle, realm }: TopicsWorld,
    endpoints: Endpoints,
    ask: () => void,
    followed: HistoryOffersPorts['followed'],
    guard: SecurityGuard | undefined,
  ) {
    const connect = endpoints.connect.map((address) => ({ address, serverKeys: [] }))
    super(
      { maxMessageBytes: 1000, heldBytes: plan.holdBytes, repairTimeoutMs },
      {
        clock: process.clock,
        name: () => process.name,
        connect: () => connect,
        dial: (endpoints) => this.#links.follow(endpoints.map(({ address }) => address)),
        bind: () => (endpoints.bind === undefined ? undefined : this.#bind(`${endpoints.bind}/links`)),
        ask,
        reject: (error) => oracle.fail(`${process.name} rejects ${error.message}`),
        report: (error) => process.report(error),
        followed,
        accesses: guard && new PublisherAccesses(() => guard),
      },
    )
    this.#process = process
    this.#isTight = plan.holdBytes < roomyBytes
    this.#links = new SimulatedLinks(process, plan.links, [this.user], realm?.securityOf(process.name, guard))
    if (guard === undefined) return
    guard.revoked.subscribe((key) => this.#links.revoke(key, guard.identityOf(key) !== undefined))
    const address = `${endpoints.bind}/links`
    this.#links.listen(address)
    this.bound([address])
  }

  /** Whether something that was asked of the history of a publisher was unavailable. */
  isUnreached(publisher: string, pattern: string): boolean {
    return this.#unreached.has(`${publisher} ${pattern}`)
  }

  /**
   * Whether a gap of a publisher that is shown now may be one that no history repairs: it offers none, or only since this
   * moment, where nothing could be held until then.
   */
  mayLose(publisher: string): boolean {
    if (!this.isOffered(publisher)) return true
    const offeredAt = this.#offeredAt.get(publisher) ?? Number.NEGATIVE_INFINITY
    return this.#isTight && this.#process.now - offeredAt <= turnMs
  }

  override answered(publisher: string, addresses: readonly string[] | undefined, isKept: boolean): void {
    const wasOffered = this.isOffered(publisher)
    super.answered(publisher, addresses, isKept)
    if (!wasOffered) this.#offeredAt.set(publisher, this.#process.now)
  }

  override fetch(fetch: HistoryFetch, asker: HistoryAsker): void {
    const { purpose, pattern, after, upTo } = fetch
    this.#process.note(`asks ${purpose} ${pattern}`, after, upTo)
    super.fetch(fetch, {
      fetched: (...answer) => asker.fetched(...answer),
      expired: (...answer) => asker.expired(...answer),
      head: (...answer) => asker.head(...answer),
      ended: (asked, outcome, position) => {
        if (outcome === 'unavailable') this.#unreached.add(`${fetch.source} ${pattern}`)
        this.#process.note(`has ${outcome} ${purpose} ${pattern}`, after, upTo)
        asker.ended(asked, outcome, position)
      },
    })
  }

  /** Binds links, which takes a moment. */
  async #bind(address: string): Promise<readonly string[]> {
    const process = this.#process
    await new Promise<void>((resolve) => process.enqueueLater(process.random.below(50), () => resolve()))
    this.#links.listen(address)
    return [address]
  }

  tick(): void {
    this.#links.tick()
  }

  drop(): void {
    this.#links.drop()
  }
}
