/**
 * The terminal view and the books behind it: a frame fits its terminal, and the ledger leaves no file out.
 */
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import type { Outcome, Report } from '../../examples/demo/schemas.js'
import { build } from '../../tools/build.js'

t.before(build)

/** Loaded after the build, which they import. */
const load = async () => ({
  ...(await import('../../examples/demo/frame.js')),
  ...(await import('../../examples/demo/ledger.js')),
  ...(await import('../../examples/demo/crew.js')),
  ...(await import('../../examples/demo/rates.js')),
  ...(await import('../../examples/demo/format.js')),
  ...(await import('../../examples/demo/progress.js')),
  ...(await import('../../examples/demo/visit.js')),
  ...(await import('../../examples/demo/latencies.js')),
})

const sha256 = (byte: number) => Buffer.alloc(32, byte)
const hashed = (id: number, bytes: number, byte = id) => ({ Hashed: { id, bytes, sha256: sha256(byte) } })
const unreadable = (id: number, code: string) => ({ Unreadable: { id, code } })
const reportOf = (...outcomes: Outcome[]): Report => ({ worker: 0, attempt: 1, inWork: 0, outcomes })

t.test('a frame is no wider and no higher than the terminal', async (t) => {
  const { Crew, frameOf, Ledger, Rates, Visit } = await load()
  const ledger = new Ledger()
  for (let i = 0; i < 1000; i++) ledger.enter(`file-${i}`)
  ledger.completed()
  for (let id = 0; id < 250; id++) ledger.take(reportOf(hashed(id, 10)), id)
  const crew = new Crew()
  const never = new Promise<never>(() => {})
  for (let pid = 1; pid <= 3; pid++) crew.add({ pid, ended: never, said: never, kill: () => {} })
  const entries = Array.from({ length: 40 }, (_, core) => ({
    topic: `machine.cpu.${core}`,
    messages: 1,
    missed: 0,
    figure: { share: 0.5, text: '50 %' },
  }))
  const visit = new Visit(ledger, () => {})
  visit.queries = 21
  visit.finding = { path: 'long/'.repeat(60), sha256: '0123456789', copies: { files: 3, paths: ['a'] } }
  const figures = { depth: 12, leased: 4, doneASecond: 90 }
  const queue = { files: figures, reports: figures }
  const scene = {
    directory: `/${'long/'.repeat(60)}`,
    ledger,
    crew,
    queue,
    keeper: { restarts: 1 },
    board: { entries },
    visit,
    startedMs: 0,
  }
  for (const size of [
    { columns: 80, rows: 24 },
    { columns: 200, rows: 60 },
    { columns: 40, rows: 10 },
  ]) {
    const lines = frameOf(scene, new Rates(), size).map(stripVTControlCharacters)
    t.ok(lines.length < size.rows, `${lines.length} lines in ${size.rows} rows`)
    t.ok(
      lines.every(({ length }) => length < size.columns),
      `in ${size.columns} columns`,
    )
    t.ok(lines.some((line) => line.includes('25 %') && line.includes('250 of 1,000 files')))
  }
  const text = frameOf(scene, new Rates(), { columns: 80, rows: 60 }).join('\n')
  t.match(text, 'machine.cpu.39')
  t.match(text, /catalogue {2}21 calls/)
  t.match(text, 'queue      12 batches queued, 4 leased, 0 files redelivered, 1 host restart')
  t.match(text, '01234567…  3 files as long/')
  t.match(frameOf(scene, new Rates(), { columns: 80, rows: 24 }).join('\n'), /and \d+ more topics/)
})

t.test('the ledger closes a file once, counts what was done again, and names what is open', async (t) => {
  const { Ledger } = await load()
  const ledger = new Ledger()
  for (const path of ['a', 'b', 'c']) ledger.enter(path)
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
  for (const path of ['a', 'b', 'c']) ledger.enter(path)
  const entries = ledger.entries()
  ledger.take(reportOf(unreadable(1, 'EACCES'), hashed(2, 5, 1)), 0)
  t.strictSame((await entries.next()).value, { path: 'c', bytes: 5, sha256: sha256(1) })
  const next = entries.next()
  ledger.take(reportOf(hashed(0, 7, 2)), 1)
  t.strictSame((await next).value, { path: 'a', bytes: 7, sha256: sha256(2) })
  const last = entries.next()
  ledger.settled()
  t.ok((await last).done)
})

t.test('latencies have a middle and an end', async (t) => {
  const { Latencies } = await load()
  const latencies = new Latencies()
  t.match(latencies, { medianMs: 0, longestMs: 0 })
  for (const durationMs of [5, 1, 4, 2, 3]) latencies.add(durationMs)
  t.match(latencies, { medianMs: 3, longestMs: 5 })
})

t.test('the batches have every file once, also files that are found later', async (t) => {
  const { Ledger } = await load()
  const ledger = new Ledger()
  for (const path of ['a', 'b', 'c']) ledger.enter(path)
  const batches = ledger.batches(2)
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((path, id) => ({ id, path }))
  t.strictSame((await batches.next()).value, { files: [a, b] })
  const next = batches.next()
  ledger.enter('d')
  t.strictSame((await next).value, { files: [c, d] })
  const rest = batches.next()
  ledger.enter('e')
  ledger.completed()
  t.strictSame((await rest).value, { files: [e] }, 'the last one has what is left')
  t.ok((await batches.next()).done)
})

t.test('names from outside cannot move the cursor', async (t) => {
  const { printable } = await load()
  t.equal(printable('a\u001b[2Jb\nc\u202ed'), 'a\\u001b[2Jb\\u000ac\\u202ed')
  t.equal(printable('añb 文'), 'añb 文')
})

t.test('the view is for terminals that may be redrawn', async (t) => {
  const { isInteractive } = await load()
  const terminal = { isTTY: true } as NodeJS.WriteStream
  t.ok(isInteractive(terminal, { TERM: 'xterm' }))
  t.ok(isInteractive(terminal, { TERM: 'xterm', CI: '', NO_COLOR: '' }))
  t.notOk(isInteractive({ isTTY: false } as NodeJS.WriteStream, { TERM: 'xterm' }))
  for (const env of [{ CI: 'true' }, { NO_COLOR: '1' }, { TERM: 'dumb' }]) t.notOk(isInteractive(terminal, env))
})
