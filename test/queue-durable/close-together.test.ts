/** A host, a producer and a consumer that close together, in every order: what was sent and settled is stored. */
import type { Test } from 'tap'
import { closeAll } from '../../src/index.js'
import { jobs } from '../support/job.js'
import type { Place } from '../support/transports.js'
import { eachWay, openConsumer, openHost, openProducer, type Where, watch } from './queues.js'

/** A host whose consumer has emitted the result of one job, and whose producer has just sent three more. */
async function atWork(place: Place, where: Where) {
  const host = await openHost(place)
  const producer = await openProducer(place, host, where(host))
  const consumer = await openConsumer(place, host, where(host))
  const errors = [host, producer, consumer].map(watch)
  await producer.send({ id: 1 })
  await new Promise<void>((resolve) => consumer.process(async ({ id }) => id).subscribe(() => resolve()))
  const sends = jobs(3, 2).map((job) => producer.send(job))
  return { host, producer, consumer, errors, sends }
}

type AtWork = Awaited<ReturnType<typeof atWork>>

async function everythingIsStored(t: Test, { host, producer, consumer, errors, sends }: AtWork): Promise<void> {
  t.match(await Promise.all(sends), [{ id: '2' }, { id: '3' }, { id: '4' }])
  await Promise.all([producer.whenClosed, consumer.whenClosed])
  t.match(host.stats(), { stored: 4, acked: 1, depth: 3 })
  t.match(producer.stats(), { accepted: 4, sent: 4, pending: 0, dropped: {} })
  t.match(consumer.stats(), { unsettled: 0 })
  t.strictSame(errors, [[], [], []])
}

const orders = [
  ['host', 'producer', 'consumer'],
  ['producer', 'host', 'consumer'],
  ['consumer', 'producer', 'host'],
] as const

for (const order of orders) {
  eachWay(`closeAll: ${order.join(', ')}`, async (t, place, where) => {
    const work = await atWork(place, where)
    t.strictSame(await closeAll(order.map((name) => work[name])), { undelivered: 0 })
    await everythingIsStored(t, work)
  })
}

eachWay('a runtime that closes', async (t, place, where) => {
  const work = await atWork(place, where)
  t.strictSame(await place.runtime.close(), { undelivered: 0 })
  await everythingIsStored(t, work)
})

eachWay('a producer that has not reached its host yet', async (t, place, where) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host, where(host))
  const sent = producer.send({ id: 1 })
  t.strictSame(await closeAll([host, producer]), { undelivered: 0 })
  t.match(await sent, { id: '1' })
})
