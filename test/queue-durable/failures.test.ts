/** What is told of work that failed: which message it was, and whose work. */
import { throwError } from 'rxjs'
import t from 'tap'
import { createConsumer, createProducer } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { countsOf, eachWay, openConsumer, openHost, openProducer, watch } from './queues.js'

const queues = { jobs: { maxAttempts: 2, backoff: { initialMs: 0 } } }

eachWay('the error of a handler names its delivery', async (t, place, where) => {
  const host = await openHost(place, { queues })
  const producer = await openProducer(place, host, where(host))
  const consumer = await openConsumer(place, host, { ...where(host), name: 'resize' })
  const errors = watch(consumer)
  await producer.send({ id: 1 })
  await producer.send({ id: 2 }, { id: 'named' })
  consumer
    .process(({ id }, { attempt }) => {
      if (attempt === 2) return id
      if (id === 1) throw new Error('thrown')
      return throwError(() => new Error('failed'))
    })
    .subscribe()
  await countsOf(host, ({ depth }) => depth === 0)
  t.strictSame(
    errors.map(({ code, delivery }) => ({ code, delivery })),
    [
      { id: undefined, position: 1 },
      { id: 'named', position: 2 },
    ].map((own) => ({
      code: 'RIVULET_HANDLER_FAILED',
      delivery: { queue: 'jobs', attempt: 1, consumer: 'resize', ...own },
    })),
  )
})

t.test(
  'the history of a message has the name of the consumer, and so do deliveries that are taken one by one',
  async (t) => {
    const here = place(t, 'inproc')
    const host = await openHost(here, { queues })
    const producer = await openProducer(here, host, { host })
    const consumer = await openConsumer(here, host, { host, name: 'resize' })
    const errors = watch(consumer)
    await producer.send({ id: 1 })
    consumer.deliveries
      .process(async (delivery) => {
        await delivery.reject('never')
        throw new Error('and never again')
      })
      .subscribe()
    await countsOf(host, ({ depth }) => depth === 0)
    await until(() => errors.length === 1)
    t.match(errors, [{ delivery: { queue: 'jobs', position: 1, attempt: 1, consumer: 'resize' } }])
    const [dead] = await host.queue('jobs.dead').peek()
    t.match(dead?.history, [{ consumer: /^resize\/[0-9a-f]{32}$/ }])
    const nameless = await openConsumer(here, host, { host, queue: 'jobs.dead' })
    watch(nameless)
    nameless.process(() => Promise.reject(new Error('no'))).subscribe()
    await countsOf(host, ({ nacked }) => nacked === 1, 'jobs.dead')
    const [again] = await host.queue('jobs.dead').peek()
    t.match(again?.history.at(-1), { consumer: /^[0-9a-f]{32}$/ })
  },
)

t.test('the error of a message that cannot be read names its delivery', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here, { queues })
  watch(host)
  const fields = (n: unknown) => ({ type: 'record', name: 'N', fields: [{ name: 'n', type: n }] })
  const common = { host, queue: 'jobs' }
  const producer = await createProducer({ ...common, schema: defineSchema(fields(['int', 'string']) as never) })
  const consumer = await createConsumer({ ...common, schema: defineSchema(fields('int') as never), name: 'resize' })
  const errors = watch(consumer)
  await producer.send({ n: 1 } as never)
  await producer.send({ n: 'two' } as never, { id: 'named' })
  consumer.process(() => {}).subscribe()
  await countsOf(host, ({ depth, unreadable }) => depth === 1 && unreadable === 1)
  t.strictSame(
    errors.map(({ delivery }) => delivery),
    [{ queue: 'jobs', position: 2, attempt: 1, id: 'named', consumer: 'resize' }],
  )
})

t.test('ten jobs that fail where nobody observes it are a warning with the first of them', async (t) => {
  const seen: (Error & { detail?: string })[] = []
  const listener = (warning: Error) => void seen.push(warning)
  process.on('warning', listener)
  t.teardown(() => process.off('warning', listener))
  const here = place(t, 'inproc')
  const host = await openHost(here, { queues: { jobs: { maxAttempts: 1 } } })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host, name: 'resize' })
  await producer.sendAll(Array.from({ length: 10 }, (_, id) => ({ id, note: 'secret' })))
  consumer
    .process(async function resize() {
      throw new TypeError('no such file')
    })
    .subscribe()
  await countsOf(host, ({ deadLettered }) => deadLettered === 10)
  await consumer.close()
  await turn()
  t.equal(seen.length, 2)
  t.match(
    seen[0]?.message,
    /^consumer.*: a handler of process threw or rejected, and the stream continues: `cause` is what it threw \(subscribe to `errors`/,
  )
  t.match(
    seen[1]?.message,
    /^consumer.*: a handler of process threw or rejected, and the stream continues: `cause` is what it threw \(8 more like it not printed; subscribe/,
  )
  const lines = seen[0]?.detail?.split('\n')
  t.equal(lines?.[0], 'queue "jobs", position 1, attempt 1, consumer "resize"')
  t.equal(lines?.[1], 'caused by TypeError: no such file')
  t.match(lines?.[2], /at .*resize.*failures\.test/)
  t.match(seen[1]?.detail, /^queue "jobs", position 10, attempt 1, consumer "resize"\n/)
  t.notMatch(seen.map(({ detail }) => detail).join(), /secret/)
})

t.test('a name is a text of 1 to 128 characters', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  for (const name of ['', 'x'.repeat(129), '\ud800', 7, null]) {
    const options = { host, queue: 'jobs', schema: Job, name } as never
    await t.rejects(createConsumer(options), { code: 'RIVULET_INVALID_OPTION', message: /name/ }, String(name))
  }
  await openConsumer(here, host, { host, name: 'x'.repeat(128) })
})
