/** How many messages a consumer has, and who gets the others. */
import t from 'tap'
import { until } from '../support/events.js'
import { jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { countsOf, openConsumer, openHost, openProducer, Taken } from './queues.js'

eachTransport(t, 'a consumer has no more than its prefetch that it has not settled', async (t, place) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host)
  const consumer = await openConsumer(place, host, { prefetch: 10 })
  await producer.sendAll(jobs(25))
  t.match(host.queue('jobs').stats(), { ready: 25 }, 'nothing before somebody subscribes')
  const taken = new Taken(consumer)
  await taken.at(9)
  await producer.send({ id: 25 }) // what was to come with it has come
  t.match(host.queue('jobs').stats(), { ready: 16, leased: 10 })
  await Promise.all(taken.all.slice(0, 3).map((delivery) => delivery.ack()))
  await taken.at(12)
  t.match(host.queue('jobs').stats(), { ready: 13, leased: 10 })
  t.equal(taken.all.length, 13)
  await Promise.all(taken.all.map((delivery) => delivery.nack({ delayMs: 60_000 })))
  await taken.at(22)
  t.strictSame(
    taken.ids,
    jobs(23).map(({ id }) => id),
  )
})

eachTransport(t, 'consumers that compete get fair shares, and each message is for one of them', async (t, place) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host)
  const consumers = await Promise.all(Array.from({ length: 4 }, () => openConsumer(place, host, { prefetch: 20 })))
  const ids: number[] = []
  const shares = consumers.map(() => 0)
  for (const [at, consumer] of consumers.entries()) {
    consumer.deliveries.subscribe((delivery) => {
      ids.push(delivery.value.id)
      shares[at] = (shares[at] ?? 0) + 1
      void delivery.ack()
    })
  }
  await countsOf(host, (stats) => stats.consumers === 4)
  for (let burst = 0; burst < 20; burst++) {
    await producer.sendAll(jobs(40, burst * 40))
    await countsOf(host, ({ depth }) => depth === 0)
  }
  t.strictSame(
    ids.sort((a, b) => a - b),
    jobs(800).map(({ id }) => id),
  )
  for (const share of shares) t.ok(share >= 100 && share <= 300, `a share of ${share} of 800`)
})

eachTransport(t, 'what nobody was given goes back, and counts as no attempt', async (t, place) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host)
  const consumer = await openConsumer(place, host, { prefetch: 8 })
  await producer.sendAll(jobs(8))
  for await (const delivery of consumer.deliveries) {
    await delivery.ack()
    break
  }
  t.match(consumer.stats(), { received: 8, delivered: 1, pending: 7, unsettled: 0 })
  const other = new Taken(await openConsumer(place, host))
  await other.at(6) // after a moment
  t.strictSame(
    other.all.map(({ value, attempt }) => [value.id, attempt]),
    jobs(7, 1).map(({ id }) => [id, 1]),
  )
  t.match(consumer.stats(), { received: 8, delivered: 1, pending: 0, dropped: { released: 7 } })
})

t.test('who comes back in time has what was waiting', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host, { prefetch: 8 })
  await producer.sendAll(jobs(8))
  const ids: number[] = []
  for (let i = 0; i < 8; i++) {
    for await (const delivery of consumer.deliveries) {
      ids.push(delivery.value.id)
      await delivery.ack()
      break
    }
  }
  t.strictSame(
    ids,
    jobs(8).map(({ id }) => id),
  )
  t.match(host.queue('jobs').stats(), { depth: 0, delivered: 8 })
})

t.test('a slow consumer does not keep what a quick one could do', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const producer = await openProducer(here, host)
  const slow = new Taken(await openConsumer(here, host, { prefetch: 1 }))
  const quick = await openConsumer(here, host, { prefetch: 1 })
  let done = 0
  quick.deliveries.subscribe((delivery) => {
    done += 1
    void delivery.ack()
  })
  await countsOf(host, (stats) => stats.consumers === 2)
  await producer.sendAll(jobs(20))
  await until(() => done === 19)
  await slow.at(0)
  await countsOf(host, ({ depth, leased }) => depth === 1 && leased === 1)
})
