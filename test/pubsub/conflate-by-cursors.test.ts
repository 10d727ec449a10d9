/** Cursors of streams with `conflateBy`: they do not pass what still waits. */
import t from 'tap'
import { type Cursor, createPublisher, createSubscriber, type SinceEvent } from '../../patterns/pubsub/index.js'
import { turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { Seen } from './seen.js'
import { tens, waitingGap } from './waiting-gap.js'

type Event = SinceEvent<Job>

/** The messages of events as numbers and values, and the others as texts. */
const shown = (events: readonly Event[]) =>
  events.map((event) => {
    if (event.kind === 'gap') return `gap ${event.from}-${event.to}`
    return event.kind === 'live' ? 'live' : `${event.sequence}: ${event.value.id}`
  })

function cursorOf(event: Event | undefined): Cursor {
  if (event?.kind !== 'message') throw new Error('it is a message')
  return event.cursor
}

eachTransport(t, 'a stream that continues gets what waited', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime, history: {} })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const events = subscriber.events('a', Job, { conflateBy: tens })[Symbol.asyncIterator]()
  const first = events.next()
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  await topic.send({ id: 0 })
  const got: Event[] = [(await first).value]
  await topic.sendAll([1, 2, 3, 11, 21].map((id) => ({ id })))
  await until(() => subscriber.stats().received === 6)
  for (let n = 0; n < 3; n++) got.push((await events.next()).value)
  t.strictSame(shown(got), ['1: 0', '6: 21', '3: 2', '4: 3'])
  await topic.send({ id: 4 })
  await until(() => subscriber.stats().received === 7)
  got.push((await events.next()).value)
  const other = await createSubscriber({ connect: publisher.endpoint, runtime })
  for (const [at, behind] of [
    [0, ['2: 1', '3: 2', '4: 3', '5: 11', '6: 21', '7: 4']],
    [1, ['3: 2', '4: 3', '5: 11', '6: 21', '7: 4']],
    [2, ['4: 3', '5: 11', '6: 21', '7: 4']],
    [3, ['5: 11', '6: 21', '7: 4']],
    [4, []],
  ] as const) {
    const seen = new Seen<Event>(other.events('a', Job, { since: cursorOf(got[at]) }))
    await seen.when(() => seen.values.at(-1)?.kind === 'live')
    t.strictSame(shown(seen.values), [...behind, 'live'], `behind event ${at}`)
  }
})

t.test('the cursor is that of the delivery, whenever it is read', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime, history: {} })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const events = subscriber.events('#', Job, { conflateBy: ({ id }, topic) => `${topic} ${id % 10}` })
  const iterator = events[Symbol.asyncIterator]()
  const first = iterator.next()
  await subscriber.ready
  await publisher.topic('a', Job).send({ id: 0 })
  await first
  for (const [topic, id] of [
    ['a', 1],
    ['b', 1],
    ['a', 11],
  ] as const) {
    await publisher.topic(topic, Job).send({ id })
    await turn()
  }
  await until(() => subscriber.stats().received === 4)
  const overtaking = (await iterator.next()).value as Event
  const overtaken = (await iterator.next()).value as Event
  t.match(
    [overtaking, overtaken],
    [
      { topic: 'a', sequence: 3 },
      { topic: 'b', sequence: 1 },
    ],
  )
  const other = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen<Event>(other.events('#', Job, { since: cursorOf(overtaking) }))
  await seen.when(() => seen.values.at(-1)?.kind === 'live')
  t.match(seen.values, [{ topic: 'b', sequence: 1 }, { topic: 'a', sequence: 3 }, { kind: 'live' }])
})

t.test('a gap that waits is reported to the stream that continues', async (t) => {
  const { subscriber, events, socket, source } = await waitingGap(t)
  const overtaking = (await events.next()).value as Event
  t.match(overtaking, { kind: 'message', sequence: 5 })
  const cursor = cursorOf(overtaking)
  t.match((await events.next()).value, { kind: 'gap', from: 3, to: 3 })
  const seen = new Seen<Event>(subscriber.events('a', Job, { since: cursor }))
  await socket.send(source.frame({ id: 5 }))
  await seen.when(() => seen.values.at(-1)?.kind === 'message')
  t.strictSame(
    shown(seen.values).filter((text) => text !== 'live'),
    ['gap 3-5', '6: 5'],
  )
})
