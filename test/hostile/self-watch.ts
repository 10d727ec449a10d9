/** What a process finds out about itself: how late its timers are, and how much memory it has. */
import { openSync, readSync } from 'node:fs'

/** The timer that is measured, in milliseconds. */
const tickMs = 10

/** How often memory is measured, in ticks. */
const memoryTicks = 10

const mebibyte = 1_048_576

/** What the system counts resident memory in, in bytes. */
const pageBytes = 4096

/** Measures the event loop of this process, which must be its main thread. */
export class SelfWatch {
  #delayMs = 0
  #ownDelayMs = 0
  #peakMiB = 0
  #begunAt = 0
  #begunWaitedMs = 0
  #dueAt = 0
  #waitedMs = 0
  #ticks = 0

  constructor() {
    this.begin()
    this.#arm()
  }

  /** Begins to measure again. */
  begin(): void {
    this.#delayMs = this.#ownDelayMs = 0
    this.#peakMiB = residentMiB()
    this.#begunAt = performance.now()
    this.#begunWaitedMs = waitedMs()
  }

  /** What was measured. */
  get figures() {
    const rssMiB = residentMiB()
    const { user, system } = process.cpuUsage()
    return {
      delayMs: this.#delayMs,
      ownDelayMs: this.#ownDelayMs,
      waited: (waitedMs() - this.#begunWaitedMs) / Math.max(1, performance.now() - this.#begunAt),
      rssMiB,
      peakRssMiB: Math.max(rssMiB, this.#peakMiB),
      cpuMs: (user + system) / 1000,
    }
  }

  #arm(): void {
    this.#dueAt = performance.now() + tickMs
    this.#waitedMs = waitedMs()
    setTimeout(() => this.#tick(), tickMs)
  }

  #tick(): void {
    const lateMs = performance.now() - this.#dueAt
    this.#delayMs = Math.max(this.#delayMs, lateMs)
    this.#ownDelayMs = Math.max(this.#ownDelayMs, lateMs - (waitedMs() - this.#waitedMs))
    this.#ticks += 1
    if (this.#ticks % memoryTicks === 0) this.#peakMiB = Math.max(this.#peakMiB, residentMiB())
    this.#arm()
  }
}

/** A file of the system about this process; kept open, since a process that is attacked may have no descriptor left. */
class Figures {
  readonly #bytes = Buffer.alloc(256)
  readonly #descriptor: number | undefined

  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, 'r')
    } catch {
      // a system without such files
    }
  }

  /** The number at a place in the line; `undefined` where the system does not tell. */
  read(place: number): number | undefined {
    if (this.#descriptor === undefined) return undefined
    const length = readSync(this.#descriptor, this.#bytes, 0, this.#bytes.length, 0)
    return Number(this.#bytes.toString('latin1', 0, length).split(' ')[place])
  }
}

const schedule = new Figures(`/proc/self/task/${process.pid}/schedstat`)
const memory = new Figures('/proc/self/statm')

/** How long the main thread has waited for a CPU that others had, in milliseconds; 0 where the system does not tell. */
export function waitedMs(): number {
  return (schedule.read(1) ?? 0) / 1e6
}

function residentMiB(): number {
  const pages = memory.read(1)
  return pages === undefined ? process.memoryUsage.rss() / mebibyte : (pages * pageBytes) / mebibyte
}
