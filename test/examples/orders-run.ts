/** The application `examples/orders` for its test: started as its users start it, its processes killed, and ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { filter, firstValueFrom, map, ReplaySubject, skip, throwIfEmpty } from 'rxjs'
import { root } from '../../tools/build.js'

const folder = join(root, 'examples', 'orders')

/**
 * The options of a test of the application: it is skipped where its packages are not installed.
 *
 * @throws Error if they are not and `CI=true`
 */
export function withOrders(): { readonly skip: string | false } {
  if (existsSync(join(folder, 'node_modules', 'better-sqlite3', 'build', 'Release'))) return { skip: false }
  const reason = 'missing packages: those of examples/orders (npm ci in its folder)'
  if (process.env.CI === 'true') throw new Error(`${reason}; CI=true requires them, and .ci/run installs them`)
  return { skip: reason }
}

/** One application, with its data in a folder of its own. */
export class Application {
  /** What it has printed so far. */
  readonly lines: string[] = []
  readonly #printed = new ReplaySubject<string>()
  readonly #killed = new Set<number>()
  readonly #npm: ChildProcess
  readonly #ended: Promise<unknown[]>

  private constructor(npm: ChildProcess) {
    this.#npm = npm
    this.#ended = once(npm, 'close')
    for (const stream of [npm.stdout, npm.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#printed.next(line))
    }
    this.#printed.subscribe((line) => this.lines.push(line))
    void this.#ended.then(() => this.#printed.complete())
  }

  /** Starts it by `npm start`. */
  static async start(dataFolder: string, stepMs: number): Promise<Application> {
    const port = await freePort()
    const env: NodeJS.ProcessEnv = { ...process.env }
    for (const name of Object.keys(env)) if (/^(TAP|_TAPJS|npm_)/.test(name)) delete env[name]
    Object.assign(env, { PORT: port, DATA_FOLDER: dataFolder, STEP_MS: stepMs })
    // tap sets NODE_OPTIONS inside of `spawn`, whatever `env` says: only the child itself can take it off
    const args = ['-u', 'NODE_OPTIONS', 'npm', 'start']
    return new Application(spawn('env', args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }))
  }

  /** Resolves with the first line that fits, or a later one, also of the past; rejects if it ends without. */
  async line(pattern: RegExp, number = 1): Promise<RegExpExecArray> {
    return await firstValueFrom(
      this.#printed.pipe(
        map((line) => pattern.exec(line)),
        filter((found) => found !== null),
        skip(number - 1),
        throwIfEmpty(() => new Error(`it ended without ${pattern}:\n${this.lines.join('\n')}`)),
      ),
    )
  }

  /** Kills the newest process of a role; returns `false` in the moment in which it has none. */
  kill(role: string): boolean {
    const last = this.lines.findLast((line) => line.startsWith(`${role} `)) ?? ''
    const pid = Number(/ is ready, pid (\d+)/.exec(last)?.[1])
    if (Number.isNaN(pid) || this.#killed.has(pid)) return false
    this.#killed.add(pid)
    return process.kill(pid, 'SIGKILL')
  }

  /** Asks it to end as a system does; resolves with its exit code. */
  async end(): Promise<number | null> {
    if (this.#npm.exitCode === null) this.#npm.kill('SIGTERM')
    const [code] = await this.#ended
    return code as number | null
  }
}

/** A port that is free, as is the next one; the system gives neither to a program that asks for any port. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + 2 * Math.floor(Math.random() * 5000)
    if ((await isFree(port)) && (await isFree(port + 1))) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
