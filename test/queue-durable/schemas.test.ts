/** Writers and readers of other versions: consumers read by the writer's schema, and the host by none. */
import t from 'tap'
import { createConsumer, createProducer, type Delivery } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'
import { countsOf, openHost, watch } from './queues.js'

const first = defineSchema({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'int' }] })
const second = defineSchema({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'note', type: 'string', default: 'none' },
  ],
})
const foreign = defineSchema({ type: 'record', name: 'Order', fields: [{ name: 'text', type: 'string' }] })

eachTransport(t, 'older and newer writers, and one that nobody understands', async (t, place) => {
  const host = await openHost(place)
  const reports = watch(host)
  const common = { connect: host.endpoint, queue: 'jobs', runtime: place.runtime }
  const old = await createProducer({ ...common, schema: first })
  const young = await createProducer({ ...common, schema: second })
  const strange = await createProducer({ ...common, schema: foreign })
  await old.send({ id: 1 })
  await young.send({ id: 2, note: 'second' })
  await strange.send({ text: 'who reads this?' })
  await old.send({ id: 3 })
  const consumer = await createConsumer({ ...common, schema: second })
  const errors = watch(consumer)
  const taken: Delivery<{ id: number; note: string }>[] = []
  consumer.deliveries.subscribe((delivery) => taken.push(delivery))
  await until(() => taken.length === 3)
  t.strictSame(
    taken.map(({ value }) => value),
    [
      { id: 1, note: 'none' },
      { id: 2, note: 'second' },
      { id: 3, note: 'none' },
    ],
  )
  await Promise.all(taken.map((delivery) => delivery.ack()))
  await countsOf(host, ({ depth, unreadable }) => depth === 1 && unreadable === 1)
  t.match(errors, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA' }])
  await until(() => reports.length > 0)
  t.match(reports, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: /queue jobs/ }])
  t.match(consumer.stats(), { received: 4, delivered: 3, dropped: { 'incompatible-schema': 1 }, unsettled: 0 })
  const [kept] = await host.queue('jobs').peek(1, { schema: foreign })
  t.match(kept, { value: { text: 'who reads this?' }, state: 'ready', attempts: 0, history: [] })
  t.strictSame(JSON.parse(kept?.schema ?? ''), foreign.json)
  const [unread] = await host.queue('jobs').peek(1, { schema: first })
  t.equal(unread?.value, undefined, 'what a schema does not fit is shown as bytes')
})

eachTransport(t, 'a value that the reader cannot hold waits alone for another consumer', async (t, place) => {
  const wide = defineSchema({ type: 'record', name: 'N', fields: [{ name: 'n', type: ['int', 'string'] }] })
  const narrow = defineSchema({ type: 'record', name: 'N', fields: [{ name: 'n', type: 'int' }] })
  const host = await openHost(place)
  const reports = watch(host)
  const common = { connect: host.endpoint, queue: 'jobs', runtime: place.runtime }
  const producer = await createProducer({ ...common, schema: wide })
  const consumer = await createConsumer({ ...common, schema: narrow })
  const errors = watch(consumer)
  await producer.sendAll([{ n: 1 }, { n: 'two' }, { n: 3 }])
  const values: number[] = []
  consumer.process(({ n }) => void values.push(n)).subscribe()
  await countsOf(host, ({ depth, unreadable }) => depth === 1 && unreadable === 1)
  t.strictSame(values, [1, 3])
  t.match(errors, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: /back for other consumers/ }])
  await until(() => reports.length > 0)
  t.match(reports, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: /some values/ }])
  t.match(consumer.stats(), { received: 3, delivered: 2, dropped: { undecodable: 1 }, unsettled: 0 })
  t.match(await host.queue('jobs').peek(1, { schema: wide }), [{ value: { n: 'two' }, attempts: 0, history: [] }])
  const other = await createConsumer({ ...common, schema: wide })
  const others: unknown[] = []
  other.process(({ n }, { attempt }) => void others.push([n, attempt])).subscribe()
  await countsOf(host, ({ depth }) => depth === 0)
  t.strictSame(others, [['two', 1]])
})
