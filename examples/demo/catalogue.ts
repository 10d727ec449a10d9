/**
 * A process of the demonstration: gathers the hashes of all files, and answers calls about them.
 *
 * It binds, and tells the process that started it where. A follower gets figures until it leaves; that it has left is the
 * abort of its call's signal, which `whenLeft` passes on.
 */
import { isRivuletError } from 'rivulet/avro'
import { createRpcServer, implement } from 'rivulet/rpc'
import { asyncScheduler, firstValueFrom, map, ReplaySubject, Subject, startWith, tap, throttleTime } from 'rxjs'
import { CatalogueIndex } from './catalogue-index.js'
import { Catalogue, type Parting } from './catalogue-service.js'
import { parentGone } from './lifeline.js'

const gone = parentGone()
const index = new CatalogueIndex()
const changes = new Subject<void>()
const partings = new ReplaySubject<Parting>(1)

const service = implement(Catalogue, {
  async enter(entries) {
    for await (const entry of entries) {
      index.enter(entry)
      changes.next()
    }
    index.completed()
    changes.next()
    return index.totals()
  },
  hashOf({ path }) {
    const sha256 = index.hashOf(path)
    if (sha256 === undefined) throw Catalogue.error('hashOf', 'UnknownFile', { path })
    return sha256
  },
  copiesOf: ({ sha256 }) => index.copiesOf(sha256),
  totals: () => index.totals(),
  follow({ everyMs }, { signal }) {
    let figures = 0
    signal.addEventListener('abort', () => partings.next({ figures, reason: codeOf(signal.reason) }))
    return changes.pipe(
      startWith(undefined),
      throttleTime(everyMs, asyncScheduler, { leading: true, trailing: true }),
      map(() => index.totals()),
      tap(() => {
        figures += 1
      }),
    )
  },
  whenLeft: () => partings, // of an observable the first value is the answer
})

const server = await createRpcServer({ bind: 'tcp://127.0.0.1:*', services: [service] })
process.send?.(server.endpoint)
await firstValueFrom(gone)
await server.close({ drain: false })

function codeOf(error: unknown): string {
  return isRivuletError(error) ? error.code : 'UNKNOWN'
}
