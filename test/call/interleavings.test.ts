/**
 * Any order of starting, cancelling, answering, cutting and ending: the promises of calls, held by a model.
 *
 * Each call has exactly one outcome, none runs twice within a session, only idempotent ones run on a second one, what did
 * not run is never said to have, and nothing is left anywhere when all is over.
 */
import fc from 'fast-check'
import t from 'tap'
import type { CallContext } from '../../src/call/call-context.js'
import { isRivuletError } from '../../src/errors/index.js'
import type { Stream } from '../../src/stream/index.js'
import { Calling, type Started } from './calling.js'

const methods = ['double', 'look', 'count', 'sum', 'each', 'slow'] as const

type Step =
  | {
      readonly do: 'start'
      readonly method: (typeof methods)[number]
      readonly timeoutMs: number
      readonly waits: boolean
    }
  | { readonly do: 'cancel' | 'answer' | 'leave'; readonly which: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'deliver'; readonly pair: number; readonly toServer: boolean; readonly items: number }
  | { readonly do: 'cut' | 'resume' | 'end' | 'block' | 'unblock' | 'suspect'; readonly pair: number }
  | { readonly do: 'connect' | 'turn' | 'pump' }

const pair = fc.nat(2)
const start = fc.record({
  do: fc.constant('start' as const),
  method: fc.constantFrom(...methods),
  timeoutMs: fc.constantFrom(50, 200, Number.POSITIVE_INFINITY),
  waits: fc.boolean(),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: start },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cancel', 'answer', 'leave'), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(120) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      pair,
      toServer: fc.boolean(),
      items: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut', 'resume', 'block', 'unblock', 'suspect'), pair }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), pair }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('connect', 'turn', 'pump') }) },
)

interface Tracked extends Started {
  readonly method: (typeof methods)[number]
  readonly id: number
  seen: unknown[]
}

/** A client, servers on sessions that come and go, and what was seen of every call. */
class Model {
  readonly calls: Tracked[] = []
  /** The sessions on which each call ran. */
  readonly runs = new Map<number, unknown[]>()
  readonly #answers: (() => void)[] = []
  readonly calling: Calling

  constructor(windowBytes: number) {
    const ran = (id: number, { peer }: CallContext) => this.runs.set(id, [...(this.runs.get(id) ?? []), peer])
    const later = (id: number) =>
      new Promise((resolve) => {
        this.#answers.push(() => resolve(id * 2))
      })
    const numbered = (handle: (id: number) => unknown) => (request: unknown, context: CallContext) => {
      const { n } = request as { n: number }
      ran(n, context)
      return handle(n)
    }
    this.calling = new Calling(
      {
        double: numbered((id) => id * 2),
        look: numbered(later),
        text: () => '',
        count: numbered((id) => [id, id * 2]),
        sum: async (items, context) => {
          let first = -1
          for await (const { n } of items as Stream<{ n: number }>) {
            if (first < 0) ran(n, context)
            first = first < 0 ? n : first
          }
          return first * 2
        },
        each: async function* (items: unknown, context: CallContext) {
          let first = -1
          for await (const { n } of items as Stream<{ n: number }>) {
            if (first < 0) ran(n, context)
            first = first < 0 ? n : first
            yield n * 2
          }
        } as never,
      },
      { windowBytes, outboxBytes: 400 },
    )
  }

  async take(step: Step): Promise<void> {
    const { calling } = this
    switch (step.do) {
      case 'start':
        this.#start(step.method, step.timeoutMs, step.waits)
        return
      case 'cancel':
        this.calls[step.which]?.call.cancel()
        return
      case 'leave':
        await this.calls[step.which]?.responses?.[Symbol.asyncIterator]().return?.()
        return
      case 'answer':
        this.#answers.splice(step.which, 1)[0]?.()
        return
      case 'advance':
        calling.clock.advance(step.ms)
        return
      case 'connect':
        if (calling.pairs.filter(({ dialer }) => dialer.status !== 'ended').length < 3) calling.connect()
        return
      case 'turn':
        await new Promise(setImmediate)
        return
      case 'pump':
        calling.pump()
        return
      default:
        this.#onPair(step)
    }
  }

