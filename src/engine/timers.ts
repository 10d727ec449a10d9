/**
 * When an engine looks at its queues without being asked: leases run out, delays end, messages grow too old.
 *
 * One timer for each queue, which is left as it is while it is early enough, and one for sweeps.
 */
import { type Clock, longestTimerMs, type Timer } from '../clock/index.js'
import { extrasAt } from './block-record.js'
import { type Operation, sweepOperation, tickOperation } from './operations.js'
import type { EnginePorts } from './ports.js'
import type { Queue } from './queue.js'
import type { Transaction } from './transaction.js'

/** How often expired ids are removed, in milliseconds; producers are swept each 60th time. */
const sweepMs = 60_000
const sweepsPerProducers = 60

/** The most that the expiries of one check change, in bytes. */
const tickBytes = 1_048_576

/** The timer of a queue. */
interface QueueTimer {
  /** When the timer fires, on the clock that never goes back; infinite if none is set. */
  armedFor: number
  /** When it has to at the latest. */
  wanted: number
  timer: Timer | undefined
}

/** The timers of an engine. */
export class Timers {
  readonly #clock: Clock
  readonly #nextTurn: EnginePorts['nextTurn']
  readonly #ask: (operation: Operation) => void
  readonly #queueTimers = new Map<Queue, QueueTimer>()
  readonly #planned = new Set<Queue>()
  readonly #others = new Set<Timer>()
  #sweeps = 0
  #isClosed = false

  constructor({ clock, nextTurn }: Pick<EnginePorts, 'clock' | 'nextTurn'>, ask: (operation: Operation) => void) {
    this.#clock = clock
    this.#nextTurn = nextTurn
    this.#ask = ask
    this.#sweepLater()
  }

  /** Looks at a queue with the next write. */
  check(queue: Queue, until?: number): void {
    if (!this.#isClosed) this.#ask(tickOperation(queue, tickBytes, until))
  }

  /** Sweeps a queue with the next write. */
  sweep(queue: Queue): void {
    if (!this.#queueTimers.has(queue)) this.#queueTimers.set(queue, newQueueTimer())
    if (!this.#isClosed) this.#ask(sweepOperation(queue, true))
  }

  /** Works out when a queue has to be looked at; that counts from `arm` on. */
  plan(tx: Transaction, queue: Queue): void {
    const queueTimer = this.#queueTimers.get(queue) ?? newQueueTimer()
    this.#queueTimers.set(queue, queueTimer)
    const lease = queue.leases.first?.deadline ?? Number.POSITIVE_INFINITY
    queueTimer.wanted = Math.min(lease, tx.now + dueMs(tx, queue))
    this.#planned.add(queue)
  }

  /** Sets the timers of the queues that were planned. */
  arm(): void {
    for (const queue of this.#planned) this.#arm(queue, this.#queueTimers.get(queue) as QueueTimer)
    this.#planned.clear()
  }

  /** Calls back once after a time. */
  after(delayMs: number, callback: () => void): void {
    if (this.#isClosed) return
    const timer = this.#clock.setTimer(() => {
      this.#others.delete(timer)
      callback()
    }, delayMs)
    this.#others.add(timer)
  }

  close(): void {
    this.#isClosed = true
    for (const { timer } of this.#queueTimers.values()) timer?.cancel()
    for (const timer of this.#others) timer.cancel()
  }

  #arm(queue: Queue, queueTimer: QueueTimer): void {
    if (this.#isClosed || queueTimer.armedFor <= queueTimer.wanted || queueTimer.wanted === Number.POSITIVE_INFINITY)
      return
    queueTimer.timer?.cancel()
    queueTimer.armedFor = queueTimer.wanted
    const delayMs = Math.min(longestTimerMs, Math.max(0, Math.ceil(queueTimer.wanted - this.#clock.now())))
    if (delayMs === 0) this.#wake(queue, queueTimer)
    else queueTimer.timer = this.#clock.setTimer(() => this.#wake(queue, queueTimer), delayMs)
  }

  /**
   * Looks at a queue in the next turn: where the event loop was blocked, what consumers have said meanwhile is read first,
   * those of this process fire the timers that were due earlier, and leases that have expired since are checked separately.
   */
  #wake(queue: Queue, queueTimer: QueueTimer): void {
    const now = this.#clock.now()
    queueTimer.armedFor = Number.NEGATIVE_INFINITY
    queueTimer.timer = undefined
    const check = () => {
      queueTimer.armedFor = Number.POSITIVE_INFINITY
      this.check(queue, this.#nextTurn ? now : undefined)
    }
    const inNextTurn = () => (this.#nextTurn ? this.#nextTurn(check) : check())
    const { first } = queue.leases
    if (first !== undefined && first.deadline <= now) queueTimer.timer = this.#clock.setTimer(inNextTurn, 0)
    else inNextTurn()
  }

  #sweepLater(): void {
    this.after(sweepMs, () => {
      this.#sweeps += 1
      const alsoProducers = this.#sweeps % sweepsPerProducers === 0
      for (const queue of this.#queueTimers.keys()) this.#ask(sweepOperation(queue, alsoProducers))
      this.#sweepLater()
    })
  }
}

function newQueueTimer(): QueueTimer {
  return { armedFor: Number.POSITIVE_INFINITY, wanted: Number.POSITIVE_INFINITY, timer: undefined }
}

/** How long until a message in front is due or too old, in milliseconds. */
function dueMs(tx: Transaction, queue: Queue): number {
  const { scheduled, log, settings } = queue
  let at = Number.POSITIVE_INFINITY
  const entry = scheduled.size > 0 ? scheduled.first(tx) : undefined
  if (entry) {
    const { due, message } = entry
    if (due > tx.wall) at = due
    at = Math.min(at, message.expires || at, Math.max(due, message.time) + settings.maxAgeMs)
  }
  const block = log.ready > 0 ? log.head(tx) : undefined
  if (block) {
    const expires = extrasAt(block.extras, log.headOffset)?.expires
    at = Math.min(at, expires ?? at, block.time + settings.maxAgeMs)
  }
  if (queue.aside.messages > 0) at = Math.min(at, queue.aside.nextEnd(tx, settings.maxAgeMs).at)
  if (queue.keys.isActive && !settings.keyOrder) return 0
  return Math.max(1, at - tx.wall)
}
