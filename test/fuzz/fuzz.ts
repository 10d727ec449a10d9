/**
 * Fuzzes one target: makes inputs from a seed, and holds what they come to, how long they take and what they leave behind.
 *
 * The same seed makes the same inputs. What never returns is not noticed here, but by the watchdog of the command.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from '../simulation/random.js'
import { type Target, taken } from './target.js'

/** The most processor time that one input may take if nobody says otherwise, in milliseconds. */
const longestMs = 1000

/** The most that the heap may grow over all inputs but the first fifth, in bytes. */
const mostGrowthBytes = 32 * 1024 * 1024

/** The inputs after which everything begins with nothing. */
const roundInputs = 20_000

/** The inputs of one turn of the event loop. */
const turnInputs = 500

/** How to fuzz. */
export interface FuzzOptions {
  readonly inputs: number
  readonly seed: number
  readonly mostMs?: number
  /** Is told of each input before it is made. */
  readonly progress?: (input: number) => void
}

/** What came of it. */
export interface FuzzFigures {
  readonly inputs: number
  readonly perSecond: number
  /** How many inputs came to a value, and to each code. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly slowestMs: number
  readonly growthBytes: number
  /** What was found, if anything: after it no more inputs were made. */
  readonly finding: string | undefined
}

/** Fuzzes a target until it has had all inputs, or something is found. */
export async function fuzz(
  target: Target,
  { inputs, seed, mostMs = longestMs, progress }: FuzzOptions,
): Promise<FuzzFigures> {
  const outcomes: Record<string, number> = {}
  const allowed = new Set([taken, ...target.codes])
  const started = performance.now()
  const settledAt = Math.floor(inputs / 5)
  let next: (() => string) | undefined
  let slowestMs = 0
  let heapBytes = 0
  let finding: string | undefined
  let turnCpu = process.cpuUsage()
  let input = 0
  for (; input < inputs && finding === undefined; input++) {
    if (input === settledAt) heapBytes = heapInUse()
    const round = Math.floor(input / roundInputs)
    if (input % roundInputs === 0) next = target.begin(new Random(seed + round))
    progress?.(input)
    if (input % turnInputs === 0) {
      // what waits for the end of a turn has its turn
      await turn()
      turnCpu = process.cpuUsage()
    }
    const before = performance.now()
    try {
      const outcome = (next as () => string)()
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      if (!allowed.has(outcome)) finding = `input ${input}: ${outcome}`
    } catch (error) {
      finding = `input ${input}: ${error instanceof Error ? error.stack : String(error)}`
    }
    const ms = performance.now() - before
    if (ms > slowestMs) slowestMs = ms
    // on a busy machine an input may wait for a processor: then its turn has not used one for so long
    if (ms > mostMs && cpuMs(turnCpu) > mostMs) finding ??= `input ${input}: it took ${ms.toFixed(0)} ms`
  }
  const perSecond = (input * 1000) / (performance.now() - started)
  next = undefined
  await turn()
  const growthBytes = heapInUse() - heapBytes
  if (growthBytes > mostGrowthBytes) finding ??= `the heap grew by ${growthBytes} bytes`
  return { inputs: input, perSecond, outcomes, slowestMs, growthBytes, finding }
}

/** Processor time since then, in milliseconds; it costs too much to ask for it at each input. */
function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

let collect: (() => void) | undefined

/** What is left after garbage was collected, in bytes. */
function heapInUse(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
