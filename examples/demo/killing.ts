/**
 * The kills: once a worker, and once the queue itself, when the run is well under way.
 *
 * Reports come many at a time; only what a worker said last tells what it is at, so it is decided when all are read.
 */
import type { Crew, Member } from './crew.js'
import type { Ledger } from './ledger.js'
import type { QueueKeeper } from './queue-keeper.js'

/** The shares of the files that are answered before a worker, and before the queue, is killed. */
const killWorkerAfter = 1 / 3
const killQueueAfter = 1 / 2

/** Who is to be killed. */
export interface Victims {
  readonly ledger: Ledger
  /** Left out: all workers live. */
  readonly crew: Crew | undefined
  /** Left out: the queue lives. */
  readonly keeper: QueueKeeper | undefined
}

/** Decides about the kills. */
export class Killing {
  readonly #ledger: Ledger
  readonly #heard = new Set<Member>()
  #crew: Crew | undefined
  #keeper: QueueKeeper | undefined

  constructor({ ledger, crew, keeper }: Victims) {
    this.#ledger = ledger
    this.#crew = crew
    this.#keeper = keeper
  }

  /** Takes note that a worker has reported. */
  heard(member: Member): void {
    if (this.#heard.size === 0) setImmediate(() => this.#decide())
    this.#heard.add(member)
  }

  #decide(): void {
    const busy = [...this.#heard].filter(({ state, inWork }) => state === 'working' && inWork > 0)
    this.#heard.clear()
    const [victim] = busy.sort((a, b) => b.inWork - a.inWork)
    if (victim && this.#crew && this.#isAnswered(killWorkerAfter)) {
      this.#crew.kill(victim)
      this.#crew = undefined
    }
    if (this.#keeper && this.#isAnswered(killQueueAfter)) {
      this.#keeper.kill()
      this.#keeper = undefined
    }
  }

  /** Whether so much is answered, and not everything. */
  #isAnswered(share: number): boolean {
    const { found, open, complete } = this.#ledger
    return complete && open > 0 && found - open >= found * share
  }
}
