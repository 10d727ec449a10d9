/**
 * `npm run soak -- topics [--case NAME] [--resets N] [--messages N] [--subscriptions N] [--seed S] [--json]`: topics over TCP,
 * the publisher in a process of its own.
 *
 * Held, by case: `resets`, a connection that is reset and loses a second of its bytes under load: every message arrives once
 * and in order. `burst`, over a high-water mark of 1 on both sides: the same. `tenth`, where history has room for a tenth:
 * gaps and messages add up to what was published. `restart`, `restart-path`: 50,000 subscriptions of one subscriber hold
 * after the publisher is killed and comes back. `sleepers`: 200 subscribers of which ten stand still: the others get
 * everything, and the publisher has less than 300 MB.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createSubscriber, type PublisherOptions, type PublisherStats } from '../../patterns/pubsub/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { plainPath, writePlain } from '../../tools/plain.js'
import type { Crowd, Order } from '../pubsub/acceptance-process.js'
import { CuttingProxy } from '../pubsub/cutting-proxy.js'
import { NumberCheck } from '../pubsub/number-check.js'
import { linkState } from '../support/events.js'
import { Job } from '../support/job.js'
import { OwnScope } from '../support/scope.js'
import { seeded } from '../support/seeded.js'

const { values } = parseArgs({
  options: {
    case: { type: 'string' },
    resets: { type: 'string', default: '100' },
    messages: { type: 'string', default: '1000000' },
    subscriptions: { type: 'string', default: '50000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'boolean', default: false },
  },
})

/** What a case measured, and what it found wrong. */
interface Outcome {
  readonly figures: Readonly<Record<string, unknown>>
  readonly faults: readonly string[]
}

/** What a publisher answers to an order. */
interface Answer {
  readonly published: number
  readonly stats: PublisherStats
  readonly reported: Readonly<Record<string, number>>
  readonly peakMb: number
}

/** What a process with many subscribers has seen. */
interface CrowdAnswer {
  readonly delivered: number
  readonly missed: number
  readonly reasons: Readonly<Record<string, number>>
  readonly repaired: number
  readonly faults: readonly string[]
  readonly reported: Readonly<Record<string, number>>
  readonly peakMb: number
}

const memoryLimitMb = 300
const caseLimitMs = 300_000
const bind = 'tcp://127.0.0.1:*'
const messages = Number(values.messages)
const seed = Number(values.seed)
const plain = writePlain()
const program = plainPath(plain, 'test/pubsub/acceptance-process.ts')

const cases: Readonly<Record<string, (scope: OwnScope) => Promise<Outcome>>> = {
  resets,
  burst: (scope) => burst(scope, {}),
  tenth: (scope) => burst(scope, { maxMessages: messages / 10 }),
  restart: (scope) => restart(scope, undefined),
  'restart-path': async (scope) => {
    const path = mkdtempSync(join(tmpdir(), 'rivulet-soak-'))
    scope.teardown(() => rmSync(path, { recursive: true }))
    return restart(scope, { path })
  },
  sleepers,
}

try {
  const names = Object.keys(cases).filter((name) => name === (values.case ?? name))
  if (names.length === 0) throw new Error(`there is no case ${values.case}; there are ${Object.keys(cases).join(', ')}`)
  for (const name of names) await run(name)
} finally {
  rmSync(plain, { recursive: true })
}
// a case that did not end in time leaves what it waits for
process.exit()

async function run(name: string): Promise<void> {
  const scope = new OwnScope()
  const started = performance.now()
  const late = delay(caseLimitMs, undefined, { ref: false }).then(() => ({
    figures: {},
    faults: [`it did not end within ${caseLimitMs / 1000} s`],
  }))
  const failed = (error: unknown) => ({ figures: {}, faults: [String(error)] })
  const outcome = await Promise.race([cases[name]?.(scope).catch(failed) ?? late, late])
  const seconds = Math.round((performance.now() - started) / 100) / 10
  await scope.end()
  if (outcome.faults.length > 0) process.exitCode = 1
  if (values.json) {
    console.log(JSON.stringify({ case: name, seed, seconds, ...outcome }))
    return
  }
  const figures = Object.entries(outcome.figures).map(([key, value]) => `${key} ${JSON.stringify(value)}`)
  console.log(`${name}: ${figures.join(', ')}, ${seconds} s`)
  console.log(outcome.faults.length > 0 ? `FAILED: ${outcome.faults.slice(0, 10).join('; ')}` : 'ok')
}

