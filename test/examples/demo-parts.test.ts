/**
 * The parts of the demonstration: the ledger leaves no file out, the workers are killed at work, and progress is one line.
 */
import { firstValueFrom, ReplaySubject, skip } from 'rxjs'
import t from 'tap'
import type { Calls } from '../../examples/demo/calls.js'
import type { Ledger } from '../../examples/demo/ledger.js'
import type { Report, Result } from '../../examples/demo/schemas.js'
import { build } from '../../tools/build.js'

t.before(build)

/** Loaded after the build, which they import. */
const load = async () => ({
  ...(await import('../../examples/demo/ledger.js')),
  ...(await import('../../examples/demo/processes.js')),
  ...(await import('../../examples/demo/format.js')),
  ...(await import('../../examples/demo/progress.js')),
})

const sha256 = (byte: number) => Buffer.alloc(32, byte)
const hashed = (id: number, bytes: number, byte = id) => ({ Hashed: { id, bytes, sha256: sha256(byte) } })
const unreadable = (id: number, code: string) => ({ Unreadable: { id, code } })
const reportOf = (...results: Result[]): Report => ({ worker: 0, attempt: 1, inWork: 0, results })

/** Enters files into a ledger. */
async function entered(ledger: Ledger, ...paths: string[]): Promise<void> {
  const found = (async function* () {
    yield* paths
  })()
  for await (const _ of ledger.batches(found, 100));
}

t.test('progress is one line that shows what is done, and no name can move the cursor', async (t) => {
  const { Ledger, linesTo, Workers } = await load()
  const ledger = new Ledger()
  await entered(ledger, ...Array.from({ length: 1000 }, (_, id) => `file-${id}`))
  for (let id = 0; id < 250; id++) ledger.take(reportOf(hashed(id, 10)), id)
  const workers = new Workers()
  const ended = new Promise<never>(() => {})
  for (let pid = 1; pid <= 3; pid++) workers.add({ pid, ended, kill: () => {} })
  const topics = Array.from({ length: 2 }, (_, core) => ({
    topic: `machine.cpu.${core}`,
    messages: 1,
    missed: 0,
    share: 0.5,
  }))
  const figures = { files: { depth: 12, leased: 4 }, deepest: 12, topics }
  const calls = { queries: 21, medianMs: 0.5 } as Calls
  const activity = 'worker 1 hashes a\u001b[2Jb\nc'
  const run = {
    directory: '/',
    ledger,
    workers,
    host: { kills: 1, restarts: 1 },
    figures,
    calls,
    activity,
    startedMs: 0,
  }
  const { progressText } = await load()
  for (const part of [
    '250 of 1,000 files, ',
    ', 3 workers at work, ',
    ', 12 batches queued, 4 leased, 0 files redelivered, 1 host restart, ',
    ', machine.cpu.1 50 %, ',
    ', 21 calls of 0.50 ms, ',
  ]) {
    t.match(progressText(run), part)
  }
  let written = ''
  const stream = { write: (text: string) => (written += text) } as unknown as NodeJS.WritableStream
  linesTo(stream).note(progressText(run))
  t.match(written, 'worker 1 hashes a\\u001b[2Jb\\u000ac\n')
  t.equal(written.split('\n').length, 2)
})

t.test('the worker with the most files in work is killed, by its own last report', async (t) => {
  const { Workers } = await load()
  const workers = new Workers()
  const killed: number[] = []
  const ended = new Promise<never>(() => {})
  for (let pid = 0; pid < 3; pid++) workers.add({ pid, ended, kill: () => killed.push(pid) })
  t.notOk(workers.kill(), 'none has reported')
  workers.reported({ ...reportOf(), worker: 0, inWork: 16 })
  workers.reported({ ...reportOf(), worker: 1, inWork: 32 })
  workers.reported({ ...reportOf(hashed(0, 1)), worker: 1, inWork: 0 })
  t.ok(workers.kill())
  t.strictSame(killed, [0])
  t.match(workers.all, [{ state: 'killed', inWork: 16 }, { state: 'working', answered: 1 }, { state: 'working' }])
  await new Promise(setImmediate)
  t.notOk(workers.kill(), 'reports of an earlier turn may be out of date')
  workers.finish()
  t.match(workers.all, [{ state: 'killed' }, { state: 'finished' }, { state: 'finished' }])
})

