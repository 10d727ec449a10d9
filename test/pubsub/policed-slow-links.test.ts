/** Subscribers of a publisher with a policy that do not keep up: what waits for their links is bounded. */
import t from 'tap'
import { codesOf, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'
import { ids, publisherAt, subscriberOf } from './policed.js'
import { Seen } from './seen.js'

const large = 'x'.repeat(50_000)

eachTransport(t, 'a subscriber that reads nothing loses frames alone, which history brings back', async (t, here) => {
  const publisher = await publisherAt(here, { highWaterMark: 4, outboxBytes: 4_194_304, history: {} })
  const slow = await subscriberOf(here, publisher, 'alice')
  const quick = await subscriberOf(here, publisher, 'bob')
  const iterator = slow.topic('ticks.a', Job)[Symbol.asyncIterator]()
  const firstOne = iterator.next()
  const seen = new Seen(quick.topic('ticks.a', Job))
  await Promise.all([slow.ready, quick.ready])
  const topic = publisher.topic('ticks.a', Job)
  await topic.send({ id: 0, note: large })
  t.equal((await firstOne).value?.id, 0)
  const count = 400
  for (const { id } of jobs(count - 1, 1)) {
    await topic.send({ id, note: large })
    await seen.count(id + 1)
  }
  await until(() => publisher.stats().pending === 0)
  const { dropped, open } = publisher.stats().links
  t.ok(open === 2 && dropped > 100, `${dropped} messages were dropped`)
  t.strictSame(
    ids(seen),
    Array.from({ length: count }, (_, at) => at),
  )
  const read: (number | undefined)[] = [0]
  while (read.length < count) read.push((await iterator.next()).value?.id)
  t.strictSame(read, ids(seen))
  t.ok(slow.stats().repaired >= dropped)
  await iterator.return?.()
})

eachTransport(t, 'without history, what a slow subscriber loses is a gap', async (t, here) => {
  const publisher = await publisherAt(here, { highWaterMark: 1 })
  const slow = await subscriberOf(here, publisher, 'alice')
  const iterator = slow.events('ticks.a', Job)[Symbol.asyncIterator]()
  const firstOne = iterator.next()
  await slow.ready
  const topic = publisher.topic('ticks.a', Job)
  await topic.send({ id: 0 })
  await firstOne
  for (const { id } of jobs(200, 1)) await topic.send({ id, note: large })
  await until(() => publisher.stats().pending === 0)
  const { dropped } = publisher.stats().links
  t.ok(dropped > 0)
  let messages = 1
  let missed = 0
  const last = topic.send({ id: 201 })
  while (messages + missed < 202) {
    const event = (await iterator.next()).value
    if (event?.kind === 'gap') missed += event.to - event.from + 1
    else messages += 1
  }
  await last
  t.ok(missed >= dropped)
  t.match(slow.stats(), { missed, delivered: messages })
  await iterator.return?.()
})

eachTransport(t, 'with slowSubscribers wait, nothing is lost and all wait', async (t, here) => {
  const options = { highWaterMark: 1, slowSubscribers: 'wait', overflow: 'error', outboxBytes: 200_000 } as const
  const publisher = await publisherAt(here, options)
  const slow = await subscriberOf(here, publisher, 'alice')
  const iterator = slow.topic('ticks.a', Job)[Symbol.asyncIterator]()
  const firstOne = iterator.next()
  await slow.ready
  const topic = publisher.topic('ticks.a', Job)
  let sent = 0
  let isFull = false
  await topic.send({ id: sent++ })
  await firstOne
  while (!isFull) {
    await topic.send({ id: sent, note: large }).then(
      () => {
        sent += 1
      },
      ({ code }) => {
        t.equal(code, 'RIVULET_OUTBOX_FULL')
        isFull = true
      },
    )
  }
  t.ok(publisher.stats().pending > 0)
  const read = [0]
  while (read.length < sent) read.push((await iterator.next()).value?.id as number)
  t.strictSame(
    read,
    Array.from({ length: sent }, (_, at) => at),
  )
  t.match(publisher.stats().links, { dropped: 0 })
  await iterator.return?.()
})

eachTransport(t, 'patterns beyond subscriptionBytes are refused, and those before them stay', async (t, here) => {
  const publisher = await publisherAt(here, { subscriptionBytes: 1024 })
  const alice = await subscriberOf(here, publisher, 'alice')
  const errors = codesOf(alice)
  // one prefix for all, so that the socket has room; each takes 27 bytes over the link
  const seen = Array.from({ length: 50 }, (_, at) => new Seen(alice.topic(`ticks.*.t${100 + at}`, Job)))
  await t.rejects(alice.ready, { code: 'RIVULET_TOO_MANY_SUBSCRIPTIONS' })
  for (let at = 0; at < 50; at++) await publisher.topic(`ticks.a.t${100 + at}`, Job).send({ id: at })
  await seen[36]?.count(1)
  t.strictSame(
    seen.map(({ values }) => values.length),
    Array.from({ length: 50 }, (_, at) => (at < 37 ? 1 : 0)),
  )
  t.strictSame([errors.length, publisher.stats().subscriptionResets], [13, 0])
})
