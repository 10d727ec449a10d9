/**
 * Writers and readers with different versions of a schema, and readers who come late.
 */

import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { systemClock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Origin } from '../../src/wire/index.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { FrameSource, rawPublisher } from './raw-peers.js'
import { New, Old, Other } from './schemas.js'
import { Seen } from './seen.js'

eachTransport(t, 'old and new versions understand each other', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const newOfOld = new Seen(subscriber.topic('old', New))
  const oldOfNew = new Seen(subscriber.topic('new', Old))
  const both = new Seen(subscriber.topic('#', New))
  await subscriber.ready
  const old = publisher.topic('old', Old)
  const fresh = publisher.topic('new', New)
  for (const id of [1, 2, 3]) {
    old.next({ id })
    fresh.next({ id: id + 10, unit: 'km' })
  }
  await both.count(6)
  t.strictSame(
    newOfOld.values,
    [1, 2, 3].map((id) => ({ id, unit: 'm' })),
  )
  t.strictSame(
    oldOfNew.values,
    [11, 12, 13].map((id) => ({ id })),
  )
  t.strictSame(both.values.map(({ id, unit }) => `${id}${unit}`).sort(), ['11km', '12km', '13km', '1m', '2m', '3m'])
})

eachTransport(t, 'a writer that does not fit is reported once, with the field', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const errors: RivuletError[] = []
  subscriber.errors.subscribe((error) => errors.push(error))
  const wrong = new Seen(subscriber.topic('a', Other))
  const right = new Seen(subscriber.topic('a', New))
  await subscriber.ready
  const topic = publisher.topic('a', Old)
  for (const id of [1, 2, 3]) await topic.sendAll([{ id }, { id: id + 10 }])
  await right.count(6)
  t.equal(errors.length, 1)
  t.equal(errors[0]?.code, 'RIVULET_INCOMPATIBLE_SCHEMA')
  t.match(errors[0]?.message, /id/)
  t.strictSame(wrong.values, [])
  t.match(subscriber.stats(), { received: 12, delivered: 6, dropped: { 'incompatible-schema': 6 } })
})

eachTransport(t, 'who comes late gets the next message, whatever its version', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const topic = publisher.topic('a', New)
  // the first frame carried the schema, and nobody heard it
  await topic.send({ id: 1 })
  await until(() => publisher.stats().sent === 1)
  for (const id of [2, 3, 4]) {
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const seen = new Seen(subscriber.topic('a', Old))
    await subscriber.ready
    topic.next({ id })
    await seen.count(1)
    t.strictSame(seen.values, [{ id }])
    await subscriber.close()
  }
})

t.test(
  'a new subscription is told the schema at once if the topic was used a moment ago, else with the next frame',
  async (t) => {
    const clock = new VirtualClock()
    const { runtime, bind } = place(t, 'inproc', { clock })
    const publisher = await createPublisher({ bind, runtime })
    const topic = publisher.topic('a', New)
    const first = await createSubscriber({ connect: publisher.endpoint, runtime })
    const seen = new Seen(first.topic('a', Old))
    await first.ready
    await topic.send({ id: 1 })
    await topic.send({ id: 2 })
    await seen.count(2)
    // this one carries no schema
    topic.next({ id: 3 })
    await seen.count(3)
    const late = await createSubscriber({ connect: publisher.endpoint, runtime })
    const other = new Seen(late.topic('a', Old))
    await late.ready
    clock.advance(5000)
    topic.next({ id: 4 })
    await other.count(1)
    await seen.count(4)
    t.strictSame(other.values, [{ id: 4 }])
    t.equal(first.stats().received, 4, 'announcements are no messages')
  },
)

t.test('frames whose schema is not known yet wait for it', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  const seen = new Seen(subscriber.events('a', Old))
  const raw = await rawPublisher(t, { connect: subscriber.endpoint })
  await raw.subscribed('a.')
  const source = new FrameSource('a', New)
  const announcing = source.frame({ id: 1 })
  for (const id of [2, 3]) await raw.send(source.frame({ id }, { id: id * 10 }))
  await until(() => subscriber.stats().pending === 4)
  t.match(subscriber.stats(), { received: 4, delivered: 0 })
  await raw.send(source.beacon())
  await seen.count(4)
  t.strictSame(
    seen.values.map((event) => (event.kind === 'message' ? [event.sequence, event.value.id] : event)),
    [
      [2, 2],
      [3, 20],
      [4, 3],
      [5, 30],
    ],
  )
  // it knows that one already
  await raw.send(announcing)
  await until(() => subscriber.stats().dropped.duplicate === 1)
  t.match(subscriber.stats(), { received: 5, delivered: 4, pending: 0 })
})

t.test('frames whose schema never comes are lost, counted, and reported once', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  const errors: RivuletError[] = []
  subscriber.errors.subscribe((error) => errors.push(error))
  const seen = new Seen(subscriber.topic('a', Old))
  const raw = await rawPublisher(t, { connect: subscriber.endpoint })
  await raw.subscribed('a.')
  const origin = new Origin(systemClock, 1_000_000)
  const source = new FrameSource('a', New, origin)
  source.frame({ id: 0 })
  for (let id = 1; id <= 65; id++) await raw.send(source.frame({ id }, { id }))
  await until(() => errors.length === 1)
  t.match(errors[0], { code: 'RIVULET_UNKNOWN_SCHEMA', messages: 130 })
  for (let id = 66; id <= 70; id++) await raw.send(source.frame({ id }))
  await until(() => subscriber.stats().received === 135)
  t.match(subscriber.stats(), { delivered: 0, pending: 0, dropped: { 'unknown-schema': 135 } })
  t.equal(errors.length, 1)
  await raw.send(source.beacon())
  await raw.send(source.frame({ id: 71 }))
  await seen.count(1)
  t.strictSame(seen.values, [{ id: 71 }], 'and it goes on when the schema comes')
  t.equal(errors.length, 1)
})

eachTransport(t, 'what is left can be read when frames with the schema were dropped', async (t, { runtime, bind }) => {
  const options = { overflow: 'drop-oldest', maxBatchMessages: 1, outboxBytes: 1000 } as const
  const publisher = await createPublisher({ bind, runtime, ...options })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const ids: string[] = []
  for (const name of ['a', 'b']) subscriber.topic(name, New).subscribe(({ id }) => ids.push(`${name}${id}`))
  await subscriber.ready
  const [a, b] = [publisher.topic('a', Old), publisher.topic('b', Old)]
  // all of it waits behind the first, which the transport has: so the first ones on `b` are dropped
  a.next({ id: 0 })
  for (let id = 0; id < 50; id++) b.next({ id })
  const { dropped } = publisher.stats()
  await until(() => publisher.stats().pending === 0)
  const { sent } = publisher.stats()
  await until(() => subscriber.stats().received === sent)
  t.not(dropped.overflow ?? 0, 0)
  await subscriber.close()
  t.match(subscriber.stats(), { received: sent, delivered: sent, dropped: {}, missed: 51 - sent })
  t.strictSame(ids, ['a0', ...Array.from({ length: sent - 1 }, (_, at) => `b${at + 51 - sent}`)])
})
