/**
 * What the compiler knows of topics: the values of a schema in both directions, and no others.
 */
import t from 'tap'
import {
  type Cursor,
  createPublisher,
  createSubscriber,
  defineTopic,
  type SinceEvent,
  type TopicEvent,
  type TopicPublisher,
} from '../../patterns/pubsub/index.js'
import type { Infer, InferInput } from '../../src/avro/index.js'
import type { Stream } from '../../src/stream/index.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the types are the same. */
function same<A, B>(value: Equal<A, B>): boolean {
  return value
}

t.test('values are inferred', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const topic = publisher.topic('a', Job)
  const values = subscriber.topic('a', Job)
  const events = subscriber.events('a', Job)
  type Value = { id: number; note: string }
  t.ok(same<Infer<typeof Job>, Value>(true))
  t.ok(same<typeof values, Stream<Value>>(true))
  t.ok(same<typeof events, Stream<TopicEvent<Value>>>(true))
  t.ok(same<Parameters<typeof topic.next>[0], InferInput<typeof Job>>(true))
  const withoutNote: Parameters<typeof topic.send>[0] = { id: 1 }
  await topic.send(withoutNote)
  const input: TopicPublisher<InferInput<typeof Job>> = topic
  t.equal(input.name, 'a')
  events.subscribe((event) => {
    if (event.kind === 'gap') same<typeof event.reason, 'lost' | 'expired' | 'unavailable'>(true)
    else same<typeof event.value, Value>(true)
    // @ts-expect-error a gap has no value
    event.value
  })
})

t.test('what events show is inferred from since', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const subscriber = await createSubscriber({ bind, runtime })
  const Ticks = defineTopic('ticks.{symbol}', Job)
  type Value = Infer<typeof Job>
  const now = subscriber.events('a', Job, { since: 'now' })
  t.ok(same<typeof now, Stream<TopicEvent<Value>>>(true))
  const ticks = subscriber.events(Ticks, { symbol: '*' })
  t.ok(same<typeof ticks, Stream<TopicEvent<Value>>>(true))
  const all = subscriber.events('a', Job, { since: 'all' })
  t.ok(same<typeof all, Stream<SinceEvent<Value>>>(true))
  const last = subscriber.events(Ticks, { symbol: '*' }, { since: { last: 1 } })
  t.ok(same<typeof last, Stream<SinceEvent<Value>>>(true))
  const values = subscriber.topic('a', Job, { since: new Date() })
  t.ok(same<typeof values, Stream<Value>>(true))
  t.ok(same<Extract<TopicEvent<Value>, { kind: 'live' }>, never>(true), 'without since, nothing is live')
  all.subscribe((event) => {
    if (event.kind === 'live') same<typeof event.publisher, string>(true)
    if (event.kind !== 'message') {
      // @ts-expect-error what is no message has no cursor
      event.cursor
      return
    }
    same<typeof event.cursor, Cursor>(true)
    const text: string = event.cursor
    t.ok(text)
    subscriber.topic('a', Job, { since: event.cursor })
  })
  const text: string = 'a text'
  // @ts-expect-error a text is no cursor
  t.throws(() => subscriber.topic('a', Job, { since: text }), { code: 'RIVULET_INVALID_OPTION' })
  // @ts-expect-error how many is missing
  t.throws(() => subscriber.topic('a', Job, { since: {} }), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('wrong values are refused, by the compiler first', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime })
  publisher.errors.subscribe()
  const topic = publisher.topic('a', Job)
  // @ts-expect-error text where an int is due
  topic.next({ id: 'one' })
  // @ts-expect-error a field is missing
  await t.rejects(topic.send({}), { code: 'RIVULET_INVALID_MESSAGE' })
  // @ts-expect-error values of another type
  t.strictSame(await topic.sendAll(['one']), { sent: 0, dropped: 1 })
  // @ts-expect-error no schema
  t.throws(() => publisher.topic('b', { type: 'string' }), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('options', async (t) => {
  const invalid = { code: 'RIVULET_INVALID_OPTION' }
  await t.rejects(createPublisher({}), { ...invalid, message: /bind or connect/ })
  await t.rejects(createSubscriber({}), { ...invalid, message: /bind or connect/ })
  const bind = 'inproc://never'
  // @ts-expect-error an unknown word
  await t.rejects(createPublisher({ bind, slowSubscribers: 'block' }), {
    ...invalid,
    message: /slowSubscribers.*'block'/,
  })
  // @ts-expect-error an unknown option
  await t.rejects(createSubscriber({ bind, highwaterMark: 1 }), { ...invalid, message: /highWaterMark/ })
  await t.rejects(createPublisher({ bind, highWaterMark: 0 }), { ...invalid, message: /highWaterMark.*1 to 65536/ })
  await t.rejects(createPublisher({ bind: 'tcp://0.0.0.0:*' }), { code: 'RIVULET_INSECURE_BIND' })
})
