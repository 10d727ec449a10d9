/**
 * The calls of the demonstration: fills the catalogue, follows it for a while, and asks it about files.
 *
 * Four shapes at once over one link: a stream of requests, a stream of answers that is given up, single questions, and
 * one question whose answer comes when the stream's handler has heard that it is given up.
 */
import { isDeclaredError } from 'rivulet/avro'
import { createRpcClient, type RpcClient } from 'rivulet/rpc'
import { exhaustMap, finalize, interval, lastValueFrom, Subject, takeUntil, takeWhile, tap } from 'rxjs'
import { Catalogue, type Copies, type Parting, type Totals } from './catalogue-service.js'
import type { Child } from './children.js'
import { milliseconds, plural } from './format.js'
import { Latencies } from './latencies.js'
import type { Ledger } from './ledger.js'
import { untilAborted } from './until-aborted.js'

type CatalogueClient = RpcClient<typeof Catalogue>

const everyMs = 100
const endless = Number.POSITIVE_INFINITY

/** The share of the files that the stream of figures is followed to. */
const enough = 1 / 2

/** What the catalogue knows of one file. */
export interface Finding {
  readonly path: string
  readonly sha256: string
  readonly copies: Copies
}

/** What the handler of the stream said when it was given up, and how long that took. */
export interface Cancelled extends Parting {
  readonly afterMs: number
}

/** What has come of the calls so far. */
export class Visit {
  /** Of the questions that were answered, also by a declared error. */
  readonly latencies = new Latencies()
  /** Questions that were put. */
  queries = 0
  /** The last answer about the totals. */
  totals: Totals | undefined
  /** The last answer about a file. */
  finding: Finding | undefined
  /** The path that the catalogue said it does not know. */
  refused: string | undefined
  /** Figures that the stream has brought, and the last of them. */
  figures = 0
  figure: Totals | undefined
  /** That the handler of the stream heard of its end, and after how long. */
  parting: Cancelled | undefined
  readonly #ledger: Ledger
  readonly #noted: (line: string) => void

  constructor(ledger: Ledger, noted: (line: string) => void) {
    this.#ledger = ledger
    this.#noted = noted
  }

  /** Makes all calls; resolves when the ledger is settled and everything has its answer. */
  async make(child: Child, signal: AbortSignal): Promise<void> {
    const endpoint = await untilAborted(signal, child.said)
    if (typeof endpoint !== 'string') throw new Error('the catalogue could not begin')
    // an abort closes the client, and that ends its calls
    const catalogue = await createRpcClient(Catalogue, { connect: endpoint, signal })
    catalogue.errors.subscribe(({ message }) => this.#noted(message))
    try {
      await Promise.race([this.#call(catalogue), child.ended.then(fail)])
    } finally {
      await catalogue.close({ drain: false }) // every call has its outcome, or nobody waits for it
    }
  }

  async #call(catalogue: CatalogueClient): Promise<void> {
    const over = new Subject<void>()
    const entering = catalogue.promises.enter(this.#ledger.entries(), { timeoutMs: endless })
    const questions = interval(everyMs).pipe(
      takeUntil(over),
      exhaustMap(() => this.#ask(catalogue)),
    )
    await Promise.all([
      entering.then(() => over.next()),
      lastValueFrom(questions, { defaultValue: undefined }),
      this.#follow(catalogue),
    ])
    await this.#ask(catalogue)
    await this.#askForNothing(catalogue)
  }

  /** Takes figures until there are enough; `takeWhile` then unsubscribes, and that cancels the handler. */
  async #follow({ follow, promises }: CatalogueClient): Promise<void> {
    let leftMs = 0
    const figures = follow({ everyMs }).pipe(
      tap((figure) => {
        this.figures += 1
        this.figure = figure
      }),
      finalize(() => {
        leftMs = performance.now()
      }),
      takeWhile((figure) => !this.#isEnough(figure), true),
    )
    const [parting] = await Promise.all([promises.whenLeft({}, { timeoutMs: endless }), lastValueFrom(figures)])
    this.parting = { ...parting, afterMs: performance.now() - leftMs }
    this.#noted(partingText(this.parting, this.figure))
  }

  #isEnough({ files, complete }: Totals): boolean {
    const { complete: walked, found } = this.#ledger
    return complete || (walked && files >= found * enough)
  }

  /** Asks for the totals, for the hash of the latest file, and for the files with that hash. */
  async #ask({ promises }: CatalogueClient): Promise<void> {
    const totals = await this.#timed(promises.totals())
    this.totals = totals
    const path = totals.latest
    if (path === null) return
    const sha256 = await this.#timed(promises.hashOf({ path }))
    const copies = await this.#timed(promises.copiesOf({ sha256 }))
    this.finding = { path, sha256: sha256.toString('hex'), copies }
  }

  /** Asks for a file that is not there; the answer is an error that the method declares. */
  async #askForNothing({ promises }: CatalogueClient): Promise<void> {
    try {
      await this.#timed(promises.hashOf({ path: 'no such file' }))
    } catch (error) {
      if (!isDeclaredError(Catalogue, 'hashOf', error, 'UnknownFile')) throw error
      this.refused = error.value.path
    }
  }

  async #timed<T>(answer: Promise<T>): Promise<T> {
    const askedMs = performance.now()
    this.queries += 1
    try {
      return await answer
    } finally {
      this.latencies.add(performance.now() - askedMs)
    }
  }
}

function fail(): never {
  throw new Error('the catalogue has ended before its time')
}

function partingText({ afterMs, reason }: Cancelled, figure: Totals | undefined): string {
  const files = plural(figure?.files ?? 0, 'file')
  return `the stream of figures was followed to ${files}; its handler heard of the end ${milliseconds(afterMs)} later: ${reason}`
}