t.test('the ledger closes a file once, counts what was done again, and names what is open', async (t) => {
  const { Ledger } = await load()
  const ledger = new Ledger()
  await entered(ledger, 'a', 'b', 'c')
  t.ok(ledger.take(reportOf(hashed(0, 5), unreadable(1, 'EACCES')), 7))
  const books = { found: 3, hashed: 1, bytes: 5, open: 1, unreadable: [{ path: 'b', code: 'EACCES' }] }
  t.match(ledger, { ...books, repeated: 0, redelivered: 0 })

  t.notOk(ledger.take(reportOf(hashed(0, 5), unreadable(1, 'EACCES')), 7), 'the same report once more')
  t.match(ledger, { ...books, repeated: 0, redelivered: 0 })

  t.ok(ledger.take({ ...reportOf(hashed(0, 6), unreadable(1, 'ENOENT')), attempt: 2 }, 8), 'the work once more')
  t.match(ledger, { ...books, repeated: 2, redelivered: 2 })
  t.strictSame(ledger.openPaths(), ['c'])
})

t.test('what was hashed can be taken by the catalogue, until nothing more can come', async (t) => {
  const { Ledger } = await load()
  const ledger = new Ledger()
  await entered(ledger, 'a', 'b', 'c')
  const entries = ledger.entries()
  ledger.take(reportOf(unreadable(1, 'EACCES'), hashed(2, 5, 1)), 0)
  t.strictSame((await entries.next()).value, { path: 'c', bytes: 5, sha256: sha256(1) })
  const next = entries.next()
  ledger.take(reportOf(hashed(0, 7, 2)), 1)
  t.strictSame((await next).value, { path: 'a', bytes: 7, sha256: sha256(2) })
  const last = entries.next()
  ledger.settle()
  t.ok((await last).done)
})

t.test('latencies have a middle and an end', async (t) => {
  const { Calls } = await import('../../examples/demo/calls.js')
  const { Ledger } = await load()
  const calls = new Calls(new Ledger())
  t.match(calls, { medianMs: 0, longestMs: 0 })
  for (const durationMs of [5, 1, 4, 2, 3]) calls.took(durationMs)
  t.match(calls, { medianMs: 3, longestMs: 5 })
})

t.test('the batches have every file once, also files that are found later', async (t) => {
  const { Ledger } = await load()
  const ledger = new Ledger()
  const found = new ReplaySubject<string>()
  for (const path of ['a', 'b', 'c']) found.next(path)
  const iterator = (async function* () {
    for (let at = 0; ; at++) {
      const path = await firstValueFrom(found.pipe(skip(at)), { defaultValue: undefined })
      if (path === undefined) return
      yield path
    }
  })()
  const batches = ledger.batches(iterator, 2)
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((path, id) => ({ id, path }))
  t.strictSame((await batches.next()).value, [a, b])
  const next = batches.next()
  found.next('d')
  t.strictSame((await next).value, [c, d])
  t.match(ledger, { found: 4, open: 4, complete: false })
  const rest = batches.next()
  found.next('e')
  found.complete()
  t.strictSame((await rest).value, [e], 'the last one has what is left')
  t.equal(ledger.complete, true)
  t.ok((await batches.next()).done)
})

t.test('names from outside cannot move the cursor', async (t) => {
  const { printable } = await load()
  t.equal(printable('a\u001b[2Jb\nc\u202ed'), 'a\\u001b[2Jb\\u000ac\\u202ed')
  t.equal(printable('añb 文'), 'añb 文')
})
