/** Every public member of every closed resource: it rejects, throws, fails or completes, and nothing waits for ever. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { isObservable, type Observable } from 'rxjs'
import t, { type Test } from 'tap'
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { createPeer } from '../../patterns/messaging/index.js'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createQueueHost } from '../../patterns/queue/index.js'
import { isRivuletError } from '../../src/errors/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import type { Stream } from '../../src/stream/index.js'
import { first, turn } from '../support/events.js'
import { everyName, everyResource } from '../support/every-resource.js'
import { Job } from '../support/job.js'
import {
  bindable,
  closedHandles,
  closedMembers,
  Look,
  type Members,
  type Outcome,
  type Uses,
} from './closed-members.js'

/** Turns of the event loop in which a promise of a closed resource settles. */
const mostTurns = 20

const pending = Symbol('pending')

async function soon<T>(promise: Promise<T>): Promise<T | typeof pending> {
  let isSettled = false
  const settled = promise.finally(() => {
    isSettled = true
  })
  settled.catch(() => {})
  for (let turns = 0; turns < mostTurns && !isSettled; turns++) await turn()
  return isSettled ? settled : pending
}

/** What becomes of a promise, by its name in the table. */
async function outcomeOf(promise: Promise<unknown>, isRejection: Outcome = 'rejects'): Promise<string> {
  try {
    const value = await soon(promise)
    return value === pending ? 'pending' : 'resolves'
  } catch (error) {
    return closedError(error, isRejection)
  }
}

/** The outcome that an error is; one that does not say RIVULET_CLOSED, or names its resource twice, is none. */
function closedError(error: unknown, outcome: Outcome): string {
  if (!isRivuletError(error) || error.code !== 'RIVULET_CLOSED') return `${outcome} with ${error}`
  return /^(.+): \1\b/.test(error.message) ? `names its resource twice: ${error.message}` : outcome
}

async function observed(shown: Observable<unknown>): Promise<string> {
  const done = new Promise<string>((resolve) => {
    shown.subscribe({
      next: (value) => resolve(`shows ${JSON.stringify(value)}`),
      error: (error: unknown) => resolve(closedError(error, 'fails')),
      complete: () => resolve('completes'),
    })
  })
  const outcome = await soon(done)
  return outcome === pending ? 'pending' : outcome
}

/** The outcome of an observable that is a stream as well, however it is consumed. */
async function streamed(shown: Observable<unknown>): Promise<string> {
  const outcome = await observed(shown)
  if (!(Symbol.asyncIterator in shown)) return outcome
  const stream = shown as Stream<unknown>
  const iterated = await outcomeOf(stream[Symbol.asyncIterator]().next(), 'fails')
  const processed = await observed(stream.process(() => 1))
  const asIterated = iterated === 'resolves' ? 'completes' : iterated
  return outcome === asIterated && outcome === processed ? outcome : `${outcome}, ${asIterated}, ${processed}`
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value
}

async function used(use: () => unknown): Promise<string> {
  let result: unknown
  try {
    result = use()
  } catch (error) {
    return closedError(error, 'throws')
  }
  if (isThenable(result)) return outcomeOf(Promise.resolve(result))
  return isObservable(result) ? streamed(result) : 'value'
}

async function checkMembers<Of extends object>(t: Test, it: Of, members: Members<Of>): Promise<void> {
  for (const name of Reflect.ownKeys(members) as (keyof Of & (string | symbol))[]) {
    const uses = members[name] as Uses<Of>
    for (const [outcome, use] of Object.entries(uses)) t.equal(await used(() => use(it)), outcome, String(name))
  }
}

/** Errors after the end of `errors` go to the channel alone, and are no warnings of this process. */
function quietly(t: Test): unknown[] {
  const errors: unknown[] = []
  const take = (message: unknown) => void errors.push(message)
  subscribe('rivulet:error', take)
  t.teardown(() => unsubscribe('rivulet:error', take))
  return errors
}

for (const name of everyName) {
  t.test(name, async (t) => {
    quietly(t)
    const runtime = createRuntime()
    t.teardown(() => runtime.close({ drain: false }))
    const open = await everyResource[name](runtime)
    const it = await open()
    await it.close({ timeoutMs: 200 })
    t.equal(it.status, 'closed')
    t.equal(it.connected, 0)
    await checkMembers(t, it as object, closedMembers[name] as Members<object>)
  })
}

t.test('what was had of a resource before it was closed', async (t) => {
  quietly(t)
  const runtime = createRuntime()
  t.teardown(() => runtime.close({ drain: false }))
  const publisher = await createPublisher({ bind: 'inproc://handles-topics', runtime })
  const topic = publisher.topic('jobs', Job)
  const host = await createQueueHost({ store: 'memory', queues: { jobs: {} }, runtime })
  const queue = host.queue('jobs')
  const producer = await createProducer({ host, queue: 'jobs', schema: Job })
  await producer.send({ id: 1 })
  const consumer = await createConsumer({ host, queue: 'jobs', schema: Job })
  const delivery = await first(consumer.deliveries)
  const peer = await createPeer({ name: 'anna', bind: 'inproc://handles-peer', runtime })
  const answering = peer.answer(Look, (query) => query)
  const { endpoint } = await createDirectoryHost({ bind: 'inproc://handles-directory', runtime })
  const directory = await createDirectory({ connect: endpoint, runtime })
  const announcement = await directory.announce('jobs', bindable)
  const streams = [consumer.deliveries, peer.messages(Job), peer.deliveries(Job)]
  t.notOk(answering.closed)
  t.notOk(announcement.closed)
  for (const one of [publisher, consumer, producer, host, peer, directory]) await one.close({ drain: false })
  t.ok(answering.closed)
  t.ok(announcement.closed)
  await checkMembers(t, topic, closedHandles.topic)
  await checkMembers(t, queue, closedHandles.queue)
  await checkMembers(t, delivery, closedHandles.delivery)
  t.match(delivery.signal.reason, { code: 'RIVULET_CLOSED' })
  await checkMembers(t, answering, closedHandles.answering)
  await checkMembers(t, announcement, closedHandles.announcement)
  await t.rejects(peer.whenConnected(), { message: /^peer 'anna': whenConnected: / })
  for (const stream of streams) t.equal(await used(() => stream), 'completes')
})
