/** Child processes of the demonstration: the parent starts and ends them, a child learns when to end. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Keyring, Role } from './keyring.js'

/** How a child ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running or ended child. */
export interface Child {
  readonly pid: number | undefined
  /** Resolves when it has ended or could not be started; never rejects. */
  readonly ended: Promise<Exit>
  /** Resolves with the endpoint that it reports, or `undefined` if it ends before that. */
  readonly endpoint: Promise<string | undefined>
  /** Sends SIGKILL. */
  kill(): void
}

/** How long a child may take to end, in milliseconds. */
const closeMs = 2000

/** All children of this process; disposing of it ends them. */
export class Children implements AsyncDisposable {
  readonly #running = new Map<ChildProcess, Promise<Exit>>()
  readonly #keyring: Keyring
  readonly #onLine: (line: string) => void

  /** @param onLine - Takes each line that a child writes to its stderr. */
  constructor(keyring: Keyring, onLine: (line: string) => void) {
    this.#keyring = keyring
    this.#onLine = onLine
  }

  /** Starts a program of this folder, with the loader of this process. */
  start(program: Role, ...args: string[]): Child {
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const path = fileURLToPath(new URL(`./${program}.${ending}`, import.meta.url))
    const child = fork(path, args, {
      env: this.#keyring.environmentOf(program),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    if (child.stderr) createInterface({ input: child.stderr }).on('line', this.#onLine)
    const ended = new Promise<Exit>((resolve) => {
      child.once('error', () => resolve({ code: null, signal: null }))
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    const reported = new Promise<string>((resolve) => child.once('message', resolve))
    this.#running.set(child, ended)
    void ended.then(() => this.#running.delete(child))
    const endpoint = Promise.race([reported, ended.then(() => undefined)])
    return { pid: child.pid, ended, endpoint, kill: () => child.kill('SIGKILL') }
  }

  /** Closes the channels of all children, kills those that do not end, and waits until all have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#running.keys()]
    const timer = setTimeout(() => running.map((child) => child.kill('SIGKILL')), closeMs)
    for (const child of running) if (child.connected) child.disconnect()
    await Promise.all(this.#running.values())
    clearTimeout(timer)
  }
}

/** In a child: resolves when the parent has closed the channel or has died. Ctrl-C alone does not end a child. */
export async function parentGone(): Promise<void> {
  if (!process.connected) throw new Error('this program is started by examples/demo/main.ts')
  process.on('SIGINT', () => {})
  await once(process, 'disconnect')
}
