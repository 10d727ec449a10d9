/**
 * The calls of the demonstration: four shapes over one link to the catalogue.
 *
 * A stream of requests brings all hashes, a stream of responses is followed for a while and cancelled, single calls ask
 * about files, and one of them returns when the handler of the cancelled stream has been stopped.
 */
import { isDeclaredError } from 'rivulet/avro'
import type { RpcClient } from 'rivulet/rpc'
import { exhaustMap, finalize, interval, lastValueFrom, Subject, takeUntil, takeWhile, tap } from 'rxjs'
import type { Ledger } from './ledger.js'
import { type Cancelled, Catalogue, type Copies, type Totals } from './schemas.js'

const everyMs = 100
const noDeadline = { timeoutMs: Number.POSITIVE_INFINITY }

/** What the catalogue knows of one file. */
export interface Finding {
  readonly path: string
  readonly sha256: string
  readonly copies: Copies
}

/** The results of the calls so far. */
export class Calls {
  /** Of single calls, in milliseconds, sorted. */
  readonly #durationsMs: number[] = []
  queries = 0
  totals: Totals | undefined
  finding: Finding | undefined
  /** The path that the catalogue does not know. */
  unknown: string | undefined
  /** Figures of the stream of responses, and the last of them. */
  figures = 0
  figure: Totals | undefined
  /** What its handler reported when it was stopped, and how long after the cancellation. */
  cancelled: (Cancelled & { readonly afterMs: number }) | undefined
  readonly #ledger: Ledger

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  get medianMs(): number {
    return this.#durationsMs[this.#durationsMs.length >> 1] ?? 0
  }

  get longestMs(): number {
    return this.#durationsMs.at(-1) ?? 0
  }

  /** Counts the duration of a single call. */
  took(durationMs: number): void {
    this.#durationsMs.push(durationMs)
    this.#durationsMs.sort((a, b) => a - b)
  }

  /** Makes all calls; resolves when all hashes have been entered and all calls have returned. */
  async make(catalogue: RpcClient<typeof Catalogue>): Promise<void> {
    const entered = new Subject<void>()
    const queries = interval(everyMs).pipe(
      takeUntil(entered),
      exhaustMap(() => this.#query(catalogue)),
    )
    await Promise.all([
      catalogue.promises.enter(this.#ledger.entries(), noDeadline).then(() => entered.next()),
      lastValueFrom(queries, { defaultValue: undefined }),
      this.#follow(catalogue),
    ])
    await this.#query(catalogue)
    const hash = this.#timed(catalogue.promises.hashOf({ path: 'no such file' }))
    await hash.catch((error) => {
      if (!isDeclaredError(Catalogue, 'hashOf', error, 'UnknownFile')) throw error
      this.unknown = error.value.path
    })
  }

  /** Follows the progress to half of the files; `takeWhile` then unsubscribes, which cancels the call. */
  async #follow({ follow, promises }: RpcClient<typeof Catalogue>): Promise<void> {
    let cancelledAt = 0
    const figures = follow({ everyMs }).pipe(
      tap((figure) => {
        this.figures += 1
        this.figure = figure
      }),
      finalize(() => {
        cancelledAt = performance.now()
      }),
      takeWhile(
        ({ files, complete }) => !complete && !(this.#ledger.complete && 2 * files >= this.#ledger.found),
        true,
      ),
    )
    const [cancelled] = await Promise.all([promises.whenCancelled({}, noDeadline), lastValueFrom(figures)])
    this.cancelled = { ...cancelled, afterMs: performance.now() - cancelledAt }
  }

  /** Asks for the totals, the hash of the latest file, and the files with that hash. */
  async #query({ promises }: RpcClient<typeof Catalogue>): Promise<void> {
    this.totals = await this.#timed(promises.totals())
    const path = this.totals.latest
    if (path === null) return
    const sha256 = await this.#timed(promises.hashOf({ path }))
    const copies = await this.#timed(promises.copiesOf({ sha256 }))
    this.finding = { path, sha256: sha256.toString('hex'), copies }
  }

  async #timed<T>(response: Promise<T>): Promise<T> {
    const begin = performance.now()
    this.queries += 1
    try {
      return await response
    } finally {
      this.took(performance.now() - begin)
    }
  }
}
