/**
 * Streams with `conflateBy`: a slow consumer gets the newest message of each key, and holds up nobody.
 */
import t from 'tap'
import { createPublisher, createSubscriber, defineTopic, type TopicEvent } from '../../patterns/pubsub/index.js'
import type { Stream } from '../../src/stream/index.js'
import { turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { Seen } from './seen.js'
import { tens, waitingGap } from './waiting-gap.js'

const invalid = { code: 'RIVULET_INVALID_OPTION' }
/** The sums of a subscriber, which must add up at every moment. */
function unaccounted({
  received,
  delivered,
  dropped,
  pending,
}: ReturnType<Awaited<ReturnType<typeof createSubscriber>>['stats']>): number {
  return received - delivered - pending - Object.values(dropped).reduce((sum, count) => sum + count, 0)
}

eachTransport(
  t,
  'a slow consumer gets the latest of each key, and the others everything',
  async (t, { runtime, bind }) => {
    const publisher = await createPublisher({
      bind,
      runtime,
      slowSubscribers: 'wait',
      highWaterMark: 1,
      outboxBytes: 65_536,
    })
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime, highWaterMark: 1 })
    let release = () => {}
    const blocked = new Promise<void>((resolve) => {
      release = resolve
    })
    const worked: number[] = []
    const conflated = subscriber.topic('a', Job, { conflateBy: tens })
    conflated
      .process(async ({ id }) => {
        worked.push(id)
        await blocked
      })
      .subscribe()
    const iterated = subscriber.events('#', Job, { conflateBy: tens })[Symbol.asyncIterator]()
    const one = iterated.next()
    const all = new Seen(subscriber.topic('a', Job))
    await subscriber.ready
    const count = 3000
    const note = 'x'.repeat(1000) // more than the buffers of all sides together
    const topic = publisher.topic('a', Job)
    await topic.send({ id: 0, note })
    await Promise.all([one, until(() => worked.length === 1)])
    const sent = topic.sendAll(Array.from({ length: count - 1 }, (_, at) => ({ id: at + 1, note })))
    await all.count(count)
    t.strictSame(await sent, { sent: count - 1, dropped: 0 }, 'the publisher was not held up')
    t.strictSame(worked, [0])
    const stats = subscriber.stats()
    t.match(stats, { pending: 10 + 10, dropped: { conflated: 2 * (count - 11) } })
    t.equal(unaccounted(stats), 0)
    t.equal((await one).value?.kind, 'message')
    const events: (TopicEvent<Job> | undefined)[] = []
    for (let i = 0; i < 10; i++) events.push((await iterated.next()).value)
    release()
    await until(() => worked.length === 11)
    const newest = Array.from({ length: 10 }, (_, i) => count - 10 + ((i + 1) % 10))
    t.strictSame(worked.slice(1), newest, 'in the order in which the keys began to wait')
    t.strictSame(
      events.map((event) => event?.kind === 'message' && [event.value.id, event.sequence]),
      newest.map((id) => [id, id + 1]),
    )
    t.match(subscriber.stats(), { pending: 0, received: 3 * count, gaps: 0 })
    t.equal(unaccounted(subscriber.stats()), 0)
  },
)

eachTransport(t, 'a consumer that keeps up gets everything', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen(subscriber.topic('a', Job, { conflateBy: () => 'one' }))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  for (let id = 0; id < 20; id++) {
    topic.next({ id })
    await seen.count(id + 1)
  }
  t.strictSame(
    seen.values.map(({ id }) => id),
    Array.from({ length: 20 }, (_, id) => id),
  )
  t.match(subscriber.stats(), { received: 20, delivered: 20, dropped: {} })
})

eachTransport(t, 'the topic can be the key', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const byTopic = (_: Job, topic: string) => topic
  const Rooms = defineTopic('rooms.{room}', Job)
  const values = subscriber.topic(Rooms, { room: '*' }, { conflateBy: byTopic })[Symbol.asyncIterator]()
  const events = subscriber.events(Rooms, { room: '*' }, { conflateBy: byTopic })[Symbol.asyncIterator]()
  const firsts = [values.next(), events.next()]
  await subscriber.ready
  for (let id = 0; id < 6; id++) {
    publisher.topic(Rooms, { room: id % 2 === 0 ? 'even' : 'odd' }).next({ id })
    await until(() => subscriber.stats().received === 2 * (id + 1))
  }
  await Promise.all(firsts)
  const rest: unknown[] = []
  for (const iterator of [values, events]) for (let i = 0; i < 2; i++) rest.push((await iterator.next()).value)
  t.match(rest, [{ id: 5 }, { id: 4 }, { value: { id: 5 } }, { value: { id: 4 } }])
})

t.test('gaps keep their place, and count', async (t) => {
  const { subscriber, events } = await waitingGap(t)
  const rest: (TopicEvent<Job> | undefined)[] = []
  for (let i = 0; i < 3; i++) rest.push((await events.next()).value)
  t.match(rest, [
    { kind: 'message', value: { id: 11 }, sequence: 5 },
    { kind: 'gap', from: 3, to: 3 },
    { kind: 'message', value: { id: 2 }, sequence: 4 },
  ])
  t.match(subscriber.stats(), { received: 4, delivered: 3, dropped: { conflated: 1 }, gaps: 1, missed: 1 })
})

