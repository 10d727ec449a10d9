/** `process`: settles what it works on, keeps its leases, bounds its work, and leaves nothing behind. */
import { firstValueFrom, lastValueFrom, NEVER, of, Subject } from 'rxjs'
import t from 'tap'
import type { Delivery } from '../../patterns/queue/index.js'
import { until } from '../support/events.js'
import { type Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { rejections, untouchables } from '../support/untouchable.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { countsOf, openConsumer, openHost, openProducer, watch } from './queues.js'

eachTransport(t, 'work that is done is acknowledged, work that fails comes again', async (t, place) => {
  const host = await openHost(place, { queues: { jobs: { backoff: { initialMs: 0 }, maxAttempts: 2 } } })
  const producer = await openProducer(place, host)
  const consumer = await openConsumer(place, host)
  const errors = watch(consumer)
  await producer.sendAll(jobs(20))
  const results: string[] = []
  consumer
    .process(
      ({ id }, delivery) => {
        const name = `${id}.${delivery.attempt}`
        if (id % 4 === 1 && delivery.attempt === 1) throw new Error('thrown')
        if (id % 4 === 2 && delivery.attempt === 1) return Promise.reject(new Error('rejected'))
        if (id % 4 === 3) return of(name, 'more')
        return id === 4 ? Promise.reject(new Error('always')) : Promise.resolve(name)
      },
      { concurrency: 4 },
    )
    .subscribe((result) => results.push(result))
  await countsOf(host, ({ depth }) => depth === 0)
  const expected = jobs(20).flatMap(({ id }) => {
    if (id === 4) return []
    if (id % 4 === 3) return [`${id}.1`, 'more']
    return [`${id}.${id % 4 === 0 ? 1 : 2}`]
  })
  t.strictSame(results.sort(), expected.sort())
  t.match(host.queue('jobs').stats(), { acked: 19, nacked: 12, deadLettered: 1, stale: 0 })
  t.match(await host.queue('jobs.dead').peek(), [{ history: [{}, { reason: 'Error: always' }] }])
  t.equal(errors.length, 12)
  for (const error of errors) t.match(error, { code: 'RIVULET_HANDLER_FAILED' })
})

t.test('no more is in work than its concurrency, and no more is here than the prefetch', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host, { prefetch: 6 })
  await producer.sendAll(jobs(30))
  const open: Subject<number>[] = []
  let most = 0
  const working = consumer
    .process(
      () => {
        const work = new Subject<number>()
        open.push(work)
        most = Math.max(most, open.length)
        return work
      },
      { concurrency: 4 },
    )
    .subscribe()
  for (let done = 0; done < 30; done++) {
    await until(() => open.length === Math.min(4, 30 - done))
    t.ok(host.queue('jobs').stats().leased <= 6)
    open.shift()?.complete()
  }
  await countsOf(host, ({ acked }) => acked === 30)
  t.equal(most, 4)
  working.unsubscribe()
})

t.test('a lease lasts as long as the work', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here, { queues: { jobs: { leaseMs: 5000 } } })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.send({ id: 1 })
  const work = new Subject<void>()
  let given: Delivery<Job> | undefined
  const results: string[] = []
  consumer
    .process((_, delivery) => {
      given = delivery
      return work
    })
    .subscribe({ complete: () => results.push('complete') })
  await until(() => given !== undefined)
  for (let second = 0; second < 60; second++) {
    clock.advance(1000)
    await new Promise(setImmediate)
  }
  t.equal(given?.signal.aborted, false)
  t.match(host.queue('jobs').stats(), { leased: 1, delivered: 1, leasesLost: 0 })
  work.complete()
  await countsOf(host, ({ depth }) => depth === 0)
  t.match(host.queue('jobs').stats(), { acked: 1, delivered: 1 })
})

t.test('work that is given up goes back at once', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host, { prefetch: 4 })
  await producer.sendAll(jobs(3))
  let begun = 0
  const working = consumer
    .process(
      () => {
        begun += 1
        return NEVER
      },
      { concurrency: 2 },
    )
    .subscribe()
  await until(() => begun === 2)
  working.unsubscribe()
  await countsOf(host, ({ nacked }) => nacked === 2)
  const attempts: [number, number][] = []
  consumer.process(({ id }, { attempt }) => void attempts.push([id, attempt])).subscribe()
  await countsOf(host, ({ depth }) => depth === 0)
  t.strictSame(attempts.sort(), [
    [0, 2],
    [1, 2],
    [2, 1],
  ])
})

t.test('work that has its value is done, also for who leaves with it', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.sendAll(jobs(3))
  t.equal(await firstValueFrom(consumer.process(async ({ id }) => id)), 0)
  t.equal(await firstValueFrom(consumer.process(({ id }) => id)), 1)
  await countsOf(host, ({ acked }) => acked === 2)
  // of an observable nobody knows before it completes
  t.equal(await firstValueFrom(consumer.process(({ id }) => of(id, 'more'))), 2)
  await countsOf(host, ({ nacked }) => nacked === 1)
  t.match(host.queue('jobs').stats(), { depth: 1, acked: 2 })
})

