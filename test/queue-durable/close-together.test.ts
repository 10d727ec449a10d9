/** A host, a producer and a consumer that close together, in every order: what was sent and settled is stored. */
import { BehaviorSubject } from 'rxjs'
import t, { type Test } from 'tap'
import { type ConsumeRequest, QueueService } from '../../patterns/queue/durable/wire.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { closeAll } from '../../src/index.js'
import { jobs } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import {
  countsOf,
  eachWay,
  failure,
  folder,
  openConsumer,
  openHost,
  openProducer,
  Taken,
  type Where,
  watch,
} from './queues.js'

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

const inProcess: Where = (host) => ({ host })

t.test('a host that closes alone ends those of its process first', async (t) => {
  const work = await atWork(place(t, 'inproc'), inProcess)
  t.strictSame(await work.host.close(), { undelivered: 0 })
  await everythingIsStored(t, work)
})

t.test('a host that closes without draining stores what was settled, and takes back what was not', async (t) => {
  const here = place(t, 'inproc')
  const path = folder(t, here)
  const host = await openHost(here, { path })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.sendAll(jobs(2))
  const taken = new Taken(consumer)
  const [first] = [await taken.at(0), await taken.at(1)]
  const acked = first.ack()
  t.strictSame(await host.close({ drain: false }), { undelivered: 0 })
  await acked
  const again = await openHost(here, { path })
  t.match(again.queue('jobs').stats(), { depth: 1, ready: 1, leased: 0 })
})

t.test('a host that closes does not wait for work in progress in its process', async (t) => {
  const here = place(t, 'inproc', { clock: new VirtualClock() }) // stands still: there is no time that could pass
  const host = await openHost(here)
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.send({ id: 1 })
  const delivery = await new Taken(consumer).at(0)
  await host.close()
  t.match(await failure(delivery.ack()), { code: 'RIVULET_CLOSED' })
  t.match(host.stats(), { stored: 1, acked: 0 })
})

eachTransport(t, 'a host that closes takes what consumers on links have settled', async (t, here) => {
  const path = folder(t, here)
  const host = await openHost(here, { path })
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host)
  const errors = watch(consumer)
  await producer.sendAll(jobs(2))
  const taken = new Taken(consumer)
  const [first, second] = [await taken.at(0), await taken.at(1)]
  const acked = first.ack()
  t.strictSame(await host.close(), { undelivered: 0 })
  await acked
  t.match(host.stats(), { acked: 1, depth: 1 })
  // what is settled later waits for the host, as ever
  const later = second.ack()
  const again = await openHost({ ...here, bind: host.endpoint || here.bind }, { path })
  await later
  t.match(again.stats(), { acked: 1, depth: 0 })
  t.strictSame(errors, [])
})

t.test('a consumer that does not hear of the closing is not waited for long', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const client = await createRpcClient(QueueService, { connect: host.endpoint, runtime: here.runtime })
  client.errors.subscribe()
  const source = new BehaviorSubject<ConsumeRequest>({ open: { queue: 'jobs', consumer: 'silent' } })
  const ended = new Promise((resolve) =>
    client.consume(source).subscribe({ error: resolve, complete: () => resolve('end') }),
  )
  await countsOf(host, ({ consumers }) => consumers === 1)
  t.strictSame(await host.close(), { undelivered: 0 })
  await ended
})
