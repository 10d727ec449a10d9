/** What a process finds out about itself: how late its timers are, and how much memory it has. */
import { openSync, readSync } from 'node:fs'

/** The timer that is measured, in milliseconds. */
const tickMs = 10

/** How often memory is measured, in ticks. */
const memoryTicks = 10

const mebibyte = 1_048_576

/** Measures the event loop of this process, which must be its main thread. */
export class SelfWatch {
  #delayMs = 0
  #ownDelayMs = 0
  #peakRss = 0
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
    this.#peakRss = process.memoryUsage.rss()
    this.#begunAt = performance.now()
    this.#begunWaitedMs = waitedMs()
  }

  /** What was measured. */
  get figures() {
    const rss = process.memoryUsage.rss()
    const { user, system } = process.cpuUsage()
    return {
      delayMs: this.#delayMs,
      ownDelayMs: this.#ownDelayMs,
      waited: (waitedMs() - this.#begunWaitedMs) / Math.max(1, performance.now() - this.#begunAt),
      rssMiB: rss / mebibyte,
      peakRssMiB: Math.max(rss, this.#peakRss) / mebibyte,
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
    if (this.#ticks % memoryTicks === 0) this.#peakRss = Math.max(this.#peakRss, process.memoryUsage.rss())
    this.#arm()
  }
}

/** Kept open, since a process that is attacked may have no descriptor left. */
let schedule: number | undefined
const bytes = Buffer.alloc(128)

/** How long the main thread has waited for a CPU that others had, in milliseconds; 0 where the system does not tell. */
export function waitedMs(): number {
  try {
    schedule ??= openSync(`/proc/self/task/${process.pid}/schedstat`, 'r')
  } catch {
    return 0
  }
  const length = readSync(schedule, bytes, 0, bytes.length, 0)
  return Number(bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6
}
