/** Runs one sequence against its model, and says which promise it broke. */
import { turn } from '../support/events.js'
import { Broken, Lab } from './lab.js'
import type { AnyModel, Step } from './model.js'
import { type Plan, planText } from './plan.js'
import { tick } from './ticks.js'

/** What a sequence broke. */
export interface Failure {
  readonly plan: Plan
  /** What was broken. */
  readonly text: string
  /** After how many of its calls. */
  readonly calls: number
}

/** How a sequence went. */
export interface SequenceOutcome {
  readonly failure: Failure | undefined
  /** What nobody caught while it ran beside others. */
  readonly suspicion: string | undefined
}

/** Turns without a new call that a quiet moment takes. */
const quietTicks = 4

/** What stands between calls. */
const pauses: Record<string, (lab: Lab, args: never) => Promise<void>> = {
  microtask: () => Promise.resolve(),
  turn: () => turn(),
  tick: () => tick(),
  async quiet() {
    for (let ticks = 0; ticks < quietTicks; ticks++) await tick()
  },
  pass: (lab, { ms }: { ms: number }) => lab.pass(ms),
  async cut(lab, { how }: { how: 'reset' | 'end' }) {
    lab.cut(how)
  },
}

/** The places of sequences that are running: an uncaught error is one of theirs. */
export const running = new Set<Lab>()

/** Runs a sequence; never rejects. */
export async function runSequence(model: AnyModel, plan: Plan, mostTicks?: number): Promise<SequenceOutcome> {
  const lab = new Lab(plan.seed, plan.transport, mostTicks)
  running.add(lab)
  let calls = 0
  try {
    const world = await lab.within(model.open(lab, plan.setup), 'open')
    for (const { step, args } of plan.calls) {
      const pause = pauses[step]
      if (pause) await pause(lab, args as never)
      else {
        const result = stepOf(model, step).run(world, args as never)
        if (isPromise(result)) await lab.within(result, `${step} ${JSON.stringify(args)}`)
      }
      model.always?.(world)
      lab.throwIfBroken()
      calls += 1
    }
    await model.end(world)
    model.always?.(world)
    lab.throwIfBroken()
  } catch (error) {
    if (!(error instanceof Broken)) lab.expect(false, () => `thrown: ${error instanceof Error ? error.stack : error}`)
  }
  try {
    await lab.clear()
    // an error that nobody caught comes a turn later
    await turn()
    await lab.leave()
  } catch (error) {
    if (!(error instanceof Broken)) lab.expect(false, () => `clear: ${error instanceof Error ? error.stack : error}`)
    await lab.leave()
  }
  running.delete(lab)
  const { failure, suspicion } = lab
  return { failure: failure === undefined ? undefined : { plan, text: failure, calls }, suspicion }
}

function stepOf(model: AnyModel, name: string): Step<unknown> {
  const step = model.steps.find((one) => one.name === name)
  if (!step) throw new Error(`${model.name} has no step ${name}`)
  return step
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value
}

/** A failure in words. */
export function failureText({ plan, text, calls }: Failure): string {
  return `${text}\n  (${plan.transport}, in or after call ${calls})\n${planText(plan)}`
}
