/**
 * A process of the demonstration: serves the hashes of all files over RPC, and publishes figures of this machine.
 *
 * Arguments: the endpoints of the directory, in which it is found, and of the subscriber.
 */
import { cpus, freemem, totalmem } from 'node:os'
import { isRivuletError } from 'rivulet/avro'
import { createDirectory } from 'rivulet/directory'
import { createPublisher } from 'rivulet/pubsub'
import { createRpcServer, implement } from 'rivulet/rpc'
import { asyncScheduler, map, ReplaySubject, Subject, startWith, tap, throttleTime } from 'rxjs'
import { parentGone } from './children.js'
import { Keyring } from './keyring.js'
import { type Cancelled, Catalogue, type Copies, type Totals, Usage } from './schemas.js'

const figuresMs = 200
const maxPaths = 10

const [finder = '', subscriber = ''] = process.argv.slice(2)
const gone = parentGone()
const keyring = Keyring.inherit()
const hashes = new Map<string, Buffer>()
const copies = new Map<string, Copies & { readonly paths: string[] }>()
const changes = new Subject<void>()
const cancelled = new ReplaySubject<Cancelled>(1)
const state = { bytes: 0, latest: null as string | null, complete: false }
const totals = (): Totals => ({ ...state, files: hashes.size, contents: copies.size })

const service = implement(Catalogue, {
  async enter(entries) {
    for await (const { path, bytes, sha256 } of entries) {
      hashes.set(path, sha256)
      const same = copies.get(sha256.toString('hex')) ?? { files: 0, paths: [] }
      copies.set(sha256.toString('hex'), same)
      same.files += 1
      if (same.paths.length < maxPaths) same.paths.push(path)
      state.bytes += bytes
      state.latest = path
      changes.next()
    }
    state.complete = true
    changes.next()
    return totals()
  },
  hashOf({ path }) {
    const sha256 = hashes.get(path)
    if (sha256 === undefined) throw Catalogue.error('hashOf', 'UnknownFile', { path })
    return sha256
  },
  copiesOf: ({ sha256 }) => copies.get(sha256.toString('hex')) ?? { files: 0, paths: [] },
  totals,
  follow({ everyMs }, { signal }) {
    let sent = 0
    signal.addEventListener('abort', () => {
      cancelled.next({ sent, reason: isRivuletError(signal.reason) ? signal.reason.code : 'UNKNOWN' })
    })
    return changes.pipe(
      startWith(undefined),
      throttleTime(everyMs, asyncScheduler, { leading: true, trailing: true }),
      map(totals),
      tap(() => {
        sent += 1
      }),
    )
  },
  whenCancelled: () => cancelled, // the first value of an observable is the response
})

const server = await createRpcServer({ bind: 'tcp://127.0.0.1:*', services: [service], ...keyring.binding })
const publisher = await createPublisher({ connect: subscriber, ...keyring.connectingTo('main') })
const directory = await createDirectory({ connect: finder, ...keyring.connectingTo('main') })
await directory.announce('catalogue', server)
process.send?.(server.endpoint)

let before = coreTimes()
const timer = setInterval(() => {
  const now = coreTimes()
  for (const [core, { busy, all }] of now.entries()) {
    const { busy: busyBefore = 0, all: allBefore = 0 } = before[core] ?? {}
    const share = Math.min(1, Math.max(0, (busy - busyBefore) / Math.max(1, all - allBefore)))
    publisher.topic(`machine.cpu.${core}`, Usage).next(share)
  }
  publisher.topic('machine.memory', Usage).next(1 - freemem() / totalmem())
  before = now
}, figuresMs)
await gone
clearInterval(timer)
await Promise.all([server, publisher, directory].map((resource) => resource.close({ drain: false })))

function coreTimes(): { busy: number; all: number }[] {
  return cpus().map(({ times }) => {
    const all = Object.values(times).reduce((sum, time) => sum + time, 0)
    return { busy: all - times.idle, all }
  })
}
