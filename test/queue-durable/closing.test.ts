/** Closing in every state: what was promised is kept, what was not is told, and nothing is left behind. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createConsumer, createProducer, createQueueHost } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place, transports } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { countsOf, failure, folder, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

eachTransport(t, 'a producer waits until everything is confirmed', async (t, place) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host)
  const sends = jobs(500).map(({ id }) => producer.send({ id }))
  for (const { id } of jobs(500, 500)) producer.next({ id })
  const closing = producer.close()
  t.match(await failure(producer.send({ id: 1 })), { code: 'RIVULET_CLOSED' })
  t.match(await failure(producer.sendAll([{ id: 1 }])), { code: 'RIVULET_CLOSED' })
  t.strictSame(await closing, { undelivered: 0 })
  await Promise.all(sends)
  t.equal(host.queue('jobs').stats().stored, 1000)
  t.match(producer.stats(), { accepted: 1000, sent: 1000, pending: 0, refused: { closed: 1 } })
})

t.test('a producer without a host says what did not leave', async (t) => {
  const { runtime } = place(t, 'tcp')
  const producer = await createProducer({ connect: 'tcp://127.0.0.1:9', runtime, queue: 'jobs', schema: Job })
  producer.errors.subscribe()
  const sends = jobs(3).map(({ id }) => failure(producer.send({ id })))
  t.strictSame(await producer.close({ timeoutMs: 30 }), { undelivered: 3 })
  for (const error of await Promise.all(sends)) t.match(error, { code: 'RIVULET_CLOSED', executed: 'no' })
  t.match(producer.stats(), { accepted: 3, pending: 0, dropped: { closed: 3 } })
})

t.test('who never had a host has nothing to wait for', async (t) => {
  // a clock that stands still: there is no time that could be over
  const { runtime } = place(t, 'inproc', { clock: new VirtualClock() })
  const options = { connect: 'inproc://nobody', runtime, queue: 'jobs', schema: Job }
  const resources = [await createProducer(options), await createConsumer(options)]
  await new Promise(setImmediate)
  for (const resource of resources) t.strictSame(await resource.close(), { undelivered: 0 })
})

eachTransport(t, 'a consumer gives back what was not handed out, and waits for the rest', async (t, place) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host)
  const consumer = await openConsumer(place, host, { prefetch: 10 })
  await producer.sendAll(jobs(10))
  const work: (() => void)[] = []
  let complete = false
  consumer
    .process(() => new Promise<void>((resolve) => work.push(resolve)), { concurrency: 3 })
    .subscribe({
      complete: () => {
        complete = true
      },
    })
  await until(() => work.length === 3 && consumer.stats().received === 10)
  const closing = consumer.close()
  await countsOf(host, ({ ready, leased }) => ready === 7 && leased === 3)
  t.equal(consumer.status, 'closing')
  for (const finish of work) finish()
  t.strictSame(await closing, { undelivered: 0 })
  t.equal(complete, true)
  t.match(host.queue('jobs').stats(), { ready: 7, leased: 0, acked: 3, delivered: 10, nacked: 0 })
  t.match(consumer.stats(), { received: 10, delivered: 3, pending: 0, dropped: { closed: 7 }, unsettled: 0 })
})

for (const transport of transports) {
  t.test(`what is not settled in time goes back (${transport})`, async (t) => {
    // a clock that stands still, so that the moment for the farewell is long enough
    const here = place(t, transport, { clock: new VirtualClock() })
    const host = await openHost(here)
    const producer = await openProducer(here, host)
    const consumer = await openConsumer(here, host)
    await producer.sendAll(jobs(2))
    const taken = new Taken(consumer)
    const [first, second] = [await taken.at(0), await taken.at(1)]
    await second.ack()
    const { signal } = first
    t.strictSame(await consumer.close({ drain: false }), { undelivered: 1 })
    t.equal(signal.aborted, true)
    t.match(await failure(first.ack()), { code: 'RIVULET_CLOSED' }, 'it was given up')
    await countsOf(host, ({ ready }) => ready === 1)
    t.match((await host.queue('jobs').peek())[0]?.history, [{ cause: 'nack', reason: /closed/ }])
  })
}

t.test('what was said last is heard, also in process', async (t) => {
  // a clock that stands still, so that the moment for the farewell is long enough
  const here = place(t, 'inproc', { clock: new VirtualClock() })
  const host = await openHost(here)
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.send({ id: 1 })
  const acked = (await new Taken(consumer).at(0)).ack()
  await consumer.close({ drain: false })
  await acked
  t.match(host.queue('jobs').stats(), { depth: 0, acked: 1 })
})

for (const drain of [true, false]) {
  t.test(`what is on its way to a consumer that closes goes back (drain: ${drain})`, async (t) => {
    const here = place(t, 'tcp')
    const host = await openHost(here)
    const producer = await openProducer(here, host, { host })
    const consumer = await openConsumer(here, host)
    const taken = new Taken(consumer)
    await producer.send({ id: 0 })
    await (await taken.at(0)).ack()
    await producer.send({ id: 1 }) // dealt out by the same write, and confirmed before that can have crossed the network
    t.strictSame(await consumer.close({ drain }), { undelivered: 0 })
    t.strictSame(taken.ids, [0])
    await countsOf(host, ({ leased, ready }) => leased === 0 && ready === 1)
    t.match(await host.queue('jobs').peek(), [{ attempts: 0 }])
  })
}

t.test('what is stored while a consumer closes is left to others, at whatever moment', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { path: folder(t, here) })
  const producer = await openProducer(here, host, { host })
  for (const where of [{ host }, { connect: host.endpoint }]) {
    for (let turns = 0; turns < 8; turns++) {
      const consumer = await openConsumer(here, host, where)
      const subscription = consumer.deliveries.subscribe(() => {})
      await countsOf(host, ({ consumers }) => consumers === 1)
      subscription.unsubscribe() // what comes is not handed out
      const sent = producer.send({ id: turns })
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
      t.strictSame(await consumer.close({ drain: turns % 2 === 0 }), { undelivered: 0 })
      await sent
      await countsOf(host, ({ leased, ready }) => leased === 0 && ready === 1)
      t.match(await host.queue('jobs').peek(), [{ attempts: 0 }])
      await host.queue('jobs').purge()
    }
  }
})

t.test('an unsettled delivery keeps a consumer for as long as it may, and no longer', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.send({ id: 1 })
  await new Taken(consumer).at(0)
  t.strictSame(await consumer.close({ timeoutMs: 50 }), { undelivered: 1 })
  await countsOf(host, ({ ready, consumers }) => ready === 1 && consumers === 0)
})

eachTransport(t, 'what goes back does not come again to the consumer that closes', async (t, place) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host)
  for (const where of [{ host }, { connect: host.endpoint }]) {
    const before = host.queue('jobs').stats().delivered
    const consumer = await openConsumer(place, host, { ...where, prefetch: 1000 })
    await producer.send({ id: 1 })
    await new Taken(consumer).at(0)
    t.strictSame(await consumer.close({ timeoutMs: 10 }), { undelivered: 1 })
    await countsOf(host, ({ ready, consumers }) => ready === 1 && consumers === 0)
    t.ok(host.queue('jobs').stats().delivered - before <= 2, 'it has had it once, and once more on its way out at most')
    await host.queue('jobs').purge()
  }
})

t.test('what is said of a delivery when its consumer is closed has an outcome', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const producer = await openProducer(here, host, { host })
  for (const where of [{ host }, { connect: host.endpoint }]) {
    for (const isSettled of [true, false]) {
      await producer.send({ id: 1 })
      const consumer = await openConsumer(here, host, { ...where, prefetch: 1 })
      const delivery = await new Taken(consumer).at(0)
      if (isSettled) await delivery.ack()
      await consumer.close({ drain: false })
      for (const say of ['extend', 'extend', 'ack'] as const) {
        // the first word counts; of what is settled there is nothing to extend
        if (isSettled) await delivery[say]()
        else t.match(await failure(delivery[say]()), { code: 'RIVULET_CLOSED' })
      }
    }
    await host.queue('jobs').purge()
  }
})

t.test('what goes back in process has gone back when the consumer is closed', async (t) => {
  // a clock that stands still, so that the moment for the farewell is long enough
  const here = place(t, 'inproc', { clock: new VirtualClock() })
  const host = await openHost(here, { path: folder(t, here) })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.send({ id: 1 })
  await new Taken(consumer).at(0)
  t.strictSame(await consumer.close({ drain: false }), { undelivered: 1 })
  t.match(host.queue('jobs').stats(), { ready: 1, leased: 0, nacked: 1, consumers: 0 })
})

eachTransport(t, 'a host that closes tells what it has taken', async (t, place) => {
  const path = folder(t, place)
  const host = await openHost(place, { path })
  const producer = await openProducer(place, host)
  producer.errors.subscribe()
  const sends = jobs(300).map(({ id }) => producer.send({ id }))
  await sends[0]
  t.strictSame(await host.close(), { undelivered: 0 })
  const again = await openHost({ ...place, bind: host.endpoint || place.bind }, { path })
  await Promise.all(sends)
  t.match(again.queue('jobs').stats(), { depth: 300 })
})

t.test('what lives in process closes with its host', async (t) => {
  const here = place(t, 'inproc')
  const host = await createQueueHost({ store: 'memory', runtime: here.runtime, queues: { jobs: {} } })
  t.strictSame(host.endpoints, [])
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  t.match([producer.connected, consumer.connected], [1, 1])
  await producer.whenConnected({ timeoutMs: 0 })
  producer.next({ id: 1 })
  const taken = new Taken(consumer)
  await taken.at(0)
  await host.close()
  await Promise.all([producer.whenClosed, consumer.whenClosed])
  t.match([producer.connected, consumer.connected], [0, 0])
  t.match(producer.stats(), { accepted: 1, sent: 1 })
  t.match(host.stats(), { queues: 2, stored: 1 }, 'the last counts stay')
})

t.test('nothing opens in process at a host that is closing or closed', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const closing = host.close()
  for (const moment of ['closing', 'closed']) {
    t.equal(host.status, moment)
    t.match(await failure(openProducer(here, host, { host })), { code: 'RIVULET_CLOSED' })
    t.match(await failure(openConsumer(here, host, { host })), { code: 'RIVULET_CLOSED' })
    await closing
  }
})

t.test('a host that closes takes nothing more of those in process', async (t) => {
  const clock = new VirtualClock() // stands still: only what was taken can end the wait
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here, { path: folder(t, here) })
  const producer = await openProducer(here, host, { host })
  producer.errors.subscribe()
  let sent = 0
  const load = Array.from({ length: 20 }, async (_, turns) => {
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    for (;;) {
      const result = await producer.send({ id: turns }).catch(() => undefined)
      if (result === undefined) return
      sent += 1
    }
  })
  await until(() => sent > 500)
  await host.close()
  await Promise.all(load)
  t.equal(host.queue('jobs').stats().stored, sent)
})

t.test('signals, runtimes and repeated calls', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const aborted = { code: 'RIVULET_ABORTED' }
  const signal = AbortSignal.abort()
  await t.rejects(createQueueHost({ store: 'memory', bind, runtime, signal }), aborted)
  await t.rejects(createProducer({ connect: 'tcp://127.0.0.1:9', runtime, queue: 'q', schema: Job, signal }), aborted)
  await t.rejects(createConsumer({ connect: 'tcp://127.0.0.1:9', runtime, queue: 'q', schema: Job, signal }), aborted)
  const controller = new AbortController()
  const host = await createQueueHost({ store: 'memory', bind, runtime, signal: controller.signal })
  const closing = host.whenClosed
  controller.abort()
  await closing
  t.equal(host.status, 'closed')
  t.equal(host.close(), host.close())
  const own = createRuntime()
  const other = await createQueueHost({ store: 'memory', bind, runtime: own })
  await own.close()
  t.equal(other.closed, true)
})

t.test('a folder that holds something else, or the half of a store, is refused and left as it is', async (t) => {
  const here = place(t, 'inproc')
  const path = folder(t, here)
  const host = await openHost(here, { path })
  await host.close()
  const file = join(path, 'data.mdb')
  const whole = readFileSync(file)
  for (const [bytes, code] of [
    [Buffer.from('a diary '.repeat(2000)), 'RIVULET_STORE_FORMAT'],
    [whole.subarray(0, 6000), 'RIVULET_STORE_CORRUPT'],
    [Buffer.alloc(0), 'RIVULET_STORE_CORRUPT'],
  ] as const) {
    writeFileSync(file, bytes)
    await t.rejects(openHost(here, { path }), { code })
    t.ok(readFileSync(file).equals(bytes))
  }
  await t.rejects(openHost(here, { path: file }), { code: 'RIVULET_STORE_FAILED' })
  writeFileSync(file, whole)
  await (await openHost(here, { path })).close()
})

t.test('a host whose runtime closes while it opens lets go of its folder', async (t) => {
  const here = place(t, 'inproc')
  for (const bind of [[], ['tcp://127.0.0.1:*']]) {
    const path = folder(t, here)
    const runtime = createRuntime()
    const opening = failure(createQueueHost({ path, runtime, ...(bind.length > 0 && { bind }) }))
    await runtime.close()
    t.match(await opening, { code: 'RIVULET_CLOSED' })
    await (await createQueueHost({ path, runtime: here.runtime })).close()
  }
})

t.test('a folder is for one host, and is free when it is closed', async (t) => {
  const here = place(t, 'tcp')
  const path = folder(t, here)
  const host = await openHost(here, { path })
  await t.rejects(openHost(here, { path }), { code: 'RIVULET_STORE_LOCKED' })
  await host.close({ drain: false })
  const next = await openHost(here, { path })
  t.ok(next.stats().storage.file > 0)
  t.match(next.stats(), { queues: 2, depth: 0, sessions: 0, clients: 0, strayFrames: 0 })
  await next.close()
  t.ok(next.stats().storage.file > 0, 'also afterwards')
  const unbindable = openHost({ ...here, bind: 'tcp://256.0.0.1:1' }, { path })
  t.match(await failure(unbindable), { code: /RIVULET_(INVALID_ENDPOINT|BIND_FAILED|INSECURE_BIND)/ })
  await (await openHost(here, { path })).close() // what could not be bound has let go of it
})

t.test('errors of one resource are its own', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const errors = watch(host)
  const producer = await openProducer(here, host)
  await producer.send({ id: 1 })
  await producer.close()
  await countsOf(host, () => host.stats().clients === 0)
  t.strictSame(errors, [])
})

t.test('a host whose folder was deleted meanwhile closes', async (t) => {
  const path = folder(t)
  const host = await openHost(place(t, 'inproc'), { path })
  rmSync(path, { recursive: true })
  t.strictSame([host.stats().storage.file, await host.close()], [0, { undelivered: 0 }])
})
