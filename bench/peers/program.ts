/**
 * Runs another system's server as a child in a folder of its own, for as long as it is measured.
 *
 * It starts no service and installs nothing: what is not on the machine is reported as skipped.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { cleanUp } from '../clean-up.js'
import type { Endpoints } from '../ways/way.js'

/** How long a program may take to be ready, in milliseconds. */
const readyMs = 60_000

/** How many of its last lines are reported when it ends too early. */
const toldLines = 20

/** Where servers live that are not on the path of every user. */
const folders = ['/usr/lib/rabbitmq/bin', ...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

/** What is to be known of a server. */
export interface Reached {
  readonly endpoints: Endpoints
  /** Its version and settings. */
  readonly about: string
  /** The processor time that it has taken, in milliseconds; of a server that is one process. */
  readonly cpuMs?: () => number
}

/** A server that is measured. */
export interface Server extends Reached, AsyncDisposable {}

/** Starts a server with an empty folder; resolves when it can be reached. */
export type Start = () => Promise<Server>

/**
 * Starts a server of several parts, which end together, the last first; also where one of them does not start.
 *
 * @param start - Hands over each part as soon as it is there.
 */
export async function startServer(
  start: (use: <Part extends Disposable | AsyncDisposable>(part: Part) => Part) => Promise<Reached>,
): Promise<Server> {
  const parts: (Disposable | AsyncDisposable)[] = []
  const end = async (): Promise<void> => {
    for (const part of parts.toReversed()) {
      if (Symbol.asyncDispose in part) await part[Symbol.asyncDispose]()
      else part[Symbol.dispose]()
    }
  }
  try {
    const use = <Part extends Disposable | AsyncDisposable>(part: Part): Part => {
      parts.push(part)
      return part
    }
    return { ...(await start(use)), [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}

/** Finds a program; `undefined` if it is not installed. */
export function findProgram(name: string): string | undefined {
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** What Linux counts processor time in: a second has so many (`sysconf(_SC_CLK_TCK)`, on every architecture of Node). */
const ticksPerSecond = 100

/** Finds TCP ports that nothing listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** A program that runs, with the processes that it starts. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #kill: () => void
  readonly #last: string[] = []

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(file, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#child = child
    this.#kill = cleanUp(() => {
      try {
        // all that it has started, too
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // it has ended
      }
    })
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output }).on('line', (line) => {
        this.#last.push(line)
        if (this.#last.length > toldLines) this.#last.shift()
        child.emit('said', line)
      })
    }
  }

  /** Resolves with what the pattern finds in a line that the program writes. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const limit = AbortSignal.timeout(readyMs)
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Error([`${why}:`, ...this.#last].join('\n')))
      limit.onabort = () => fail(`${this.#child.spawnfile} was not ready in time`)
      this.#child.once('error', reject)
      this.#child.once('exit', () => fail(`${this.#child.spawnfile} ended`))
      this.#child.on('said', (line: string) => {
        const found = pattern.exec(line)
        if (found) resolve(found)
      })
    })
  }

  /** The processor time of the program itself so far, in milliseconds; 0 where the system does not show it. */
  cpuMs(): number {
    try {
      // behind the name, which may hold anything: the state is the first field, times are the twelfth and thirteenth
      const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond
    } catch {
      return 0
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#child
    const ended = exitCode === null && signalCode === null ? once(this.#child, 'exit') : undefined
    this.#kill()
    await ended
  }
}