eachTransport(
  t,
  'a function that throws, or returns no key, is reported and harms nothing',
  async (t, { runtime, bind }) => {
    const publisher = await createPublisher({ bind, runtime })
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const errors = new Seen(subscriber.errors)
    const boom = new Error('boom')
    const conflateBy = ({ id }: Job): number => {
      if (id === 1) throw boom
      return id === 2 ? (undefined as never) : id
    }
    const iterator = subscriber.topic('a', Job, { conflateBy })[Symbol.asyncIterator]()
    const first = iterator.next()
    await subscriber.ready
    const topic = publisher.topic('a', Job)
    for (const id of [0, 1, 1, 2, 3]) topic.next({ id })
    await first
    const ids: unknown[] = []
    for (let i = 0; i < 4; i++) ids.push((await iterator.next()).value?.id)
    t.strictSame(ids, [1, 1, 2, 3])
    t.match(errors.values, [
      { code: 'RIVULET_HANDLER_FAILED', cause: boom, messages: 3, message: /conflateBy failed.*'a'.*2 more/ },
    ])
    t.equal(errors.values.length, 1)
    t.match(subscriber.stats(), { received: 5, delivered: 5, pending: 0, dropped: {} })
  },
)

eachTransport(
  t,
  'more keys than may wait: the oldest are dropped, counted and reported',
  async (t, { runtime, bind }) => {
    const publisher = await createPublisher({ bind, runtime })
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const errors = new Seen(subscriber.errors)
    const iterator = subscriber.topic('a', Job, { conflateBy: ({ id }) => id, maxKeys: 5 })[Symbol.asyncIterator]()
    const first = iterator.next()
    await subscriber.ready
    const topic = publisher.topic('a', Job)
    for (let id = 0; id < 20; id++) topic.next({ id })
    await first
    await errors.count(1)
    t.match(errors.values, [{ code: 'RIVULET_TOO_MANY_KEYS', message: /more than 5 keys of 'a'/, messages: 14 }])
    const ids: unknown[] = []
    for (let i = 0; i < 5; i++) ids.push((await iterator.next()).value?.id)
    t.strictSame(ids, [15, 16, 17, 18, 19])
    t.match(subscriber.stats(), { received: 20, delivered: 6, dropped: { 'too-many-keys': 14 } })
  },
)

t.test('what waits when the subscriber closes is delivered if it is wanted, and else counts', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime })
  for (const drain of [true, false]) {
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const worked: number[] = []
    subscriber
      .topic('a', Job, { conflateBy: tens })
      .process(async ({ id }) => {
        worked.push(id)
        await turn()
      })
      .subscribe()
    await subscriber.ready
    for (let id = 0; id < 100; id++) publisher.topic('a', Job).next({ id })
    await until(() => subscriber.stats().received === 100)
    const { undelivered } = await subscriber.close({ drain })
    const stats = subscriber.stats()
    t.equal(unaccounted(stats), 0)
    t.match(stats, { received: 100, delivered: 100 - 89 - undelivered, pending: 0, dropped: { conflated: 89 } })
    t.equal(stats.dropped.closed ?? 0, undelivered)
    t.equal(undelivered > 0, !drain)
  }
})

t.test('what waits counts while nobody wants it', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const stream = subscriber.topic('a', Job, { conflateBy: tens })
  const iterator = stream[Symbol.asyncIterator]()
  const first = iterator.next()
  await subscriber.ready
  for (let id = 0; id < 100; id++) publisher.topic('a', Job).next({ id })
  await first
  await iterator.return?.()
  t.match(subscriber.stats(), { received: 100, delivered: 1, pending: 10, dropped: { conflated: 89 } })
  const seen = new Seen(stream)
  await seen.count(10)
  t.match(subscriber.stats(), { received: 100, delivered: 11, pending: 0 })
})

t.test('the same stream for the same function and bound', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const subscriber = await createSubscriber({ bind, runtime })
  const stream = subscriber.topic('a', Job, { conflateBy: tens })
  t.equal(subscriber.topic('a', Job, { conflateBy: tens }), stream)
  t.equal(subscriber.topic('a', Job, { conflateBy: tens, maxKeys: 65_536 }), stream)
  t.not(subscriber.topic('a', Job, { conflateBy: tens, maxKeys: 7 }), stream)
  t.not(subscriber.topic('a', Job, { conflateBy: ({ id }) => id }), stream)
  t.not(subscriber.topic('a', Job), stream)
  t.equal(subscriber.topic('a', Job, {}), subscriber.topic('a', Job))
  const typed: Stream<Job> = stream
  t.ok(typed)
})

t.test('options that are refused', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const subscriber = await createSubscriber({ bind, runtime })
  // @ts-expect-error no function
  t.throws(() => subscriber.topic('a', Job, { conflateBy: 'id' }), {
    ...invalid,
    message: /topic: conflateBy must be a function/,
  })
  t.throws(() => subscriber.events('a', Job, { maxKeys: 5 }), {
    ...invalid,
    message: /maxKeys must be left out without conflateBy/,
  })
  for (const maxKeys of [0, 1.5, 1_048_577]) {
    t.throws(() => subscriber.topic('a', Job, { conflateBy: tens, maxKeys }), {
      ...invalid,
      message: /maxKeys must be .*1 to 1048576/,
    })
  }
  // @ts-expect-error an option that there is none of
  t.throws(() => subscriber.topic('a', Job, { conflatedBy: tens }), {
    ...invalid,
    message: /did you mean 'conflateBy'/,
  })
  // @ts-expect-error no key
  subscriber.topic('a', Job, { conflateBy: (value) => value })
  // @ts-expect-error no such field
  subscriber.topic('a', Job, { conflateBy: (value) => value.name })
})
