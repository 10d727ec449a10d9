/** A resource in a process of its own, that a sequence kills and starts again at the same address. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { QueueHostOptions } from '../../patterns/queue/index.js'
import type { RpcServerOptions } from '../../patterns/rpc/index.js'
import { loader, modulePath } from '../child-process.js'

/** What it is. */
export type ChildRole =
  | { readonly role: 'host'; readonly options: Pick<QueueHostOptions, 'path' | 'queues' | 'durability'> }
  | {
      readonly role: 'rpc-server'
      readonly options: Omit<Partial<RpcServerOptions>, 'services' | 'runtime' | 'signal'>
    }

/** What it says: where it is bound, and which call runs. */
export type ChildReport = { readonly endpoint: string } | { readonly runs: string }

/** Starts that are tried, since the address may be taken for a moment. */
const mostStarts = 20

const program = modulePath('test/models/lab-child-process.ts')

/** A process; it must be killed. */
export class LabChild {
  /** Where it is bound, the same in each life. */
  endpoint = 'tcp://127.0.0.1:*'
  readonly #role: ChildRole
  readonly #runs: (call: string) => void
  #child: ChildProcess | undefined

  /** @param runs - Hears of each call that runs. */
  constructor(role: ChildRole, runs: (call: string) => void = () => {}) {
    this.#role = role
    this.#runs = runs
  }

  /** Resolves when it is bound. */
  async start(): Promise<void> {
    for (let starts = 1; ; starts++) {
      if (await this.#tryToStart()) return
      if (starts === mostStarts) throw new Error(`a child cannot be bound to ${this.endpoint}`)
    }
  }

  /** `kill -9`, and another one in its place. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** `kill -9`; resolves when it is dead. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  #tryToStart(): Promise<boolean> {
    const what = JSON.stringify({ ...this.#role, bind: this.endpoint })
    // without tap's recorder of processes
    const args = ['-u', 'NODE_OPTIONS', process.execPath, '--no-warnings', ...loader, program, what]
    const child = spawn('env', args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child = child
    return new Promise((resolve) => {
      child.once('exit', () => resolve(false))
      child.on('message', (report: ChildReport) => {
        if ('runs' in report) this.#runs(report.runs)
        else {
          this.endpoint = report.endpoint
          resolve(true)
        }
      })
    })
  }
}
