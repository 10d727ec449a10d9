/** The processes that may be killed: the workers, and the host of the queues, which is started again. */
import { setTimeout as delay } from 'node:timers/promises'
import { Subject } from 'rxjs'
import type { Child, Exit } from './children.js'
import type { Report } from './schemas.js'

/** `killed`: on purpose; `failed`: ended before the work was complete in any other way. */
export type WorkerState = 'working' | 'finished' | 'killed' | 'failed'

/** One worker. */
export interface Worker {
  readonly worker: number
  readonly child: Pick<Child, 'pid' | 'ended' | 'kill'>
  state: WorkerState
  /** Files with a result. */
  answered: number
  /** Other files that were in work at its last report. */
  inWork: number
  exit: Exit | undefined
}

/** All workers. */
export class Workers {
  readonly all: Worker[] = []
  /** Emits a worker whose state has changed. */
  readonly changes = new Subject<Worker>()
  /** Those that have reported in this turn: their `inWork` is recent. */
  readonly #reporting = new Set<Worker>()

  add(child: Worker['child']): void {
    const state: WorkerState = 'working'
    const worker: Worker = {
      worker: this.all.length,
      child,
      state,
      answered: 0,
      inWork: 0,
      exit: undefined,
    }
    this.all.push(worker)
    void child.ended.then((exit) => {
      worker.exit = exit
      if (worker.state !== 'finished') this.#change(worker, worker.state === 'killed' ? 'killed' : 'failed')
    })
  }

  /** How many processes work. */
  get running(): number {
    return this.all.filter(({ state, exit }) => state !== 'finished' && exit === undefined).length
  }

  /** Takes a report. */
  reported({ worker: number, inWork, results }: Report): void {
    const worker = this.all[number]
    if (worker === undefined) return
    worker.answered += results.length
    if (worker.state !== 'working') return
    worker.inWork = inWork
    if (this.#reporting.size === 0) setImmediate(() => this.#reporting.clear())
    this.#reporting.add(worker)
  }

  /** Kills the worker with the most files in work; returns whether there was one. */
  kill(): boolean {
    const [victim] = [...this.#reporting].sort((a, b) => b.inWork - a.inWork)
    if (victim === undefined || victim.inWork === 0) return false
    victim.child.kill()
    this.#change(victim, 'killed')
    return true
  }

  /** All work is complete: the workers may end. */
  finish(): void {
    for (const worker of this.all) if (worker.state === 'working') this.#change(worker, 'finished')
  }

  #change(worker: Worker, state: WorkerState): void {
    worker.state = state
    this.changes.next(worker)
  }
}

/** Somebody may have the port of a killed host for a moment. */
const maxStarts = 20
const pauseMs = 250

/** The host of the queues: a process that is started again with the same folder and endpoint whenever it ends. */
export class QueueHostProcess {
  kills = 0
  restarts = 0
  readonly #start: (bind: string) => Child
  readonly #note: (line: string) => void
  // the first time the system chooses the port
  #endpoint = 'tcp://127.0.0.1:*'
  #child: Child | undefined

  constructor(start: (bind: string) => Child, note: (line: string) => void) {
    this.#start = start
    this.#note = note
  }

  /** Starts it; resolves with its endpoint, which stays the same. */
  async open(signal: AbortSignal): Promise<string> {
    for (let attempt = 0; attempt < maxStarts; attempt++) {
      if (attempt > 0) await delay(pauseMs, undefined, { signal })
      this.#child = this.#start(this.#endpoint)
      const endpoint = await this.#child.endpoint
      signal.throwIfAborted()
      if (endpoint !== undefined) {
        this.#endpoint = endpoint
        return endpoint
      }
    }
    throw new Error('the host of the queues did not start')
  }

  /** Starts it again whenever it ends; rejects if that fails, or with the reason of the signal. */
  async supervise(signal: AbortSignal): Promise<never> {
    for (;;) {
      const { pid, ended } = this.#child as Child
      const exit = await ended
      signal.throwIfAborted()
      this.#note(`the queue host (pid ${pid}) has ended ${exitText(exit)}`)
      await this.open(signal)
      this.restarts += 1
      this.#note(`the queue host (pid ${this.#child?.pid}) has opened the same folder`)
    }
  }

  kill(): void {
    this.kills += 1
    this.#note(`the queue host (pid ${this.#child?.pid}) is killed on purpose`)
    this.#child?.kill()
  }
}

export function exitText({ code, signal }: Exit): string {
  return signal ? `by ${signal}` : `with code ${code}`
}