async function resets(scope: OwnScope): Promise<Outcome> {
  const random = seeded(seed)
  const { endpoint, order } = await publisher(scope, { bind, history: {} })
  const proxy = await CuttingProxy.open(scope, endpoint)
  const subscriber = await createSubscriber({ connect: proxy.endpoint })
  scope.teardown(() => subscriber.close({ drain: false }))
  const check = new NumberCheck(subscriber.events('a', Job))
  await subscriber.ready
  await order({ kind: 'stream', each: 20, everyMs: 2 })
  let swallowed = 0
  const rounds = Number(values.resets)
  for (let round = 0; round <= rounds; round++) {
    await check.when(check.last + 200)
    proxy.swallowing = true
    // the last round is the hole
    await delay(round === rounds ? 1000 : random() * 20)
    swallowed += proxy.swallowed
    proxy.swallowed = 0
    const cut = linkState(subscriber, 'disconnected')
    proxy.cut()
    await cut
    await subscriber.ready
  }
  const { published, stats, peakMb } = await order({ kind: 'stop' })
  await check.when(published)
  return whole(check, published, stats, subscriber.stats(), { resets: rounds, swallowedBytes: swallowed, peakMb })
}

async function burst(scope: OwnScope, history: NonNullable<PublisherOptions['history']>): Promise<Outcome> {
  // small frames, or the queues of the library would hold most of the burst
  const options = { bind, history, highWaterMark: 1, slowSubscribers: 'drop', maxBatchMessages: 100 } as const
  const { endpoint, order } = await publisher(scope, options)
  const subscriber = await createSubscriber({ connect: endpoint, highWaterMark: 1 })
  scope.teardown(() => subscriber.close({ drain: false }))
  subscriber.errors.subscribe() // that its stream is slow is meant
  const { promise: held, resolve: release } = deferred()
  let isHeld = false
  const events = subscriber.events('a', Job).process((event) => (isHeld ? held.then(() => event) : event))
  const check = new NumberCheck(events)
  await subscriber.ready
  // a first message: from here on, every missing one is named
  await order({ kind: 'burst', count: 1 })
  await check.when(1)
  isHeld = true
  const started = performance.now()
  // the consumer stands still for half of it, and is behind for the rest
  await order({ kind: 'burst', count: messages / 2 })
  isHeld = false
  release()
  const { published, stats, peakMb } = await order({ kind: 'burst', count: messages - messages / 2 - 1 })
  const sendMs = Math.round(performance.now() - started)
  await check.when(published)
  return whole(check, published, stats, subscriber.stats(), { sendMs, peakMb }, history.maxMessages !== undefined)
}

/** Compares what one subscriber got with what was published. */
function whole(
  check: NumberCheck,
  published: number,
  stats: PublisherStats,
  counts: { readonly repaired: number; readonly expired: number; readonly pending: number },
  more: Readonly<Record<string, number>>,
  mayMiss = false,
): Outcome {
  const { delivered, missed, reasons } = check
  const { repaired, expired, pending } = counts
  const faults = [...check.faults]
  if (delivered + missed !== published) faults.push(`${delivered} messages and ${missed} in gaps of ${published}`)
  if (!mayMiss && missed > 0) faults.push(`${missed} are missing`)
  if (mayMiss && (missed === 0 || expired !== missed)) faults.push(`${missed} in gaps, ${expired} of them expired`)
  if (repaired === 0) faults.push('nothing was lost in transit: this run shows nothing')
  if (pending > 0) faults.push(`${pending} are still pending`)
  const { messages: kept, bytes } = stats.history
  const figures = { published, delivered, missed, reasons, repaired, ...more, kept, keptBytes: bytes }
  return { figures, faults }
}

async function restart(scope: OwnScope, history: PublisherOptions['history']): Promise<Outcome> {
  const topics = Number(values.subscriptions)
  // without history nothing repairs what a queue of the library does not take
  const rest = history ? { history } : ({ slowSubscribers: 'wait' } as const)
  const options: PublisherOptions = { bind, subscriptionBytes: 64 * 1024 * 1024, ...rest }
  const former = await publisher(scope, options)
  const subscriber = await createSubscriber({ connect: former.endpoint })
  scope.teardown(() => subscriber.close({ drain: false }))
  const faults: string[] = []
  const came = new Map<string, number>()
  const publishers: string[] = []
  let [delivered, awaited] = [0, 0]
  let resolve = () => {}
  for (let n = 0; n < topics; n++) {
    subscriber.events(`t.${n}`, Job).subscribe((event) => {
      if (!publishers.includes(event.publisher)) publishers.push(event.publisher)
      const due = (came.get(event.topic) ?? 0) + 1
      came.set(event.topic, due)
      if (event.kind === 'gap') faults.push(`a gap on ${event.topic}, ${event.reason}`)
      else if (event.value.id !== due) faults.push(`${event.topic}: ${event.value.id} where ${due} was due`)
      else if (event.sequence !== (history ? due : 1)) faults.push(`${event.topic}: number ${event.sequence}`)
      if (++delivered === awaited) resolve()
    })
  }
  /** Sends one message on each topic, and measures how long it takes until all are here. */
  const spread = async (order: (order: Order) => Promise<Answer>, id: number) => {
    awaited = topics * id
    const all = new Promise<void>((done) => {
      resolve = done
    })
    const { peakMb } = await order({ kind: 'spread', topics, id })
    await all
    return peakMb
  }
  const started = performance.now()
  await subscriber.ready
  const readyMs = Math.round(performance.now() - started)
  await spread(former.order, 1)
  const cut = linkState(subscriber, 'disconnected')
  former.child.kill('SIGKILL')
  await cut
  const killed = performance.now()
  const { order } = await publisher(scope, { ...options, bind: former.endpoint })
  await subscriber.ready
  const readyAgainMs = Math.round(performance.now() - killed)
  const peakMb = await spread(order, 2)
  if (came.size !== topics) faults.push(`${came.size} topics of ${topics}`)
  if (publishers.length !== (history ? 1 : 2)) faults.push(`${publishers.length} publishers`)
  return { figures: { topics, delivered, readyMs, readyAgainMs, publishers: publishers.length, peakMb }, faults }
}

