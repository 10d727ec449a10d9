/** Counts the messages of a process, and its processor time, over a stretch of time. */
import { setTimeout as delay } from 'node:timers/promises'

/** Counts for a while, after a while; for less, if there are no more than so many messages. */
export interface StretchOrder {
  readonly do: 'measure'
  readonly warmUpMs: number
  readonly forMs: number
  readonly atMost?: number
}

/** What a process did in a stretch of time. */
export interface Stretch {
  readonly ms: number
  /** Messages that were delivered. */
  readonly messages: number
  /** Those before it included. */
  readonly messagesSoFar: number
  /** Processor time of all threads. */
  readonly cpuMs: number
}

/** Where there are no more than so many messages: the part of them that warms up, and how often they are counted. */
const warmUpPart = 0.2
const lookMs = 2

/** Measures what `counter` counts. */
export async function measureStretch(counter: () => number, order: StretchOrder): Promise<Stretch> {
  const { warmUpMs, forMs, atMost } = order
  await pass(counter, warmUpMs, atMost && atMost * warmUpPart)
  const before = snapshot(counter)
  await pass(counter, forMs, atMost)
  const after = snapshot(counter)
  return {
    ms: after.ms - before.ms,
    messages: after.messages - before.messages,
    messagesSoFar: after.messages,
    cpuMs: after.cpuMs - before.cpuMs,
  }
}

/** Waits, no longer than until so many messages are counted. */
async function pass(counter: () => number, ms: number, atMost: number | undefined): Promise<void> {
  if (atMost === undefined) return delay(ms)
  const end = performance.now() + ms
  while (counter() < atMost && performance.now() < end) await delay(lookMs)
}

function snapshot(counter: () => number): Omit<Stretch, 'messagesSoFar'> {
  const { user, system } = process.cpuUsage()
  return { ms: performance.now(), messages: counter(), cpuMs: (user + system) / 1000 }
}
