/** Starts the processes of a benchmark, gives them orders, and ends them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { plainPath, writePlain } from '../tools/plain.js'
import type { Order } from './child.js'

/** The program of the processes, once it is compiled: a loader would compile the package again, and less well. */
let program: string | undefined

/** How long a process may take to answer, in milliseconds. */
const answerMs = 120_000

/** A process that plays one role. */
export class Player implements AsyncDisposable {
  readonly #child: ChildProcess

  /**
   * @param way - A name of the table of ways.
   */
  constructor(way: string) {
    program ??= compile()
    this.#child = fork(program, [way], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  }

  /** Gives an order and resolves with the answer. */
  async order<Result>(order: Order): Promise<Result> {
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

/** Compiles the program, for as long as this process lives. */
function compile(): string {
  const folder = writePlain()
  process.once('exit', () => rmSync(folder, { recursive: true }))
  return plainPath(folder, 'bench/child.ts')
}