async function sleepers(scope: OwnScope): Promise<Outcome> {
  const published = messages / 10
  const { endpoint, order } = await publisher(scope, { bind, history: {} })
  const crowds = await Promise.all([95, 95, 10].map((count) => crowd(scope, endpoint, count, published)))
  const asleep = crowds.pop() as Awaited<ReturnType<typeof crowd>>
  asleep.child.kill('SIGSTOP')
  scope.teardown(() => asleep.child.kill('SIGKILL'))
  const others = Promise.all(crowds.map(({ child }) => answer<CrowdAnswer>(child)))
  const started = performance.now()
  await order({ kind: 'stream', each: 100, everyMs: 10, count: published, noteBytes: 400 })
  const sendMs = Math.round(performance.now() - started)
  const awake = await others
  const awakeMs = Math.round(performance.now() - started)
  const { peakMb } = await order({ kind: 'stats' })
  const woken = answer<CrowdAnswer>(asleep.child)
  asleep.child.kill('SIGCONT')
  const slept = await woken
  const end = await order({ kind: 'stats' })
  const total = (count: (answer: CrowdAnswer) => number) => awake.reduce((sum, found) => sum + count(found), 0)
  const [delivered, missed] = [total((found) => found.delivered), total((found) => found.missed)]
  const faults = [...awake, slept].flatMap((found) => found.faults)
  if (delivered !== 190 * published) faults.push(`${delivered} of ${190 * published}, ${missed} in gaps`)
  if (slept.delivered + slept.missed !== 10 * published) faults.push('sums of the sleepers do not add up')
  if (slept.repaired + slept.missed === 0) faults.push('the sleepers lost nothing: this run shows nothing')
  if (end.peakMb >= memoryLimitMb) faults.push(`${end.peakMb} MB in the publisher`)
  const figures = {
    published,
    delivered,
    repaired: total((found) => found.repaired),
    reasons: [...awake, slept].map((found) => found.reasons),
    sleepers: { delivered: slept.delivered, missed: slept.missed, repaired: slept.repaired },
    sendMs,
    awakeMs,
    publisherPeakMb: { asleep: Math.round(peakMb), woken: Math.round(end.peakMb) },
    keptBytes: end.stats.history.bytes,
    reported: [...awake, slept].map((found) => found.reported),
    subscriberPeakMb: awake.map((found) => Math.round(found.peakMb)),
  }
  return { figures, faults }
}

/** A publisher in a process of its own. */
async function publisher(scope: OwnScope, options: PublisherOptions) {
  const child = start(scope, 'publish', options)
  const { endpoint } = await answer<{ endpoint: string }>(child)
  const order = (text: Order): Promise<Answer> => {
    const answered = answer<Answer>(child)
    child.send(text)
    return answered
  }
  return { child, endpoint, order }
}

/** So many subscribers in one process; resolves when all are ready. */
async function crowd(scope: OwnScope, connect: string, subscribers: number, count: number) {
  const child = start(scope, 'subscribe', { connect, subscribers, messages: count } satisfies Crowd)
  await answer(child)
  return { child }
}

function start(scope: OwnScope, role: 'publish' | 'subscribe', settings: unknown): ChildProcess {
  const child = fork(program, [role, JSON.stringify(settings)], { execArgv: [] })
  scope.teardown(() => child.kill('SIGKILL'))
  return child
}

/** The next message of a child; a child that dies instead fails the case. */
async function answer<T>(child: ChildProcess): Promise<T> {
  const died = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`a process of the soak ended with ${code ?? signal}`)
  })
  died.catch(() => {})
  return ((await Promise.race([once(child, 'message'), died])) as [T])[0]
}
