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

/** The most processor time that one input may take, in milliseconds. */
const mostMs = 1000

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
export async function fuzz(target: Target, { inputs, seed, progress }: FuzzOptions): Promise<FuzzFigures> {
  const outcomes: Record<string, number> = {}
  const allowed = new Set([taken, ...target.codes])
  const started = performance.now()
  const settledAt = Math.floor(inputs / 5)
  let next: (() => string) | undefined
  let slowestMs = 0
  let heapBytes = 0
  let finding: string | undefined
  let input = 0
  for (; input < inputs && finding === undefined; input++) {
    if (input === settledAt) heapBytes = heapInUse()
    const round = Math.floor(input / roundInputs)
    if (input % roundInputs === 0) next = target.begin(new Random(seed + round))
    progress?.(input)
    // what waits for the end of a turn has its turn
    if (input % turnInputs === 0) await turn()
    const before = process.cpuUsage()
    try {
      const outcome = (next as () => string)()
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      if (!allowed.has(outcome)) finding = `input ${input}: ${outcome}`
    } catch (error) {
      finding = `input ${input}: ${error instanceof Error ? error.stack : String(error)}`
    }
    const { user, system } = process.cpuUsage(before)
    const ms = (user + system) / 1000
    if (ms > slowestMs) slowestMs = ms
    if (ms > mostMs) finding ??= `input ${input}: it took ${ms.toFixed(0)} ms`
  }
  const perSecond = (input * 1000) / (performance.now() - started)
  next = undefined
  await turn()
  const growthBytes = heapInUse() - heapBytes
  if (growthBytes > mostGrowthBytes) finding ??= `the heap grew by ${growthBytes} bytes`
  return { inputs: input, perSecond, outcomes, slowestMs, growthBytes, finding }
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
