/** Sending and settling, over every transport and in process: what is sent is delivered once, and done when it is acknowledged. */
import { jobs } from '../support/job.js'
import { countsOf, eachWay, failure, folder, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

eachWay('what is sent is delivered, and done when it is acknowledged', async (t, place, where) => {
  const host = await openHost(place, { path: folder(t, place) })
  const producer = await openProducer(place, host, where(host))
  const consumer = await openConsumer(place, host, where(host))
  const errors = [host, producer, consumer].map(watch)
  t.strictSame(await producer.send({ id: 1, note: 'first' }), { id: '1', duplicate: false })
  t.strictSame(await producer.send({ id: 2 }), { id: '2', duplicate: false })
  const taken = new Taken(consumer)
  const first = await taken.at(0)
  const second = await taken.at(1)
  t.strictSame(first.value, { id: 1, note: 'first' })
  t.match(first, { attempt: 1, position: 1, id: undefined, key: undefined, settled: false })
  t.ok(Math.abs(Date.now() - first.time.getTime()) < 60_000)
  t.match(host.queue('jobs').stats(), { depth: 2, leased: 2, ready: 0, stored: 2, delivered: 2, acked: 0 })
  await first.ack()
  t.equal(first.settled, true)
  t.match(host.queue('jobs').stats(), { depth: 1, leased: 1, acked: 1 })
  await Promise.all([second.ack(), second.ack()])
  t.match(host.queue('jobs').stats(), { depth: 0, leased: 0, acked: 2, bytes: 0, stale: 0 })
  t.strictSame(await consumer.close(), { undelivered: 0 })
  t.strictSame(await producer.close(), { undelivered: 0 })
  t.strictSame(await host.close(), { undelivered: 0 })
  t.strictSame(errors, [[], [], []])
})

eachWay('sendAll is done when everything is stored, and its order is kept', async (t, place, where) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host, where(host))
  const consumer = await openConsumer(place, host, { ...where(host), prefetch: 5000 })
  t.strictSame(await producer.sendAll(jobs(5000)), { sent: 5000, dropped: 0 })
  t.match(host.queue('jobs').stats(), { stored: 5000, ready: 5000 })
  t.match(producer.stats(), { accepted: 5000, sent: 5000, pending: 0, pendingBytes: 0 })
  const taken = new Taken(consumer)
  await taken.at(4999)
  t.strictSame(
    taken.ids,
    jobs(5000).map(({ id }) => id),
  )
  await Promise.all(taken.all.map((delivery) => delivery.ack()))
  t.match(host.queue('jobs').stats(), { depth: 0, acked: 5000 })
  t.match(consumer.stats(), { received: 5000, delivered: 5000, pending: 0, dropped: {}, unsettled: 0 })
})

eachWay('a message with the id of another one is not stored', async (t, place, where) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host, where(host))
  const other = await openProducer(place, host, where(host))
  t.strictSame(await producer.send({ id: 1 }, { id: 'a' }), { id: 'a', duplicate: false })
  const together = [
    producer.send({ id: 2 }, { id: 'b' }),
    producer.send({ id: 3 }, { id: 'a' }),
    producer.send({ id: 4 }),
  ]
  t.strictSame(await Promise.all(together), [
    { id: 'b', duplicate: false },
    { id: 'a', duplicate: true },
    { id: '3', duplicate: false },
  ])
  t.strictSame(await other.send({ id: 5 }, { id: 'b' }), { id: 'b', duplicate: true })
  t.match(host.queue('jobs').stats(), { stored: 3, duplicates: 2, depth: 3 })
  const values = (await host.queue('jobs').peek()).map(({ position, id }) => [position, id])
  t.strictSame(values, [
    [1, 'a'],
    [2, 'b'],
    [3, undefined],
  ])
})

eachWay('a queue that is not there', async (t, place, where) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host, { ...where(host), queue: 'other' })
  const consumer = await openConsumer(place, host, { ...where(host), queue: 'other' })
  const errors = watch(consumer)
  t.match(await failure(producer.send({ id: 1 })), { code: 'RIVULET_UNKNOWN_QUEUE', executed: 'no' })
  t.match(producer.stats(), { accepted: 1, sent: 0, pending: 0, dropped: { refused: 1 } })
  const refusals = watch(producer)
  t.strictSame(await producer.sendAll(jobs(3)), { sent: 0, dropped: 3 })
  t.match(refusals, [{ code: 'RIVULET_UNKNOWN_QUEUE', messages: 3 }], 'sendAll counts, and errors tells why')
  const taken = new Taken(consumer)
  while (errors.length === 0) await new Promise(setImmediate)
  t.match(errors, [{ code: 'RIVULET_UNKNOWN_QUEUE' }])
  t.throws(() => host.queue('other'), { code: 'RIVULET_UNKNOWN_QUEUE' })
  taken.leave()
})

eachWay('a host may make queues when they are first used', async (t, place, where) => {
  const host = await openHost(place, { autoCreate: true, maxQueues: 2 })
  const producer = await openProducer(place, host, { ...where(host), queue: 'new' })
  t.strictSame(await producer.send({ id: 1 }), { id: '1', duplicate: false })
  t.ok(host.queues.includes('new') && host.queues.includes('new.dead'))
  const third = await openProducer(place, host, { ...where(host), queue: 'one-too-many' })
  t.match(await failure(third.send({ id: 1 })), { code: 'RIVULET_TOO_MANY_QUEUES', message: 'raise maxQueues' })
  await countsOf(host, ({ depth }) => depth === 1, 'new')
})
