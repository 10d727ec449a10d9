/**
 * Hubs: many publishers and many subscribers, who know the hub alone.
 */
import t from 'tap'
import { createHub, createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { closeAll } from '../../src/lifecycle/index.js'
import { total, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { another, hubAt, hubBelow } from './hubs.js'
import { FrameSource, rawPublisher, rawSubscriber } from './raw-peers.js'
import { Seen } from './seen.js'

eachTransport(t, 'two publishers and two subscribers know the hub alone', async (t, here) => {
  const { runtime } = here
  const hub = await hubAt(here)
  const one = await createPublisher({ connect: hub.publishers.endpoint, runtime })
  const two = await createPublisher({ connect: hub.publishers.endpoint, runtime })
  const all = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const some = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const seenByAll = new Seen(all.events('#', Job))
  const seenBySome = new Seen(some.topic('a.*', Job))
  await Promise.all([all.whenReady({ publishers: 2 }), some.whenReady({ publishers: 2 })])
  one.topic('a.x', Job).next({ id: 1 })
  two.topic('a.y', Job).next({ id: 2 })
  one.topic('b', Job).next({ id: 3 })
  await Promise.all([seenByAll.count(3), seenBySome.count(2)])
  const seen = seenByAll.values.map((event) => event.kind === 'message' && `${event.topic} ${event.value.id}`)
  t.strictSame(seen.sort(), ['a.x 1', 'a.y 2', 'b 3'])
  t.strictSame(seenBySome.values.map(({ id }) => id).sort(), [1, 2])
  const { received, forwarded, pending, dropped } = hub.stats()
  t.strictSame({ received, forwarded, pending, dropped }, { received: 3, forwarded: 3, pending: 0, dropped: {} })
  t.strictSame(hub.endpoints, [hub.publishers.endpoint, hub.subscribers.endpoint])
  t.equal(hub.connected, 4)
  t.equal(hub.publishers.connected, 2)
  t.equal(hub.subscribers.connected, 2)
})

for (const hubs of [1, 2, 3]) {
  eachTransport(t, `the first message after ready arrives through ${hubs} hubs, 300 times`, async (t, here) => {
    const { runtime } = here
    const chain = [await hubAt(here)]
    while (chain.length < hubs) chain.push(await hubBelow(here, chain.at(-1) as never))
    const publisher = await createPublisher({ connect: chain[0]?.publishers.endpoint as string, runtime })
    const subscriber = await createSubscriber({ connect: chain.at(-1)?.subscribers.endpoint as string, runtime })
    let arrived = 0
    for (let round = 0; round < 300; round++) {
      const name = `round.${round % 10}`
      const seen = new Seen(subscriber.topic(name, Job))
      await subscriber.ready
      publisher.topic(name, Job).next({ id: round })
      await seen.count(1)
      if (seen.values[0]?.id === round) arrived += 1
      seen.unsubscribe()
    }
    t.equal(arrived, 300)
    t.equal(subscriber.stats().gaps, 0)
    for (const hub of chain) t.equal(hub.stats().forwarded, 300)
  })
}

eachTransport(t, 'ready waits until a publisher is there', async (t, here) => {
  const { runtime } = here
  const hub = await hubAt(here)
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  let isReady = false
  const ready = subscriber.ready.then(() => {
    isReady = true
  })
  await subscriber.whenConnected()
  await t.rejects(subscriber.whenReady({ timeoutMs: 250 }), { code: 'RIVULET_TIMEOUT' })
  t.notOk(isReady)
  const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime })
  await ready
  publisher.topic('a', Job).next({ id: 1 })
  await seen.count(1)
  t.strictSame(seen.values, [{ id: 1, note: '' }])
})

