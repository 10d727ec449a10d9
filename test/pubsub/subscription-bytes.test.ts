/**
 * What happens when subscriptions exceed `subscriptionBytes`: all subscribers are disconnected, honest ones come back, and
 * what they missed is a gap. `memory.test.ts` holds what it is for.
 */
import t from 'tap'
import { createPublisher, createSubscriber, type Publisher, type TopicEvent } from '../../patterns/pubsub/index.js'
import { defaults } from '../../src/options/index.js'
import { codesOf, first, turn, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { rawPeer } from '../support/raw-zmtp.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { rawSubscriber } from './raw-peers.js'
import { Seen } from './seen.js'

/** How long they have to connect, and then to subscribe, in milliseconds. */
const returnMs = 2 * defaults.reconnectMs + 100
const subscribeMs = 50

/** More words than 2,048 bytes have room for. */
const many = Array.from({ length: 100 }, (_, id) => `many.${id}`)

eachTransport(t, 'honest subscribers come back when the one that subscribed too much has gone', async (t, place) => {
  const { runtime, bind } = place
  const publisher = await createPublisher({ bind, runtime, subscriptionBytes: 2048 })
  const { endpoints } = publisher
  const codes = codesOf(publisher)
  const topic = publisher.topic('honest', Job)
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const events = new Seen<TopicEvent<Job>>(subscriber.events('honest', Job))
  const known = new Set<string>()
  publisher.subscriptions.subscribe(({ kind, prefix }) => {
    if (kind === 'subscribed') known.add(prefix)
    else known.delete(prefix)
  })
  await subscriber.ready
  topic.next({ id: 0 })
  await events.count(1)

  const greedy = await createSubscriber({ connect: publisher.endpoint, runtime })
  for (const name of many) greedy.topic(name, Job).subscribe()
  let id = 0
  await until(() => {
    topic.next({ id: ++id })
    return publisher.stats().subscriptionResets > 0
  })
  await greedy.close({ drain: false })
  await subscriber.ready
  topic.next({ id: ++id })
  await events.when(() => last(events.values) === id + 1)

  let next = 1
  for (const event of events.values) {
    const [from, to] = event.kind === 'gap' ? [event.from, event.to] : [event.sequence, event.sequence]
    t.equal(from, next)
    next = to + 1
  }
  t.ok(codes.includes('RIVULET_TOO_MANY_SUBSCRIPTIONS'))
  const { subscriptionResets } = publisher.stats()
  t.ok(codes.length <= subscriptionResets, 'one report in 10 s')
  t.strictSame(publisher.stats().dropped, {}, 'what waited has left through the new socket')
  t.strictSame(publisher.endpoints, endpoints)
  await until(() => known.size === 1)
  t.strictSame([...known], ['honest'], 'what the others had is not known any more')

  // the endpoint is free as soon as the publisher is closed
  await publisher.close()
  const another = await createPublisher({ bind: endpoints, runtime })
  t.strictSame(another.endpoints, endpoints)
})

eachTransport(t, 'a publisher that is closed while it disconnects its subscribers', async (t, place) => {
  const { runtime, bind } = place
  const publisher = await createPublisher({ bind, runtime, subscriptionBytes: 2048 })
  const { endpoints } = publisher
  const greedy = await createSubscriber({ connect: publisher.endpoint, runtime })
  // it waits for nobody, so that messages wait in its outbox when it begins
  const topic = publisher.topic('any', Job)
  const begins = first(publisher.errors, ({ code }) => code === 'RIVULET_TOO_MANY_SUBSCRIPTIONS')
  for (const name of many) greedy.topic(name, Job).subscribe()
  await begins
  for (let id = 0; id < 10; id++) topic.next({ id })
  const { undelivered } = await publisher.close({ drain: false })
  const { accepted, sent, pending, dropped } = publisher.stats()
  t.strictSame({ accepted, pending }, { accepted: 10, pending: 0 })
  t.equal(sent + (dropped.closed ?? 0), 10)
  t.equal(undelivered, dropped.closed ?? 0)
  const another = await createPublisher({ bind: endpoints, runtime })
  t.strictSame(another.endpoints, endpoints)
})

t.test('a subscriber that comes and goes all the time is no reason to disconnect the others', async (t) => {
  await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*', subscriptionBytes: 2048 })
  for (let round = 0; round < 100; round++) {
    await using subscriber = await createSubscriber({ connect: publisher.endpoint })
    const seen = new Seen(subscriber.topic(`topic.${round}`, Job))
    await subscriber.ready
    publisher.topic(`topic.${round}`, Job).next({ id: round })
    await seen.count(1)
  }
  t.equal(publisher.stats().subscriptionResets, 0)
})

function last(events: readonly TopicEvent<Job>[]): number {
  const event = events.at(-1)
  return event?.kind === 'message' ? event.sequence : 0
}

t.test('nothing is sent before those that were disconnected had time to connect and to subscribe', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const publisher = await createPublisher({ bind, runtime, subscriptionBytes: 2048 })
  publisher.errors.subscribe()
  const topic = publisher.topic('honest', Job)
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime: place(t, 'tcp').runtime })
  const events = new Seen<TopicEvent<Job>>(subscriber.events('honest', Job))
  await subscriber.ready
  const { subscribe, socket } = rawSubscriber(t, publisher.endpoint)
  for (const prefix of many) await subscribe(`${prefix}.`)
  // its rounds have rests
  await until(() => {
    if (publisher.stats().subscriptionResets === 0) clock.advance(10)
    return publisher.stats().subscriptionResets > 0
  })
  socket.close()
  await until(() => publisher.connected === 0)
  for (const job of jobs(3)) topic.next(job)
  await until(() => publisher.connected === 1)
  await settles(publisher)
  t.match(publisher.stats(), { sent: 0, pending: 3 }, 'while they connect')
  clock.advance(returnMs)
  await until(() => topic.subscribed)
  // new peers are admitted in steps, by the time of the system: when this one is, nobody else waits
  await rawPeer(t, publisher.endpoint, 'XSUB')
  await settles(publisher)
  t.match(publisher.stats(), { sent: 0, pending: 3 }, 'while they subscribe')
  clock.advance(subscribeMs)
  await events.count(3)
  t.strictSame(
    events.values.map((event) => event.kind === 'message' && event.sequence),
    [1, 2, 3],
  )
})

/** Waits for many turns, in which a frame would leave that does not wait for the clock. */
async function settles(publisher: Publisher): Promise<void> {
  for (let turns = 0; turns < 100 && publisher.stats().pending > 0; turns++) await turn()
}
