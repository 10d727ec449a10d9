/**
 * Publishers and subscribers that come and go, on either side of either address; each message once and in order.
 */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { linkState, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { patientClock } from './patient-clock.js'
import { Seen } from './seen.js'

const ids = (values: readonly { readonly id: number }[]) => values.map(({ id }) => id)
const upTo = (count: number) => Array.from({ length: count }, (_, id) => id)

eachTransport(t, 'either side binds', async (t, { runtime, bind, transport }) => {
  const other = place(t, transport)
  const bound = await createPublisher({ bind, runtime })
  const connecting = await createSubscriber({ connect: bound.endpoint, runtime })
  const listening = await createSubscriber({ bind: other.bind, runtime })
  const calling = await createPublisher({ connect: listening.endpoint, runtime })
  for (const [publisher, subscriber] of [
    [bound, connecting],
    [calling, listening],
  ] as const) {
    const seen = new Seen(subscriber.topic('a.*', Job))
    await subscriber.ready
    await publisher.topic('a.b', Job).sendAll(jobs(1000))
    await seen.count(1000)
    t.strictSame(ids(seen.values), upTo(1000))
  }
})

eachTransport(t, 'one publisher and one subscriber may bind and connect', async (t, { runtime, bind, transport }) => {
  const other = place(t, transport)
  const firstSubscriber = await createSubscriber({ bind, runtime })
  const publisher = await createPublisher({ bind: other.bind, connect: firstSubscriber.endpoint, runtime })
  const third = place(t, transport)
  const second = await createSubscriber({ bind: third.bind, connect: publisher.endpoint, runtime })
  const calling = await createPublisher({ connect: second.endpoint, runtime })
  const seen = [firstSubscriber, second].map((subscriber) => new Seen(subscriber.topic('#', Job)))
  await firstSubscriber.ready
  await second.whenReady({ publishers: 2 })
  publisher.topic('a', Job).next({ id: 1 })
  calling.topic('b', Job).next({ id: 2 })
  await Promise.all([seen[0]?.count(1), seen[1]?.count(2)])
  t.strictSame(
    seen.map(({ values }) => ids(values).sort()),
    [[1], [1, 2]],
  )
})

eachTransport(t, 'several of each: everyone gets everything, each topic in order', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscribers = await Promise.all([1, 2, 3].map(() => createSubscriber({ connect: publisher.endpoint, runtime })))
  const all = subscribers.map((subscriber) => new Seen(subscriber.events('#', Job)))
  await Promise.all(subscribers.map(({ ready }) => ready))
  const topics = ['a', 'b', 'c'].map((name) => publisher.topic(name, Job))
  await Promise.all(topics.map((topic) => topic.sendAll(jobs(500))))
  for (const seen of all) {
    await seen.count(1500)
    for (const name of ['a', 'b', 'c']) {
      const values = seen.values.flatMap((event) =>
        event.kind === 'message' && event.topic === name ? event.value : [],
      )
      t.strictSame(ids(values), upTo(500))
    }
  }
})

eachTransport(t, 'a publisher that starts again is a new identity on the same topic', async (t, { runtime, bind }) => {
  const first = await createPublisher({ bind, runtime })
  const { endpoint } = first
  const subscriber = await createSubscriber({ connect: endpoint, runtime })
  const seen = new Seen(subscriber.events('a', Job))
  await subscriber.ready
  first.topic('a', Job).next({ id: 1 })
  first.topic('a', Job).next({ id: 2 })
  await seen.count(2)
  const gone = linkState(subscriber, 'disconnected')
  await first.close()
  await gone
  const second = await createPublisher({ bind: endpoint, runtime })
  await subscriber.ready
  second.topic('a', Job).next({ id: 3 })
  await seen.count(3)
  const found = seen.values.map((event) => (event.kind === 'message' ? [event.value.id, event.sequence] : event))
  t.strictSame(found, [
    [1, 1],
    [2, 2],
    [3, 1],
  ])
  const publishers = seen.values.map(({ publisher }) => publisher)
  t.equal(publishers[0], publishers[1])
  t.not(publishers[1], publishers[2])
  t.match(publishers[2], /^[0-9a-f]{16}$/)
  t.equal(subscriber.stats().gaps, 0)
})

eachTransport(t, 'a subscriber that starts again gets what is published then', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const topic = publisher.topic('a', Job)
  for (const round of [1, 2, 3]) {
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const seen = new Seen(subscriber.events('a', Job))
    await subscriber.ready
    topic.next({ id: round })
    await seen.count(1)
    const [event] = seen.values
    t.ok(event?.kind === 'message' && event.value.id === round && event.sequence === round)
    const left = linkState(publisher, 'disconnected')
    await subscriber.close()
    await left
  }
})

t.test('two links to one publisher bring each message once', async (t) => {
  const { runtime, bind } = place(t, 'ipc')
  const publisher = await createPublisher({ bind: [bind, 'tcp://127.0.0.1:*'], runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoints, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  for (const job of jobs(2000)) await topic.send(job)
  await seen.count(2000)
  await until(() => subscriber.stats().received === 4000)
  t.strictSame(ids(seen.values), upTo(2000))
  const { received, delivered, dropped, gaps } = subscriber.stats()
  t.strictSame(
    { received, delivered, dropped, gaps },
    { received: 4000, delivered: 2000, dropped: { duplicate: 2000 }, gaps: 0 },
  )
})

eachTransport(t, 'a burst of one message on each of 5,000 topics arrives', async (t, { transport }) => {
  const { runtime, bind } = place(t, transport, { clock: patientClock })
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen(subscriber.events('burst.#', Job))
  await subscriber.ready
  const topics = upTo(5000).map((id) => publisher.topic(`burst.${id}`, Job))
  topics.forEach((topic, id) => {
    topic.next({ id })
  })
  await seen.count(5000)
  t.equal(new Set(seen.values.map(({ topic }) => topic)).size, 5000)
  t.strictSame(subscriber.stats().gaps, 0)
  t.equal(publisher.stats().sent, 5000)
})