eachTransport(t, 'subscriptions go up while somebody below wants them', async (t, here) => {
  const { runtime } = here
  const hub = await hubAt(here)
  const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime })
  const changes: string[] = []
  publisher.subscriptions.subscribe(({ kind, prefix, subscribers }) => changes.push(`${kind} ${prefix} ${subscribers}`))
  const one = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const two = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const a = one.topic('a.*', Job).subscribe()
  const b = two.topic('a.*', Job).subscribe()
  await Promise.all([one.ready, two.ready])
  t.strictSame(changes, ['subscribed a 1'])
  t.equal(hub.stats().publishers.prefixes, 1)
  a.unsubscribe()
  await one.ready
  t.strictSame(changes, ['subscribed a 1'], 'another one wants it')
  b.unsubscribe()
  await two.ready
  t.strictSame(changes, ['subscribed a 1', 'unsubscribed a 0'])
  one.topic('b', Job).subscribe()
  await one.ready
  await one.close()
  await until(() => changes.length === 4)
  t.strictSame(changes.slice(2), ['subscribed b 1', 'unsubscribed b 0'], 'the one that wanted it has left')
  t.equal(hub.stats().publishers.prefixes, 0)
})

eachTransport(t, 'each side may connect, to bound peers and to several', async (t, here) => {
  const { runtime } = here
  const publishers = await Promise.all([0, 1].map(() => createPublisher({ bind: another(here), runtime })))
  const subscribers = await Promise.all([0, 1].map(() => createSubscriber({ bind: another(here), runtime })))
  const seen = subscribers.map((subscriber) => new Seen(subscriber.topic('#', Job)))
  const hub = await createHub({
    publishers: { connect: publishers.map(({ endpoint }) => endpoint) },
    subscribers: { connect: subscribers.map(({ endpoint }) => endpoint) },
    runtime,
  })
  await Promise.all(subscribers.map((subscriber) => subscriber.ready))
  for (const [i, publisher] of publishers.entries()) publisher.topic('a', Job).next({ id: i })
  await Promise.all(seen.map((one) => one.count(2)))
  for (const { values } of seen) t.strictSame(values.map(({ id }) => id).sort(), [0, 1])
  t.equal(hub.endpoint, '')
})

eachTransport(t, 'a publisher that comes later, and a hub that comes again', async (t, here) => {
  const { runtime } = here
  const bound = [another(here), another(here)] as const
  const first = await createHub({ publishers: { bind: bound[0] }, subscribers: { bind: bound[1] }, runtime })
  const [publishers, subscribers] = [first.publishers.endpoint, first.subscribers.endpoint]
  const subscriber = await createSubscriber({ connect: subscribers, runtime })
  const seen = new Seen(subscriber.events('a', Job))
  const publisher = await createPublisher({ connect: publishers, runtime })
  const topic = publisher.topic('a', Job)
  await subscriber.ready
  await topic.sendAll(jobs(10))
  await seen.count(10)
  await first.close()
  await createHub({ publishers: { bind: publishers }, subscribers: { bind: subscribers }, runtime })
  await subscriber.ready
  await topic.sendAll(jobs(10, 10))
  await seen.count(20)
  const later = await createPublisher({ connect: publishers, runtime })
  await subscriber.whenReady({ publishers: 2 })
  later.topic('a', Job).next({ id: 20 })
  await seen.count(21)
  const ids = seen.values.map((event) => (event.kind === 'message' ? event.value.id : event.kind))
  t.strictSame(
    ids,
    Array.from({ length: 21 }, (_, id) => id),
  )
})

eachTransport(t, 'a message comes once, whatever ways lead through hubs', async (t, here) => {
  const { runtime } = here
  const top = await hubAt(here)
  const [left, right] = [await hubBelow(here, top), await hubBelow(here, top)]
  const bottom = await hubBelow(here, left, right)
  const publisher = await createPublisher({ connect: top.publishers.endpoint, runtime })
  const subscriber = await createSubscriber({ connect: bottom.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.events('#', Job))
  await subscriber.ready
  await publisher.topic('a', Job).sendAll(jobs(1000))
  await publisher.topic('end', Job).send({ id: -1 })
  await seen.count(1001)
  await until(() => total(bottom.stats().dropped) === 1001)
  t.equal(seen.values.length, 1001)
  const { received, forwarded, pending, dropped } = bottom.stats()
  t.strictSame(
    { received, forwarded, pending, dropped },
    { received: 2002, forwarded: 1001, pending: 0, dropped: { duplicate: 1001 } },
  )
})

t.test('a new subscriber has the schema at once, also if it is not the first', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const hub = await hubAt(here)
  const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime })
  const topic = publisher.topic('a', Job)
  const one = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const seen = new Seen(one.topic('a', Job))
  await one.ready
  // the first brings the schema, the second not any more
  await topic.send({ id: 1 })
  await topic.send({ id: 2 })
  await seen.count(2)
  const raw = rawSubscriber(t, hub.subscribers.endpoint)
  await raw.subscribe('a.')
  const [part, bytes] = await raw.socket.receive()
  t.equal(part?.toString(), 'a.')
  t.match(bytes?.toString('latin1'), /"name":"Job"/, 'a frame with the schema, though nothing was published')
})