  /** Brings everything to its end. */
  async finish(): Promise<void> {
    for (const one of this.calling.pairs) {
      one.dialer.blocked = one.acceptor.blocked = false
      if (one.dialer.status === 'cut') one.resume()
    }
    this.calling.connect()
    for (let i = 0; i < 4; i++) {
      for (const answer of this.#answers.splice(0)) answer()
      await this.calling.settle()
    }
  }

  #start(method: Tracked['method'], timeoutMs: number, waits: boolean): void {
    const id = this.calls.length + 1
    const name = method === 'slow' ? 'look' : method
    const request = name === 'sum' || name === 'each' ? [{ n: id }, { n: id }] : { n: id }
    const options = { timeoutMs, waitForReady: waits, idempotent: method === 'slow' ? false : undefined }
    const tracked: Tracked = { ...this.calling.start(name, request, options), method, id, seen: [] }
    tracked.responses?.subscribe({
      next: (value) => tracked.seen.push(value),
      error: () => {},
    })
    this.calls.push(tracked)
  }

  #onPair(step: Step & { readonly pair: number }): void {
    const live = this.calling.pairs.filter(({ dialer }) => dialer.status !== 'ended')
    const one = live[step.pair]
    if (!one) return
    const { dialer, acceptor } = one
    if (step.do === 'cut' && dialer.status === 'live') one.cut()
    else if (step.do === 'resume' && dialer.status === 'cut') one.resume()
    else if (step.do === 'end') one.end()
    else if (step.do === 'block') dialer.blocked = acceptor.blocked = true
    else if (step.do === 'unblock') dialer.blocked = acceptor.blocked = false
    else if (step.do === 'suspect') dialer.become({ suspected: !dialer.suspected })
    else if (step.do === 'deliver') {
      const end = step.toServer ? acceptor : dialer
      ;(step.toServer ? dialer : acceptor).flush()
      end.deliver(step.items)
    }
  }
}

/** What is wrong with a call that is over, if anything. */
function wrong({ method, id, outcomes, seen }: Tracked, runs: readonly unknown[]): string | undefined {
  const name = `${method} ${id}`
  if (outcomes.length !== 1) return `${name} has ${outcomes.length} outcomes`
  if (new Set(runs).size !== runs.length) return `${name} ran twice within a session`
  const isIdempotent = method === 'look'
  if (runs.length > 1 && !isIdempotent) return `${name} ran on several sessions`
  const [outcome] = outcomes
  if (outcome instanceof Error) {
    if (!isRivuletError(outcome) || outcome.executed === undefined) return `${name}: ${String(outcome)}`
    if (outcome.executed === 'no' && runs.length > 0) return `${name} ran, and ${outcome.code} says that it did not`
    return undefined
  }
  if (runs.length === 0) return `${name} succeeded and did not run`
  if (outcome !== undefined && outcome !== id * 2) return `${name} has the response ${String(outcome)}`
  if (method === 'count' && seen.join() !== `${id},${id * 2}`) return `${name} has the responses ${seen.join()}`
  return undefined
}

t.test('the promises hold', async (t) => {
  let calls = 0
  let interrupted = 0
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 10, maxLength: 120, size: 'max' }),
    fc.constantFrom(1, 16, 131_072),
    async (steps, windowBytes) => {
      const model = new Model(windowBytes)
      for (const one of steps) await model.take(one)
      await model.finish()
      const faults = model.calls
        .map((one) => wrong(one, model.runs.get(one.id) ?? []))
        .filter((said) => said !== undefined)
      calls += model.calls.length
      interrupted += model.calls.filter(({ outcomes }) => outcomes[0] instanceof Error).length
      t.strictSame(faults, [])
      t.strictSame(model.calling.leftovers, {})
      t.strictSame(model.calling.errors, [])
      return faults.length === 0 && Object.keys(model.calling.leftovers).length === 0
    },
  )
  await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 150) })
  t.ok(calls > 1000 && interrupted > 100, `${calls} calls, ${interrupted} of them interrupted`)
})
