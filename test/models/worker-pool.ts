/** Runs sequences of one model in several processes, and says what failed, also by ending its process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { loader, modulePath } from '../child-process.js'
import type { Transport } from '../support/transports.js'
import type { FailedSeed } from './many-sequences.js'
import type { Order, Report } from './worker.js'

/** What to run. */
export interface PoolOptions {
  readonly model: string
  readonly from: number
  readonly count: number
  readonly workers: number
  readonly transport?: Transport | undefined
  /** Failures after which no more is begun. Default: no limit. */
  readonly mostFailures?: number
  /** Ticks that may go by without what is waited for. Default: those of the lab. */
  readonly mostTicks?: number
  /** What Node is given to run a worker. Default: the source, as it is run here. */
  readonly program?: readonly string[]
  readonly progress?: (tally: PoolTally) => void
}

/** What came of it. */
export interface PoolTally {
  sequences: number
  cpuMs: number
  rssMiB: number
  readonly failed: FailedSeed[]
}

/** Seeds in one order, and sequences side by side in a process. */
const orderSeeds = 500
const atOnce = 48

/** The program. */
export const workerProgram = 'test/models/worker.ts'

const asHere: readonly string[] = [...loader, modulePath(workerProgram)]

/** Runs sequences. */
export async function runPool(options: PoolOptions): Promise<PoolTally> {
  const { from, count, workers, mostFailures = Number.POSITIVE_INFINITY, progress } = options
  const tally: PoolTally = { sequences: 0, cpuMs: 0, rssMiB: 0, failed: [] }
  let next = from
  const lane = async (): Promise<void> => {
    let worker = new Worker(options)
    while (next < from + count && tally.failed.length < mostFailures) {
      const order = { from: next, count: Math.min(orderSeeds, Math.ceil(count / workers), from + count - next) }
      next += order.count
      const report = await worker.run(order, atOnce, () => {
        tally.sequences += 1
        progress?.(tally)
      })
      if (report === undefined) {
        tally.failed.push(...(await suspectsOf(options, worker)))
        worker = new Worker(options)
        continue
      }
      tally.cpuMs += report.cpuMs
      tally.rssMiB = Math.max(tally.rssMiB, report.rssMiB)
      tally.failed.push(...report.failed)
    }
    await worker.end()
  }
  await Promise.all(Array.from({ length: workers }, lane))
  return tally
}

/** Runs what was running in a process that died, each alone: the one that does it again is the one. */
async function suspectsOf(options: PoolOptions, dead: Worker): Promise<FailedSeed[]> {
  const { how } = dead
  const seeds = [...dead.running]
  for (const seed of seeds) {
    const worker = new Worker(options)
    const report = await worker.run({ from: seed, count: 1 }, 1, () => {})
    await worker.end()
    if (report === undefined) return [{ seed, text: `the process ended by ${worker.how}` }]
    if (report.failed.length > 0) return [...report.failed]
  }
  return [
    { seed: seeds[0] ?? 0, text: `the process ended by ${how} beside one of ${seeds.join(', ')}; not again alone` },
  ]
}

/** One process. */
class Worker {
  /** Seeds that it has begun and not ended. */
  readonly running = new Set<number>()
  /** How it ended. */
  how = ''
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  readonly #options: PoolOptions

  constructor(options: PoolOptions) {
    const { program = asHere } = options
    // without tap's recorder of processes; what a resource warns of is expected here
    const args = ['-u', 'NODE_OPTIONS', process.execPath, '--no-warnings', ...program]
    this.#options = options
    this.#child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => {
      this.how = signal ?? `code ${code}`
    })
  }

  /** Runs a range; `undefined` if the process ended. */
  async run(
    range: Pick<Order, 'from' | 'count'>,
    atOnce: number,
    onEnd: () => void,
  ): Promise<Extract<Report, { failed: unknown }> | undefined> {
    const { model, transport, mostTicks } = this.#options
    const done = new Promise<Extract<Report, { failed: unknown }>>((resolve) => {
      const listen = (report: Report) => {
        if ('begins' in report) this.running.add(report.begins)
        else if ('ends' in report) {
          if (this.running.delete(report.ends)) onEnd()
        } else {
          this.#child.off('message', listen)
          resolve(report)
        }
      }
      this.#child.on('message', listen)
    })
    this.#child.send({ model, transport, mostTicks, atOnce, ...range } satisfies Order)
    return Promise.race([done, this.#ended.then(() => undefined)])
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#ended
  }
}