t.test('plain sockets on either side', async (t) => {
  const here = place(t, 'tcp')
  const hub = await hubAt(here)
  const publisher = await rawPublisher(t, { connect: hub.publishers.endpoint })
  const subscriber = rawSubscriber(t, hub.subscribers.endpoint)
  await subscriber.subscribe('a.')
  await publisher.subscribed('a.')
  const source = new FrameSource('a', Job)
  const frame = source.frame({ id: 1 })
  await publisher.send(frame)
  t.strictSame(await subscriber.socket.receive(), frame, 'every byte as it was sent')
  await subscriber.unsubscribe('a.')
  for (;;) {
    const [bytes] = await publisher.socket.receive()
    if (bytes?.toString() === '\u0000a.') break
  }
  t.pass('and the end of the subscription arrives')
})

t.test('what is no frame is counted and goes no further', async (t) => {
  const here = place(t, 'tcp')
  const hub = await hubAt(here)
  const errors: string[] = []
  hub.errors.subscribe(({ code }) => errors.push(code))
  const publisher = await rawPublisher(t, { connect: hub.publishers.endpoint })
  const subscriber = rawSubscriber(t, hub.subscribers.endpoint)
  await subscriber.subscribe('')
  await publisher.subscribed('')
  const source = new FrameSource('a', Job)
  const [topic, bytes] = source.frame({ id: 1 }) as [Buffer, Buffer]
  const corrupt = Buffer.from(bytes)
  corrupt[corrupt.length - 2] = (corrupt.at(-2) as number) ^ 1
  await publisher.send([topic])
  await publisher.send([topic, Buffer.from('no frame')])
  await publisher.send([topic, corrupt])
  await publisher.send([Buffer.from('a'), bytes])
  await publisher.send([Buffer.from([0, 1, 2]), bytes]) // an inbox of somebody else
  await publisher.send([topic, bytes])
  t.strictSame(await subscriber.socket.receive(), [topic, bytes])
  t.strictSame(hub.stats().publishers.rejectedFrames, { 'bad-frame': 3, 'corrupt-frame': 1 })
  t.strictSame(errors.sort(), ['RIVULET_BAD_FRAME', 'RIVULET_BAD_FRAME', 'RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME'])
  await subscriber.send(Buffer.of(2, 3, 4))
  await until(() => total(hub.stats().subscribers.rejectedFrames) === 1)
  t.strictSame(hub.stats().subscribers.rejectedFrames, { 'bad-frame': 1 })
})

eachTransport(t, 'closed together, everything that was published arrives', async (t, here) => {
  const { runtime } = here
  const upper = await hubAt(here)
  const lower = await hubBelow(here, upper)
  const publisher = await createPublisher({ connect: upper.publishers.endpoint, runtime })
  const subscriber = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.topic('#', Job))
  await subscriber.ready
  const sending = publisher.topic('a', Job).sendAll(jobs(5000))
  await sending
  await closeAll([subscriber, lower, publisher, upper])
  t.equal(seen.values.length, 5000)
  for (const hub of [upper, lower]) {
    const { received, forwarded, pending, dropped } = hub.stats()
    t.strictSame(
      { received, forwarded, pending, dropped },
      { received: 5000, forwarded: 5000, pending: 0, dropped: {} },
    )
  }
})
