/**
 * The tutorial in two terminals, in a fresh folder with the packed package: its files as they stand on the page, in its
 * order, with the lines that it says one sees. Only the ports are others.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { transformSync } from 'esbuild'
import t, { type Test } from 'tap'
import { build, root } from '../../tools/build.js'
import { complaint, run } from '../child-process.js'

const timeoutMs = 60_000
const page = readFileSync(join(root, 'docs/start/tutorial.md'), 'utf8')
const files = [...page.matchAll(/^```ts compile-only\n\/\/ (\w+\.ts)\n([^`]*(?:`[^`\n]+`[^`]*)*)^```$/gm)]

/** A terminal: the programs that run in it, one after the other, and the lines that they print. */
class Terminal {
  readonly #cwd: string
  #child: ChildProcess | undefined
  #lines: string[] = []
  #said: () => void = () => {}
  #stderr = ''

  constructor(t: Test, cwd: string) {
    this.#cwd = cwd
    t.teardown(() => this.#signal('SIGKILL'))
  }

  /** `npx tsx FILE`, with what `tsx` makes of the file: to load `tsx` eleven times would take most of the time of this test. */
  start(file: string): void {
    const env = { ...process.env, NODE_OPTIONS: '' }
    const program = file.replace(/ts$/, 'js')
    // tap sets NODE_OPTIONS inside of `spawn`: only the child itself can take it off
    const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, program], {
      cwd: this.#cwd,
      env,
      detached: true,
    })
    this.#child = child
    this.#lines = []
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    createInterface(child.stdout).on('line', (line) => {
      this.#lines.push(line)
      this.#said()
    })
    child.once('close', () => this.#said())
  }

  /** The line that fits, when there are so many of them; rejects if the program ends before. */
  async shows(pattern: RegExp, times = 1): Promise<string> {
    for (;;) {
      const fitting = this.#lines.filter((line) => pattern.test(line))
      if (fitting.length >= times) return fitting[0] as string
      if (this.#child?.stdout?.closed !== false) throw new Error(`no ${pattern} in ${this.#lines}\n${this.#stderr}`)
      await new Promise<void>((resolve) => {
        this.#said = resolve
      })
    }
  }

  /** Everything that the program has printed when it has ended. */
  async ends(): Promise<readonly string[]> {
    if (this.#child?.stdout?.closed === false) await once(this.#child, 'close')
    return this.#lines
  }

  /** Ctrl-C: the signal goes to all processes of the terminal. */
  async interrupt(): Promise<void> {
    this.#signal('SIGINT')
    await this.ends()
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid, exitCode } = this.#child ?? {}
    if (pid === undefined || exitCode !== null) return
    try {
      process.kill(-pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** The folder after "Prepare a folder": the packed package with links to its dependencies, so that no registry is asked. */
async function prepare(t: Test): Promise<string> {
  const cwd = t.testdir({ 'package.json': '{ "type": "module" }', node_modules: {} })
  const modules = join(cwd, 'node_modules')
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', cwd]
  const packed = await run('npm', pack, { cwd: root, timeoutMs })
  t.equal(complaint(packed), undefined)
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }]
  const installed = join(modules, 'rivulet')
  mkdirSync(installed)
  const unpack = ['-xzf', join(cwd, filename), '--strip-components=1', '-C', installed]
  t.equal(complaint(await run('tar', unpack, { cwd, timeoutMs })), undefined)
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const name of [...Object.keys(manifest.dependencies), 'rxjs']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'dir')
  }
  const ports = await freePorts(4)
  for (const [, name = '', code = ''] of files) {
    const text = code.replace(/:700(\d)/g, (_, index: string) => `:${ports[Number(index)]}`)
    const { code: plain } = transformSync(text, { loader: 'ts', target: 'node20' })
    writeFileSync(join(cwd, name.replace(/ts$/, 'js')), plain)
  }
  return cwd
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  for (const server of servers) server.close()
  return ports
}

t.before(build)

t.test('the tutorial in two terminals', async (t) => {
  t.equal(files.length, 7, 'the page has its programs')
  const cwd = await prepare(t)
  const first = new Terminal(t, cwd)
  const second = new Terminal(t, cwd)

  await t.test('a queue', async (t) => {
    first.start('worker.ts')
    await first.shows(/^waiting$/)
    for (const times of [1, 2]) {
      second.start('send.ts')
      for (const line of [/^job 1 one$/, /^job 2 two$/, /^job 3 three$/]) await first.shows(line, times)
      t.strictSame(await second.ends(), ['{ sent: 3, dropped: 0 }'], `time ${times}`)
    }
    await first.interrupt()
  })

  await t.test('a durable queue, whose host and worker are killed', async (t) => {
    first.start('host.ts')
    const [, pid] = /^host (\d+) with 0 jobs$/.exec(await first.shows(/^host/)) ?? []
    second.start('add.ts')
    t.strictSame(await second.ends(), ['stored 1', 'stored 2', 'stored 3'])
    process.kill(Number(pid), 'SIGKILL')
    await first.ends()

    first.start('host.ts')
    t.match(await first.shows(/^host/), 'with 3 jobs')
    second.start('work.ts')
    await second.shows(/^begin 1 attempt 1$/)
    await second.interrupt()
    second.start('work.ts')
    for (const line of [/^begin 1 attempt 2$/, /^done 1$/, /^done 2$/, /^done 3$/]) await second.shows(line)
    await second.interrupt()
    await first.interrupt()
  })

  await t.test('a call and a topic', async (t) => {
    second.start('client.ts') // it waits
    first.start('server.ts')
    await first.shows(/^serving$/)
    for (const time of ['started before the server', 'started again']) {
      const lines = await second.ends()
      const before = time === 'started again' ? 21 : 18
      t.strictSame(
        lines.filter((line) => line.startsWith('was')),
        [`was ${before}`, 'was 19', 'was 20'],
        time,
      )
      t.strictSame(
        lines.filter((line) => line.startsWith('published')),
        ['published 19', 'published 20', 'published 21'],
        time,
      )
      if (time !== 'started again') second.start('client.ts')
    }
    await first.interrupt()
  })
})
