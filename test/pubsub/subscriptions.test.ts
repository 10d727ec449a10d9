/**
 * What a publisher knows of its subscriptions: current ones first, then changes; and that leaving is leaving.
 */
import t from 'tap'
import { createPublisher, createSubscriber, type SubscriptionChange } from '../../patterns/pubsub/index.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { patientClock } from './patient-clock.js'
import { Other } from './schemas.js'
import { Seen } from './seen.js'

const short = ({ kind, prefix, subscribers }: SubscriptionChange) =>
  `${kind === 'subscribed' ? '+' : '-'}${prefix} ${subscribers}`

eachTransport(t, 'subscriptions come, are counted, and go', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const seen = new Seen(publisher.subscriptions)
  const topic = publisher.topic('ticks.acme', Job)
  t.equal(topic.subscribed, false)
  t.equal(topic.name, 'ticks.acme')
  const first = await createSubscriber({ connect: publisher.endpoint, runtime })
  const one = first.topic('ticks.acme', Job).subscribe()
  const sameAgain = first.topic('ticks.acme', Job).subscribe()
  const samePrefix = first.events('ticks.acme', Job).subscribe()
  await first.ready
  t.strictSame(seen.values.map(short), ['+ticks.acme 1'], 'one for all streams of a subscriber')
  t.equal(topic.subscribed, true)

  const second = await createSubscriber({ connect: publisher.endpoint, runtime })
  second.topic('ticks.acme', Job).subscribe()
  const wild = second.topic('ticks.*', Job).subscribe()
  await second.ready
  t.strictSame(seen.values.slice(1).map(short), ['+ticks.acme 2', '+ticks 1'])
  const late = new Seen(publisher.subscriptions)
  t.strictSame(late.values.map(short), ['+ticks.acme 2', '+ticks 1'], 'current ones first')

  one.unsubscribe()
  sameAgain.unsubscribe()
  await first.ready
  t.equal(seen.values.length, 3, 'another stream still needs it')
  samePrefix.unsubscribe()
  await first.ready
  t.strictSame(seen.values.slice(3).map(short), ['-ticks.acme 1'])
  wild.unsubscribe()
  await second.ready
  t.strictSame(seen.values.slice(4).map(short), ['-ticks 0'])
  await second.close()
  await seen.count(6)
  t.strictSame(seen.values.slice(5).map(short), ['-ticks.acme 0'], 'who is gone has left')
  t.equal(topic.subscribed, false)
  t.strictSame(late.values.slice(2), seen.values.slice(3))
})

eachTransport(t, 'who left gets nothing any more, who stayed does', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const leaving = await createSubscriber({ connect: publisher.endpoint, runtime })
  const staying = await createSubscriber({ connect: publisher.endpoint, runtime })
  const topic = publisher.topic('a', Job)
  const left = new Seen(leaving.topic('a', Job))
  const other = new Seen(leaving.topic('b', Job))
  const stayed = new Seen(staying.topic('#', Job))
  await leaving.ready
  await staying.ready
  topic.next({ id: 1 })
  await left.count(1)
  left.unsubscribe()
  await leaving.ready
  topic.next({ id: 2 })
  publisher.topic('b', Job).next({ id: 3 })
  await other.count(1)
  await stayed.count(3)
  t.strictSame(
    left.values.map(({ id }) => id),
    [1],
  )
  t.equal(leaving.stats().received, 2, 'it did not even come')
  const back = new Seen(leaving.topic('a', Job))
  await leaving.ready
  topic.next({ id: 4 })
  await back.count(1)
  t.equal(back.values[0]?.id, 4)
  t.equal(leaving.stats().gaps, 0, 'what was published meanwhile is not missing')
})

eachTransport(t, 'what a bound subscriber had goes with its connection', async (t, { runtime, bind }) => {
  const former = await createSubscriber({ bind, runtime })
  const { endpoint } = former
  const publisher = await createPublisher({ connect: endpoint, runtime })
  const seen = new Seen(publisher.subscriptions)
  former.topic('ticks.former', Job).subscribe()
  await former.ready
  await former.close()
  await seen.count(2)
  t.equal(publisher.topic('ticks.former', Job).subscribed, false)

  const latter = await createSubscriber({ bind: endpoint, runtime })
  latter.topic('ticks.latter', Job).subscribe()
  await latter.ready
  t.strictSame(seen.values.map(short), ['+ticks.former 1', '-ticks.former 0', '+ticks.latter 1'])
})

t.test('which subscriptions concern a topic', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime })
  const names = ['ticks', 'ticks.acme', 'ticks.acme.last', 'ticksets', 'other']
  const topics = names.map((name) => publisher.topic(name, Job))
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  for (const [pattern, expected] of [
    ['ticks.acme', ['ticks.acme', 'ticks.acme.last']],
    ['ticks.acme.#', ['ticks.acme', 'ticks.acme.last']],
    ['ticks.*', ['ticks', 'ticks.acme', 'ticks.acme.last']],
    ['#', names],
    ['*.acme', names],
    ['nothing', []],
  ] as const) {
    const subscription = subscriber.topic(pattern, Job).subscribe()
    await subscriber.ready
    const found = topics.filter(({ subscribed }) => subscribed).map(({ name }) => name)
    t.strictSame(found, expected, pattern)
    subscription.unsubscribe()
    await subscriber.ready
  }
})

t.test('thousands of subscriptions over thousands of topics cost little more than themselves', async (t) => {
  const { runtime, bind } = place(t, 'tcp', { clock: patientClock })
  const publisher = await createPublisher({ bind, runtime })
  const topics = Array.from({ length: 3000 }, (_, id) => publisher.topic(`many.${id}`, Job))
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = topics.map(({ name }) => new Seen(subscriber.topic(name, Job)))
  await subscriber.ready
  t.ok(topics.every(({ subscribed }) => subscribed))
  topics.forEach((topic, id) => {
    topic.next({ id })
  })
  await Promise.all(seen.map((one) => one.count(1)))
  t.ok(seen.every(({ values }, id) => values.length === 1 && values[0]?.id === id))
})

t.test('the observable ends with the publisher', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime })
  const completed = new Promise<void>((complete) => publisher.subscriptions.subscribe({ complete }))
  await publisher.close()
  await completed
  t.pass('completed')
})

t.test('one topic, one sink, one schema', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime })
  t.equal(publisher.topic('a', Job), publisher.topic('a', Job))

  t.throws(() => publisher.topic('a', Other as never), { code: 'RIVULET_INVALID_OPTION', message: /'a'.*schema/ })
  t.throws(() => publisher.topic('b', {} as never), { code: 'RIVULET_INVALID_OPTION', message: /schema/ })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  t.equal(subscriber.topic('a', Job), subscriber.topic('a', Job))
  t.not(subscriber.topic('a', Job), subscriber.topic('a', Other))
  t.not(subscriber.topic('a', Job) as unknown, subscriber.events('a', Job))
  t.throws(() => subscriber.topic('a', {} as never), { code: 'RIVULET_INVALID_OPTION', message: /schema/ })
  await publisher.close()
  t.throws(() => publisher.topic('c', Job), { code: 'RIVULET_CLOSED' })
})
