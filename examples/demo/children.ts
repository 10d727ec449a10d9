/**
 * The child processes of the demonstration: starts them, and ends them all on every path.
 *
 * A child is let go by closing its channel; one that does not end by itself is killed. What children do is not known here.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

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
  /** Resolves with the first thing that it says on its channel, or `undefined` if it ends without a word. */
  readonly said: Promise<unknown>
  /** Kills it without a warning. */
  kill(): void
}

/** How long a child that was let go may take to end, in milliseconds. */
const patienceMs = 2000

// the programs lie beside this file, as sources under a loader or built
const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** All children of this process. */
export class Children implements AsyncDisposable {
  readonly #running = new Map<ChildProcess, Promise<Exit>>()
  readonly #complain: (line: string) => void

  /** @param complain - Takes each line that a child writes to its stderr. */
  constructor(complain: (line: string) => void) {
    this.#complain = complain
  }

  /** Starts a program of this folder; it gets the loader of this process, if there is one. */
  start(program: string, args: readonly string[]): Child {
    const path = fileURLToPath(new URL(program + ending, import.meta.url))
    const child = fork(path, [...args], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    if (child.stderr) createInterface({ input: child.stderr }).on('line', this.#complain)
    const ended = new Promise<Exit>((resolve) => {
      child.once('error', () => resolve({ code: null, signal: null }))
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    const said = Promise.race([
      new Promise<unknown>((resolve) => child.once('message', resolve)),
      ended.then(() => undefined),
    ])
    this.#running.set(child, ended)
    void ended.then(() => this.#running.delete(child))
    return { pid: child.pid, ended, said, kill: () => child.kill('SIGKILL') }
  }

  /** Lets all children go and waits until they have ended. */
  async end(): Promise<void> {
    const timer = setTimeout(() => {
      for (const child of this.#running.keys()) child.kill('SIGKILL')
    }, patienceMs)
    for (const child of this.#running.keys()) if (child.connected) child.disconnect()
    await Promise.all(this.#running.values())
    clearTimeout(timer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }
}
