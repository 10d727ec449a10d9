/**
 * What `events` shows of a message: its value, its place, its time; over patterns, and beside streams of values.
 */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { turn } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Seen } from './seen.js'

eachTransport(t, 'a message with its place', async (t, { transport }) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, transport, { clock })
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen(subscriber.events('ticks.*', Job))
  await subscriber.ready
  const acme = publisher.topic('ticks.acme', Job)
  acme.next({ id: 1 })
  acme.next({ id: 2 })
  await seen.count(2)
  clock.advance(250)
  publisher.topic('ticks.other', Job).next({ id: 3 })
  acme.next({ id: 4 })
  await seen.count(4)
  const { publisher: identity, ...rest } = seen.values[0] as (typeof seen.values)[number]
  t.match(identity, /^[0-9a-f]{16}$/)
  const time = new Date(clock.wallNow() - 250)
  t.strictSame(rest, { kind: 'message', value: { id: 1, note: '' }, topic: 'ticks.acme', sequence: 1, time })
  t.ok(seen.values.every((event) => event.publisher === identity))
  const messages = seen.values.flatMap((event) => (event.kind === 'message' ? event : []))
  t.strictSame(
    messages.slice(1).map(({ topic, sequence, value }) => [topic, sequence, value.id]),
    [
      ['ticks.acme', 2, 2],
      ['ticks.other', 1, 3],
      ['ticks.acme', 3, 4],
    ],
  )
  t.equal(messages[3]?.time.getTime(), clock.wallNow(), 'the time is that of the frame, by the clock of the publisher')
})

eachTransport(t, 'each stream gets what its pattern fits, once', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const patterns = ['a', 'a.#', 'a.*', 'a.*.c', '*', '#', '*.b', 'a.b', 'x']
  const streams = patterns.map((pattern) => new Seen(subscriber.topic(pattern, Job)))
  const twice = new Seen(subscriber.topic('a.b', Job))
  await subscriber.ready
  const topics = ['a', 'a.b', 'a.b.c', 'ab', 'end']
  for (const [id, name] of topics.entries()) {
    publisher.topic(name, Job).next({ id })
    await turn()
  }
  await streams[5]?.when(() => streams[5]?.values.at(-1)?.id === topics.indexOf('end'))
  const found = streams.map(({ values }) => values.map(({ id }) => topics[id]))
  t.strictSame(found, [
    ['a'],
    ['a', 'a.b', 'a.b.c'],
    ['a.b'],
    ['a.b.c'],
    ['a', 'ab', 'end'],
    topics,
    ['a.b'],
    ['a.b'],
    [],
  ])
  t.strictSame(twice.values, streams[7]?.values, 'also for a second subscriber of the same stream')
  const { received, delivered, pending, dropped } = subscriber.stats()
  const each = found.reduce((sum, names) => sum + names.length, 0)
  t.strictSame({ received, delivered, pending, dropped }, { received: each, delivered: each, pending: 0, dropped: {} })
})

eachTransport(t, 'the counts of a publisher add up', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime, maxMessageBytes: 1000 })
  const codes: string[] = []
  publisher.errors.subscribe(({ code }) => codes.push(code))
  const topic = publisher.topic('a', Job)
  topic.next({ id: 1 })
  topic.next({ id: 'two' } as never)
  topic.next({ id: 3, note: 'x'.repeat(2000) })
  await t.rejects(topic.send({ id: null } as never), { code: 'RIVULET_INVALID_MESSAGE', issues: [{ path: 'id' }] })
  await topic.send({ id: 4 })
  topic.error(new Error('source'))
  topic.complete()
  t.strictSame(await topic.sendAll([{ id: 5 }, { id: 'six' } as never, { id: 7 }]), { sent: 2, dropped: 1 })
  const { undelivered } = await publisher.close()
  t.equal(undelivered, 0)
  topic.next({ id: 8 })
  await t.rejects(topic.send({ id: 9 }), { code: 'RIVULET_CLOSED' })
  t.match(publisher.stats(), {
    accepted: 4,
    sent: 4,
    pending: 0,
    dropped: {},
    refused: { invalid: 3, 'too-large': 1, closed: 2 },
  })
  t.strictSame(codes, [
    'RIVULET_INVALID_MESSAGE',
    'RIVULET_MESSAGE_TOO_LARGE',
    'RIVULET_SOURCE_FAILED',
    'RIVULET_INVALID_MESSAGE',
  ])
})
