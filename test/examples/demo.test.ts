/**
 * The demonstration: its summary adds up whoever is killed, nothing is lost, and nothing is left behind.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { UnreadableFile } from '../../examples/demo/ledger.js'
import { parseOptions } from '../../examples/demo/options.js'
import { build, root } from '../../tools/build.js'
import { complaint, loader, modulePath, runModule } from '../child-process.js'
import { growTree, isRunning, runExample, runSource, summaryOf } from './demo-run.js'

t.before(build)

t.test('with a worker and the queue killed at work, every file is hashed and counts once', async (t) => {
  const folder = t.testdir()
  const { files, bytes, distinctContents } = growTree(folder, 1200)
  const { summary, stderr, ...ended } = await summaryOf(folder, '--workers', '2')
  t.equal(complaint({ ...ended, stderr }), undefined)
  t.equal(stderr, '')

  t.match(summary, {
    found: files.size,
    hashed: files.size,
    unreadable: 0,
    lost: 0,
    lostFiles: [],
    addsUp: true,
    bytes,
    distinctContents,
  })
  t.match(summary.rpc.totals, { files: files.size, bytes, contents: distinctContents, complete: true })

  const { killed, workers, queue, repeated } = summary
  t.equal(killed?.signal, 'SIGKILL')
  t.ok(killed && killed.inWork > 0)
  t.equal(workers.filter(({ state }) => state === 'killed').length, 1)
  t.equal(workers.filter(({ state }) => state === 'finished').length, 1)
  t.notOk(workers.some(({ pid }) => pid === null || isRunning(pid)))
  t.equal(
    workers.reduce((sum, { answered }) => sum + answered, 0),
    files.size + repeated,
    'work that was done twice is counted apart',
  )
  t.match(queue, { hostKills: 1, hostRestarts: 1, depth: 0, leased: 0 })
  t.ok(queue.deepest > 0)
  t.ok(queue.redelivered > 0, 'what the killed worker had')

  t.ok(summary.topics.some(({ topic, messages }) => topic === 'machine.memory' && messages > 0))
  t.ok(summary.topics.some(({ topic }) => topic === 'machine.cpu.0'))
})

t.test('with nobody killed nothing is done twice, what cannot be read is named, and calls find the rest', async (t) => {
  const folder = t.testdir()
  const { files, bytes, distinctContents } = growTree(folder, 300)
  const unreadableFiles: UnreadableFile[] = []
  if (process.platform === 'linux') {
    // no text names this file, so it is found and cannot be opened, whoever runs the test
    writeFileSync(Buffer.concat([Buffer.from(join(folder, 'name-')), Buffer.from([0xff])]), 'text')
    unreadableFiles.push({ path: 'name-\ufffd', code: 'ENOENT' })
  }
  const { summary, ...ended } = await summaryOf(folder, '--no-kill', '--workers', '2', '--secure')
  t.equal(complaint(ended), undefined)
  t.match(summary, {
    found: files.size + unreadableFiles.length,
    hashed: files.size,
    unreadable: unreadableFiles.length,
    lost: 0,
    repeated: 0,
    addsUp: true,
    bytes,
    distinctContents,
    killed: null,
    queue: { hostKills: 0, hostRestarts: 0, redelivered: 0, depth: 0, leased: 0 },
    skipped: { symbolicLinks: 1, specialFiles: 0, unreadableDirectories: [] },
    workers: [{ state: 'finished' }, { state: 'finished' }],
  })
  t.strictSame(summary.unreadableFiles, unreadableFiles)
  t.strictSame(summary.lostFiles, [])

  const { rpc } = summary
  t.match(rpc.totals, { files: files.size, bytes, contents: distinctContents, complete: true })

  const path = rpc.finding?.path ?? ''
  t.ok(files.has(path))
  t.equal(rpc.totals?.latest, path)
  t.equal(
    rpc.finding?.sha256,
    createHash('sha256')
      .update(readFileSync(join(folder, path)))
      .digest('hex'),
  )
  const copies = rpc.finding?.copies
  t.equal(copies?.files, copies?.paths.length)
  t.ok(copies?.paths.includes(path))

  t.equal(rpc.refused, 'no such file')
  t.ok(rpc.queries >= 4)
  t.ok(rpc.medianMs > 0 && rpc.longestMs >= rpc.medianMs)

  // a stream that is given up stops its handler
  const { stream } = rpc
  t.equal(stream?.stoppedBy, 'RIVULET_CANCELLED')
  t.ok(stream && stream.figures > 0 && stream.sent >= stream.figures)
  t.ok(stream && stream.last.files >= files.size / 2, 'it was followed far enough')
})

t.test('an empty directory is no problem', async (t) => {
  const { summary, ...ended } = await summaryOf(t.testdir(), '--workers', '1')
  t.equal(complaint(ended), undefined)
  t.match(summary, { found: 0, hashed: 0, lost: 0, killed: null, addsUp: true, queue: { hostKills: 0 } })
  t.match(summary.rpc, { finding: null, refused: 'no such file', stream: { stoppedBy: 'RIVULET_CANCELLED' } })
})

t.test(
  'with the queue alone killed at work, the only worker hashes every file; all is printed as plain lines',
  async (t) => {
    const folder = t.testdir()
    const { files, distinctContents } = growTree(folder, 800)
    const ended = await runSource('demo/main.ts', folder, '--workers', '1')
    t.equal(complaint(ended), undefined)
    t.notMatch(ended.stdout, '\u001b')
    t.match(ended.stdout, /^the queue host \(pid \d+\) is killed on purpose$/m)
    t.match(ended.stdout, /^durable queue: at most \d+ batch(es)? deep, 1 host restart$/m)
    t.match(ended.stdout, /^the stream of figures was followed to \d+ files; .*: RIVULET_CANCELLED$/m)
    t.match(ended.stdout, /^\d+ calls to the catalogue, /m)
    t.match(ended.stdout, new RegExp(`, ${distinctContents} different contents$`, 'm'))
    const repeated = Number(/ redelivered, (\d+) hashed again/.exec(ended.stdout)?.[1])
    const answered = (files.size + repeated).toLocaleString('en-US')
    t.match(ended.stdout, new RegExp(`^worker 0 \\(pid \\d+\\): finished, ${answered} files$`, 'm'))
    t.equal(ended.stdout.split('\n').at(-2), `${files.size} found = ${files.size} hashed + 0 unreadable`)
  },
)

t.test(
  'an interrupt ends it and all its processes, and its temporary folder is gone',
  { skip: process.platform !== 'linux' && 'needs /proc' },
  async (t) => {
    const folder = t.testdir({ files: {}, temporary: {} })
    const temporary = join(folder, 'temporary')
    growTree(join(folder, 'files'), 1200)
    const driver = `
    import { spawn } from 'node:child_process'
    import { readdirSync, readFileSync } from 'node:fs'
    const args = ${JSON.stringify([...loader, modulePath('examples/demo/main.ts'), join(folder, 'files')])}
    const temporary = ${JSON.stringify(temporary)}
    const env = { ...process.env, TMPDIR: temporary }
    const demo = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let children = []
    let made = []
    demo.stdout.once('data', () => {
      children = readFileSync('/proc/' + demo.pid + '/task/' + demo.pid + '/children', 'utf8').trim().split(' ').map(Number)
      made = readdirSync(temporary).filter((name) => name.startsWith('rivulet-demo-'))
      demo.kill('SIGINT')
    })
    demo.stdout.resume()
    demo.once('exit', (code) => {
      const left = children.filter((pid) => { try { return process.kill(pid, 0) } catch { return false } })
      const kept = made.filter((name) => readdirSync(temporary).includes(name))
      console.log(JSON.stringify({ code, children: children.length, left, made: made.length, kept }))
    })`
    const ended = await runModule(driver, root)
    t.equal(complaint(ended), undefined)
    const { code, children, left, made, kept } = JSON.parse(ended.stdout)
    t.equal(code, 130)
    t.ok(children >= 1)
    t.strictSame(left, [])
    t.equal(made, 1)
    t.strictSame(kept, [])
    t.equal(ended.stderr, 'ended by SIGINT\n')
  },
)

t.test('a directory that cannot be read, or a wrong option, is said, with code 2', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  const wrong: readonly (readonly [word: string, complaint: RegExp])[] = [
    ['/no/such/directory', /^\/no\/such\/directory does not exist\n/],
    [file, /is not a directory\n/],
    ['--colour', /--colour/],
  ]
  await Promise.all(
    wrong.map(async ([word, complaint]) => {
      const { code, stdout, stderr } = await runExample('demo/main.ts', word)
      t.equal(code, 2, word)
      t.equal(stdout, '')
      t.match(stderr, complaint)
      t.match(stderr, /^Usage: /m)
    }),
  )
})

t.test('the command line is read as it is explained', async (t) => {
  const { code, stdout } = await runExample('demo/main.ts', '--help')
  t.equal(code, 0)
  for (const option of ['--workers N', '--no-kill', '--secure', '--json', '--help']) t.match(stdout, option)

  t.match(parseOptions([]), {
    workers: 3,
    killWorker: true,
    killHost: true,
    secure: false,
    json: false,
    directory: modulePath('node_modules'),
  })
  t.match(parseOptions(['x', '--json', '--workers', '5', '--no-kill', '--secure']), {
    workers: 5,
    killWorker: false,
    killHost: false,
    secure: true,
    json: true,
  })
  t.match(parseOptions(['--workers', '1']), { killWorker: false, killHost: true })
  t.throws(() => parseOptions(['one', 'two']), { message: 'one directory, not 2' })
  for (const workers of ['many', '0', '1.5', '65']) {
    t.throws(() => parseOptions(['--workers', workers]), {
      message: `--workers takes a whole number from 1 to 64, not ${workers}`,
    })
  }
})
