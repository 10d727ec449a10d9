/**
 * Who is there behind hubs: publishers that leave are shown to subscribers, and what subscribers miss to publishers.
 */
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { PublisherPresence } from '../../patterns/pubsub/publisher-presence.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, type Place, place, transports } from '../support/transports.js'
import { hubAt, hubBelow } from './hubs.js'
import { Seen } from './seen.js'

/** A publisher leaves: those behind a hub, and behind two, are shown that. */
async function leaving(t: Test, here: Place) {
  const { runtime } = here
  const upper = await hubAt(here)
  const lower = await hubBelow(here, upper)
  const leaves = await createPublisher({ connect: upper.publishers.endpoint, runtime, history: {} })
  const stays = await createPublisher({ connect: upper.publishers.endpoint, runtime })
  const seen = []
  for (const hub of [upper, lower]) {
    const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
    seen.push({ subscriber, changes: new Seen(subscriber.publishers), events: new Seen(subscriber.events('#', Job)) })
    await subscriber.whenReady({ publishers: 2 })
  }
  await leaves.topic('a', Job).sendAll(jobs(3))
  for (const { events } of seen) await events.count(3)
  const source = seen[0]?.events.values[0]?.publisher
  await leaves.close()
  for (const { changes } of seen) {
    await changes.when(() => changes.values.some(({ kind }) => kind === 'left'))
    t.strictSame(
      changes.values.slice(2).map(({ kind, publisher }) => [kind, publisher]),
      [
        ['suspected', source],
        ['left', source],
      ],
    )
  }
  // the one that stays is served as before, and another one is seen
  await stays.topic('b', Job).send({ id: 1 })
  for (const { events } of seen) await events.count(4)
  const comes = await createPublisher({ connect: upper.publishers.endpoint, runtime })
  for (const { changes } of seen) await changes.count(5)
  t.match(seen[1]?.changes.values[4], { kind: 'joined' })
  await comes.close()

  // what it had published is still there, and read to its end
  const late = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
  const all = new Seen(late.topic('a', Job, { since: 'all' }))
  await all.count(3)
}

t.test('a publisher that leaves is shown behind a hub, and behind two', async (t) => {
  // each takes seven seconds
  await Promise.all(transports.map((transport) => leaving(t, place(t, transport))))
})

eachTransport(t, 'what a subscriber misses is reported to its publisher through two hubs', async (t, here) => {
  const { runtime } = here
  const upper = await hubAt(here)
  const lower = await hubBelow(here, upper)
  const publisher = await createPublisher({
    connect: upper.publishers.endpoint,
    runtime,
    maxBatchMessages: 1,
    history: { maxMessages: 5 },
  })
  const errors = new Seen(publisher.errors)
  await publisher.topic('a', Job).sendAll(jobs(12))
  const subscriber = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.events('a', Job, { since: 'all' }))
  await seen.when(() => seen.values.some(({ kind }) => kind === 'live'))
  t.match(seen.values[0], { kind: 'gap', from: 1, to: 7, reason: 'expired' })
  await errors.count(1)
  t.match(errors.values, [{ code: 'RIVULET_MESSAGES_MISSED' }])
  t.equal(publisher.stats().history.missedBySubscribers, 7)
  for (const hub of [upper, lower]) t.equal(hub.stats().history?.missedBySubscribers, 7)
})

t.test('a publisher that a hub has lost is asked, and is there if it answers', async (t) => {
  const changes: string[] = []
  let asks = 0
  let now = 0
  const watched: number[] = []
  const presence = new PublisherPresence(
    { suspectMs: 1000, leaveMs: 5000 },
    {
      now: () => now,
      watch: (at) => void watched.push(at),
      ask: () => {
        asks += 1
      },
      changed: ({ kind, publisher }) => void changes.push(`${kind} ${publisher}`),
    },
  )
  presence.doubted('a')
  t.equal(asks, 0, 'it was never there')
  presence.answered('a')
  presence.answered('b')
  presence.doubted('a')
  presence.doubted('a')
  t.equal(asks, 1)
  t.strictSame(watched, [1000])
  presence.answered('a')
  now = 1000
  presence.check()
  t.strictSame(changes, ['joined a', 'joined b'], 'by another way')
  presence.doubted('a')
  now = 2000
  presence.check()
  now = 7000
  presence.check()
  t.strictSame(changes.slice(2), ['suspected a', 'left a'])
})

t.test('a publisher that has left is suspected first, also where this process has stalled meanwhile', async (t) => {
  const seen: string[] = []
  let now = 0
  const presence = new PublisherPresence(
    { suspectMs: 1000, leaveMs: 5000 },
    { now: () => now, watch() {}, ask() {}, changed: ({ kind }) => seen.push(kind) },
  )
  presence.answered('p')
  presence.unlinked()
  now = 8000
  presence.check()
  t.strictSame(seen, ['joined', 'suspected', 'left'])
})
