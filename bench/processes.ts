/** Starts the processes of a benchmark, gives them orders, and ends them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { plainPath, writePlain } from '../tools/plain.js'
import type { ByteOrder } from './byte-child.js'
import type { Order } from './child.js'

/** The compiled programs, once there are: a loader would compile the package again, and less well. */
let folder: string | undefined

/** How long a process may take to answer, in milliseconds. */
const answerMs = 120_000

/** A process that plays one role. */
export class Player implements AsyncDisposable {
  readonly #child: ChildProcess

  /**
   * @param way - A name of the table of ways.
   * @param program - What plays it.
   */
  constructor(way: string, program: 'bench/child.ts' | 'bench/byte-child.ts' = 'bench/child.ts') {
    this.#child = fork(compiled(program), [way], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
  }

  /** Gives an order and resolves with the answer. */
  async order<Result>(order: Order | ByteOrder): Promise<Result> {
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(new Error(`a process did not ${order.do} in time`)), answerMs)
    const died = once(this.#child, 'exit', { signal: limit.signal }).then(([code]) => {
      throw new Error(`a process that was to ${order.do} ended with ${code}`)
    })
    try {
      this.#child.send(order)
      const answer = once(this.#child, 'message', { signal: limit.signal })
      const [{ result }] = (await Promise.race([answer, died])) as [{ result: Result }]
      return result
    } catch (error) {
      throw limit.signal.aborted ? limit.signal.reason : error
    } finally {
      clearTimeout(timer)
      died.catch(() => {})
      limit.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    this.#child.kill('SIGKILL')
    await ended
  }
}

/** Returns the path of a compiled program, which is there for as long as this process lives. */
export function compiled(source: string): string {
  folder ??= compile()
  return plainPath(folder, source)
}

function compile(): string {
  const made = writePlain()
  process.once('exit', () => rmSync(made, { recursive: true }))
  return made
}
