/**
 * The terminal view and the books behind it: a frame fits its terminal, and the ledger leaves no file out.
 */
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
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

t.test('a frame is no wider and no higher than the terminal', async (t) => {
  const { Crew, frameOf, Ledger, Rates, Visit } = await load()
  const ledger = new Ledger()
  for (let i = 0; i < 1000; i++) ledger.enter(`file-${i}`)
  ledger.completed()
  for (let id = 0; id < 250; id++) ledger.close({ Hashed: { id, bytes: 10, sha256: sha256(id) } })
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
  const scene = { directory: `/${'long/'.repeat(60)}`, ledger, crew, board: { entries }, visit, startedMs: 0 }
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
  t.match(text, '01234567…  3 files as long/')
  t.match(frameOf(scene, new Rates(), { columns: 80, rows: 24 }).join('\n'), /and \d+ more topics/)
})

t.test('the ledger closes a file once, and names what is open', async (t) => {
  const { Ledger } = await load()
  const ledger = new Ledger()
  for (const path of ['a', 'b', 'c']) ledger.enter(path)
  ledger.close({ Hashed: { id: 0, bytes: 5, sha256: sha256(1) } })
  ledger.close({ Hashed: { id: 0, bytes: 5, sha256: sha256(1) } })
  ledger.close({ Unreadable: { id: 1, code: 'EACCES' } })
  ledger.close({ Finished: { answered: 2 } })
  t.match(ledger, { found: 3, hashed: 1, bytes: 5, open: 1, repeated: 1, unreadable: [{ path: 'b', code: 'EACCES' }] })
  t.strictSame(ledger.openPaths(), ['c'])
})

t.test('what was hashed can be taken by the catalogue, until nothing more can come', async (t) => {
  const { Ledger } = await load()
  const ledger = new Ledger()
  for (const path of ['a', 'b', 'c']) ledger.enter(path)
  const entries = ledger.entries()
  ledger.close({ Unreadable: { id: 1, code: 'EACCES' } })
  ledger.close({ Hashed: { id: 2, bytes: 5, sha256: sha256(1) } })
  t.strictSame((await entries.next()).value, { path: 'c', bytes: 5, sha256: sha256(1) })
  const next = entries.next()
  ledger.close({ Hashed: { id: 0, bytes: 7, sha256: sha256(2) } })
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

t.test('the tasks are those of every file, also of files that are found later', async (t) => {
  const { Ledger } = await load()
  const ledger = new Ledger()
  ledger.enter('a')
  const tasks = ledger.tasks()
  t.strictSame((await tasks.next()).value, { file: { id: 0, path: 'a' } })
  const next = tasks.next()
  ledger.enter('b')
  t.strictSame((await next).value, { file: { id: 1, path: 'b' } })
  const last = tasks.next()
  ledger.completed()
  t.ok((await last).done)
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