t.test('a handler may settle its delivery itself', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  const errors = watch(consumer)
  await producer.sendAll(jobs(3))
  consumer
    .process(async ({ id }, delivery) => {
      if (id === 0) await delivery.reject('by hand')
      if (id === 1) await delivery.nack({ delayMs: 60_000 })
    })
    .subscribe()
  await countsOf(host, ({ acked, deadLettered, delayed }) => acked === 1 && deadLettered === 1 && delayed === 1)
  t.strictSame(errors, [])
})

t.test('deliveries are for one', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  const first = consumer.deliveries.subscribe()
  const already = { code: 'RIVULET_ALREADY_CONSUMED' }
  const failures: unknown[] = []
  const error = (cause: unknown) => failures.push(cause)
  consumer.deliveries.subscribe({ error })
  consumer.process(() => 1).subscribe({ error })
  consumer.deliveries.process(() => 1).subscribe({ error })
  t.match(failures, [already, already, already])
  await t.rejects(async () => {
    for await (const _ of consumer.deliveries) t.fail('it has a subscriber')
  }, already)
  first.unsubscribe()
  await producer.send({ id: 1 })
  for await (const delivery of consumer.deliveries) {
    await delivery.ack()
    break
  }
  const again = consumer.process(({ id }) => id).subscribe({ error })
  t.equal(failures.length, 3)
  again.unsubscribe()
  t.throws(() => consumer.process(() => 1, { concurrency: 0 }), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => consumer.process({ work: 1 } as never), /process: project must be a function, received an object/)
})

t.test('an iterator that has left takes nothing from who came after it', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const consumer = await openConsumer(here, host, { host })
  const iterator = consumer.deliveries[Symbol.asyncIterator]()
  await iterator.return?.()
  consumer.deliveries.subscribe()
  await iterator.return?.()
  t.match(await iterator.next(), { done: true })
  await t.rejects(lastValueFrom(consumer.deliveries), { code: 'RIVULET_ALREADY_CONSUMED' })
})

t.test('whatever a handler throws or returns, its message comes again', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here, { queues: { jobs: { backoff: { initialMs: 0 }, maxAttempts: 100 } } })
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host, { prefetch: 1 })
  const errors = watch(consumer)
  const noText = () => Object.assign(new Error(), { message: Symbol('no text') })
  const noStack = () => {
    throw new Error('no stack')
  }
  const failing: (() => unknown)[] = [
    () => {
      throw noText()
    },
    () => Promise.reject(noText()),
    () => Promise.reject(Object.defineProperty(new Error(), 'stack', { get: noStack })),
    () => Object.defineProperty({}, 'then', { get: noStack }),
    () => ({ [Symbol.asyncIterator]: undefined }),
    () => ({ lift() {}, subscribe() {} }),
    () => Promise.reject(null),
  ]
  let attempts = 0
  consumer.process(() => failing[attempts++]?.()).subscribe()
  await producer.send({ id: 1 })
  await countsOf(host, ({ depth }) => depth === 0)
  t.equal(attempts, failing.length + 1)
  t.strictSame(
    errors.map(({ code }) => code),
    failing.map(() => 'RIVULET_HANDLER_FAILED'),
  )
})

t.test('work that cannot be touched fails like any other', async (t) => {
  const unhandled = rejections(t)
  const here = place(t, 'inproc')
  const host = await openHost(here, { queues: { jobs: { backoff: { initialMs: 0 }, maxAttempts: 1 } } })
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host)
  const errors = watch(consumer)
  const makes = Object.values(untouchables)
  await producer.sendAll(jobs(2 * makes.length))
  consumer
    .process(({ id }) => {
      const value = makes[id >> 1]?.()
      if (id % 2 === 0) throw value
      return Promise.reject(value)
    })
    .subscribe()
  await countsOf(host, ({ depth }) => depth === 0)
  t.match(host.queue('jobs').stats(), { nacked: 2 * makes.length, deadLettered: 2 * makes.length })
  t.equal(errors.length, 2 * makes.length)
  t.strictSame(unhandled, [])
})

t.test('work that nobody subscribes to is reported, and a closed consumer takes none', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here)
  const consumer = await openConsumer(here, host, { host })
  const errors = watch(consumer)
  consumer
    .process(() => {})
    .subscribe()
    .unsubscribe()
  consumer.process(() => {})
  clock.advance(4999)
  t.strictSame(errors, [])
  clock.advance(1)
  t.match(errors, [{ code: 'RIVULET_NOT_SUBSCRIBED', message: 'the result of process has no subscriber' }])
  clock.advance(60_000)
  t.equal(errors.length, 1)
  consumer.process(() => {})
  await consumer.close({ drain: false })
  t.throws(() => consumer.process(() => {}), { code: 'RIVULET_CLOSED' })
  clock.advance(60_000)
  t.equal(errors.length, 1, 'nor is what was left when it closed')
  await host.close({ drain: false })
})
