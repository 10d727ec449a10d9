/**
 * What one sequence does, drawn from its seed before it begins: options, calls with their arguments, ends of turns.
 *
 * It is plain data, so that it can be printed, and shortened by leaving calls out.
 */
import { Random } from '../simulation/random.js'
import type { Transport } from '../support/transports.js'
import type { AnyModel, Step } from './model.js'

/** One call: the name of its step and the arguments. */
export interface Call {
  readonly step: string
  readonly args: unknown
}

/** A whole sequence. */
export interface Plan {
  readonly seed: number
  readonly transport: Transport
  readonly setup: unknown
  readonly calls: readonly Call[]
}

/** How much time passes at once, in milliseconds: within and beyond the defaults. */
const passes = [5, 200, 1100, 5500, 40_000] as const

/** What separates calls. The names are those of `run-sequence.ts`. */
function pause(random: Random, transport: Transport): Call {
  const kind = random.below(20)
  if (kind < 6) return { step: 'microtask', args: {} }
  if (kind < 12) return { step: 'turn', args: {} }
  if (kind < 16) return { step: 'tick', args: {} }
  if (kind < 18) return { step: 'quiet', args: {} }
  if (kind < 19 || transport !== 'tcp') return { step: 'pass', args: { ms: random.pick(passes) } }
  return { step: 'cut', args: { how: random.pick(['reset', 'end']) } }
}

/** The transport of a seed in a mixed run. */
export function transportOf(seed: number): Transport {
  const part = ((seed % 50) + 50) % 50
  return part === 7 ? 'tcp' : part === 23 ? 'ipc' : 'inproc'
}

/** Draws a sequence. */
export function planOf(model: AnyModel, seed: number, transport: Transport): Plan {
  const random = new Random(seed)
  const setup = model.draw(random.fork())
  // Some kinds of calls are left out of each sequence: what is always there hides what happens without it.
  const kept = model.steps.filter(() => random.chance(0.75))
  const steps = kept.length > 0 ? kept : model.steps
  const gaps = random.pick([0.1, 0.3, 0.6])
  const length = random.between(3, random.chance(0.2) ? 25 : 12)
  const calls: Call[] = []
  for (let at = 0; at < length; at++) {
    const step = pickStep(steps, random)
    calls.push({ step: step.name, args: step.draw(random) })
    if (random.chance(gaps)) calls.push(pause(random, transport))
  }
  return { seed, transport, setup, calls }
}

function pickStep(steps: readonly Step<unknown>[], random: Random): Step<unknown> {
  let left = random.below(steps.reduce((sum, { weight }) => sum + weight, 0))
  for (const step of steps) {
    left -= step.weight
    if (left < 0) return step
  }
  return steps[0] as Step<unknown>
}

/** A sequence in words, a call a line. */
export function planText({ setup, calls }: Plan): string {
  const lines = calls.map(({ step, args }) => `    ${step} ${JSON.stringify(args)}`)
  return [`    open ${JSON.stringify(setup)}`, ...lines].join('\n')
}
