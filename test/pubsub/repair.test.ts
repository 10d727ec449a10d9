/**
 * What is lost is fetched from publishers with history: over cuts, by slow subscribers, and as far as it is kept.
 */
import t from 'tap'
import { createPublisher, createSubscriber, type TopicEvent } from '../../patterns/pubsub/index.js'
import { linkState, turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { CuttingProxy } from './cutting-proxy.js'
import { lastNumber, missing } from './numbered.js'
import { Seen } from './seen.js'

t.test('a link that is reset again and again loses nothing', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime, history: {} })
  const proxy = await CuttingProxy.open(t, publisher.endpoint)
  const subscriber = await createSubscriber({ connect: proxy.endpoint, runtime })
  const seen = new Seen(subscriber.events('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  let published = 0
  const publish = async (count: number) => {
    for (let n = 0; n < count; n++) {
      topic.next({ id: ++published })
      await turn()
    }
  }
  const rounds = Number(process.env.RIVULET_SOAK_RESETS ?? 5)
  for (let round = 0; round < rounds; round++) {
    await publish(20)
    await seen.when(() => lastNumber(seen.values) === published)
    proxy.swallowing = true
    await publish(1)
    await until(() => proxy.swallowed > 0)
    await publish(10)
    proxy.swallowed = 0
    const cut = linkState(subscriber, 'disconnected')
    proxy.cut()
    await cut
    await publish(5)
    await subscriber.ready
    // nothing is published until everything is there: the tail was lost
    await seen.when(() => lastNumber(seen.values) === published)
  }
  t.equal(missing(seen.values, published), 0)
  t.ok(subscriber.stats().repaired >= rounds, `${subscriber.stats().repaired} were fetched`)
  t.match(subscriber.stats(), { delivered: published, pending: 0, gaps: 0, missed: 0, expired: 0 })
})

eachTransport(t, 'a subscriber that is too slow gets all in the end', async (t, { runtime, bind, transport }) => {
  const publisher = await createPublisher({ bind, runtime, highWaterMark: 1, history: {} })
  const slow = await createSubscriber({ connect: publisher.endpoint, runtime, highWaterMark: 1 })
  let release = () => {}
  const blocked = new Promise<void>((resolve) => {
    release = resolve
  })
  const events: TopicEvent<Job>[] = []
  slow
    .events('a', Job)
    .process(async (event) => {
      events.push(event)
      await blocked
    })
    .subscribe()
  await slow.ready
  const topic = publisher.topic('a', Job)
  const note = 'x'.repeat(60_000)
  const count = transport === 'tcp' ? 400 : 60
  for (let id = 1; id <= count; id++) {
    await topic.send({ id, note })
    await turn()
  }
  await until(() => publisher.stats().pending === 0)
  release()
  // a beacon shows what was lost at the end
  await until(() => lastNumber(events) === count)
  t.equal(missing(events, count), 0)
  t.ok(slow.stats().repaired > 0, `${slow.stats().repaired} were fetched`)
})

t.test('with history for a tenth, gaps and messages add up', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const count = 20_000
  const frameMessages = 50
  const history = { maxMessages: count / 10 }
  const publisher = await createPublisher({ bind, runtime, maxBatchMessages: frameMessages, history })
  const proxy = await CuttingProxy.open(t, publisher.endpoint)
  const subscriber = await createSubscriber({ connect: proxy.endpoint, runtime })
  const seen = new Seen(subscriber.events('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  await topic.send({ id: 1 })
  await seen.count(1)
  proxy.swallowing = true
  for (let id = 2; id <= count; id += frameMessages) {
    await topic.sendAll(Array.from({ length: Math.min(frameMessages, count - id + 1) }, (_, n) => ({ id: id + n })))
  }
  await until(() => proxy.swallowed > 0)
  proxy.cut()
  await seen.when(() => lastNumber(seen.values) === count)
  const missed = missing(seen.values, count)
  // whole frames are given up
  const kept = count - missed
  t.ok(kept <= count / 10 && kept > count / 10 - frameMessages, `${kept} are kept`)
  t.match(seen.values[1], { kind: 'gap', from: 2, reason: 'expired' })
  const stats = subscriber.stats()
  t.match(stats, { missed, expired: missed, pending: 0 })
  t.equal(stats.delivered + missed, count)
})

t.test('history that cannot be reached is unavailable', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime, history: { bind: 'inproc://elsewhere' } })
  const proxy = await CuttingProxy.open(t, publisher.endpoint)
  const subscriber = await createSubscriber({ connect: proxy.endpoint, runtime, repairTimeoutMs: 50 })
  const seen = new Seen(subscriber.events('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  await topic.send({ id: 1 })
  await seen.count(1)
  proxy.swallowing = true
  await topic.sendAll([{ id: 2 }, { id: 3 }])
  await until(() => proxy.swallowed > 0)
  proxy.cut()
  await subscriber.ready
  await topic.send({ id: 4 })
  await seen.count(3)
  t.match(seen.values.slice(1), [{ kind: 'gap', from: 2, to: 3, reason: 'unavailable' }, { sequence: 4 }])
  t.match(subscriber.stats(), { gaps: 1, missed: 2, expired: 0, repaired: 0, received: 2, delivered: 2, pending: 0 })
})

t.test('publishers come and go', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  const changes: string[] = []
  let isComplete = false
  subscriber.publishers.subscribe({
    next: ({ kind, publisher }) => changes.push(`${kind} ${publisher.length}`),
    complete: () => {
      isComplete = true
    },
  })
  const publisher = await createPublisher({ connect: subscriber.endpoint, runtime })
  await until(() => changes.length === 1)
  const late: string[] = []
  subscriber.publishers.subscribe(({ kind }) => late.push(kind))
  t.strictSame(late, ['joined'])
  await publisher.close()
  await until(() => changes.length === 3)
  t.strictSame(changes, ['joined 16', 'suspected 16', 'left 16'])
  await subscriber.close()
  t.ok(isComplete)
})
