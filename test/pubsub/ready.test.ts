/**
 * `ready` and `whenReady`: what is subscribed before receives what is published after.
 */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { isRivuletError } from '../../src/errors/index.js'
import { Origin } from '../../src/wire/index.js'
import { linkState, turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { rawPublisher } from './raw-peers.js'
import { Seen } from './seen.js'

/** Whether a promise has resolved so far. */
function resolved(promise: Promise<unknown>): () => boolean {
  let done = false
  promise.then(
    () => {
      done = true
    },
    () => {},
  )
  return () => done
}

eachTransport(t, 'the first message after ready arrives, 1000 of 1000 times', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  let arrived = 0
  for (let round = 0; round < 1000; round++) {
    // few names, so that most were subscribed and left before
    const name = `round.${round % 10}`
    const seen = new Seen(subscriber.topic(name, Job))
    await subscriber.ready
    const topic = publisher.topic(name, Job)
    topic.next({ id: 2 * round })
    await turn()
    topic.next({ id: 2 * round + 1 })
    await seen.when(() => seen.values.some(({ id }) => id === 2 * round + 1))
    if (seen.values[0]?.id === 2 * round) arrived += 1
    seen.unsubscribe()
  }
  t.equal(arrived, 1000)
  t.strictSame(subscriber.stats().dropped, {})
})

eachTransport(t, 'and so it does for subscribers that are new', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const topic = publisher.topic('news', Job)
  let arrived = 0
  for (let round = 0; round < 30; round++) {
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const seen = new Seen(subscriber.topic('#', Job))
    await subscriber.ready
    topic.next({ id: 2 * round })
    await turn()
    topic.next({ id: 2 * round + 1 })
    await seen.when(() => seen.values.some(({ id }) => id === 2 * round + 1))
    // what was published before may arrive too
    if (seen.values.some(({ id }) => id === 2 * round)) arrived += 1
    await subscriber.close()
  }
  t.equal(arrived, 30)
})

eachTransport(t, 'waits for a publisher that is not there yet', async (t, { runtime, bind, transport }) => {
  // an address that was free a moment ago
  const before = await createPublisher({ bind, runtime })
  const { endpoint } = before
  await before.close()
  const subscriber = await createSubscriber({ connect: endpoint, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  const { ready } = subscriber
  const isReady = resolved(ready)
  if (transport === 'inproc') await turn()
  else await linkState(subscriber, 'retrying')
  t.notOk(isReady())
  const publisher = await createPublisher({ bind: endpoint, runtime })
  await ready
  publisher.topic('a', Job).next({ id: 1 })
  await seen.count(1)
  t.equal(seen.values[0]?.id, 1)
})

eachTransport(t, 'holds again after a publisher has come back', async (t, { runtime, bind }) => {
  const first = await createPublisher({ bind, runtime })
  const { endpoint } = first
  const subscriber = await createSubscriber({ connect: endpoint, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  await subscriber.ready
  const gone = linkState(subscriber, 'disconnected')
  await first.close()
  await gone
  const { ready } = subscriber
  const isReady = resolved(ready)
  await turn()
  t.notOk(isReady(), 'what the first one answered does not count')
  const second = await createPublisher({ bind: endpoint, runtime })
  await ready
  second.topic('a', Job).next({ id: 7 })
  await seen.count(1)
  t.equal(seen.values[0]?.id, 7)
})

eachTransport(t, 'waits for every endpoint to connect to', async (t, { runtime, bind, transport }) => {
  const first = await createPublisher({ bind, runtime })
  const other = place(t, transport)
  const second = await createPublisher({ bind: other.bind, runtime })
  const connect = [first.endpoint, second.endpoint]
  await second.close()
  const subscriber = await createSubscriber({ connect, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  const { ready } = subscriber
  const isReady = resolved(ready)
  await subscriber.whenReady({ publishers: 1 })
  t.notOk(isReady())
  if (transport !== 'inproc') await linkState(subscriber, 'retrying')
  const again = await createPublisher({ bind: connect[1] as string, runtime })
  await ready
  first.topic('a', Job).next({ id: 1 })
  again.topic('a', Job).next({ id: 2 })
  await seen.count(2)
  t.strictSame(seen.values.map(({ id }) => id).sort(), [1, 2])
})

eachTransport(t, 'an endpoint that is away is not made up for by a peer that connected', async (t, here) => {
  const { runtime, bind, transport } = here
  const other = place(t, transport)
  const away = await createPublisher({ bind, runtime })
  const { endpoint } = away
  await away.close()
  const subscriber = await createSubscriber({ connect: endpoint, bind: other.bind, runtime })
  subscriber.topic('a', Job).subscribe()
  await createPublisher({ connect: subscriber.endpoint, runtime })
  const isReady = resolved(subscriber.ready)
  await subscriber.whenReady({ publishers: 1 })
  t.notOk(isReady())
  if (transport === 'inproc') await turn()
  else await linkState(subscriber, 'retrying')
  t.notOk(isReady())
  await createPublisher({ bind: endpoint, runtime })
  await until(isReady)
  t.ok(isReady())
})

eachTransport(t, 'a subscriber that binds waits for the publishers that are linked', async (t, { runtime, bind }) => {
  const subscriber = await createSubscriber({ bind, runtime })
  const seen = new Seen(subscriber.topic('#', Job))
  const isReady = resolved(subscriber.ready)
  await turn()
  t.notOk(isReady(), 'and for one at least')
  const publishers = await Promise.all([1, 2, 3].map(() => createPublisher({ connect: subscriber.endpoint, runtime })))
  await subscriber.whenReady({ publishers: 3 })
  await subscriber.ready
  publishers.forEach((publisher, id) => {
    publisher.topic(`from.${id}`, Job).next({ id })
  })
  await seen.count(3)
  t.strictSame(seen.values.map(({ id }) => id).sort(), [0, 1, 2])
})

t.test('two links to one publisher are enough for ready, and are one publisher', async (t) => {
  const { runtime, bind } = place(t, 'ipc')
  const publisher = await createPublisher({ bind: [bind, 'tcp://127.0.0.1:*'], runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoints, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  await subscriber.ready
  publisher.topic('a', Job).next({ id: 1 })
  await seen.count(1)
  t.equal(seen.values[0]?.id, 1)
  const isReady = resolved(subscriber.whenReady({ publishers: 2 }))
  await subscriber.ready
  await turn()
  t.notOk(isReady())
})

t.test('a request that was lost is made again', async (t) => {
  const clock = new VirtualClock()
  const { runtime } = place(t, 'tcp', { clock })
  const publisher = await rawPublisher(t, { bind: 'tcp://127.0.0.1:*' })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  subscriber.topic('a', Job).subscribe()
  const isReady = resolved(subscriber.ready)
  await publisher.subscribed('a.')
  const origin = new Origin(clock, 1000)
  // one for the subscription and the wait, perhaps one more for the link
  await publisher.request()
  await subscriber.whenConnected()
  await turn()
  t.notOk(isReady())
  let asked = false
  const again = (async () => {
    let request = await publisher.request()
    while (!asked) request = await publisher.request()
    return request
  })()
  await turn()
  asked = true
  clock.advance(200)
  await publisher.answer(await again, origin)
  await until(isReady)
  t.ok(isReady())
})

t.test('whenReady gives up', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const subscriber = await createSubscriber({ bind, runtime })
  const late = t.rejects(subscriber.whenReady({ timeoutMs: 5000 }), { code: 'RIVULET_TIMEOUT', retryable: true })
  clock.advance(4999)
  await turn()
  clock.advance(1)
  await late
  const abort = new AbortController()
  const aborted = t.rejects(subscriber.whenReady({ signal: abort.signal }), { code: 'RIVULET_ABORTED', cause: 'why' })
  abort.abort('why')
  await aborted
  await t.rejects(subscriber.whenReady({ signal: AbortSignal.abort() }), { code: 'RIVULET_ABORTED' })
  await turn()
  t.equal(clock.timers, 0, 'nothing is left behind')
  for (const publishers of [0, -1, 1.5, 1025, '1'] as number[]) {
    await t.rejects(subscriber.whenReady({ publishers }), { code: 'RIVULET_INVALID_OPTION', message: /publishers/ })
  }
  await t.rejects(subscriber.whenReady({ timeOutMs: 1 } as object), { message: /timeoutMs/ })
})

t.test('a subscriber that is closed is never ready, and nobody is disturbed by that', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const subscriber = await createSubscriber({ bind, runtime })
  void subscriber.ready // nobody waits for it
  const waiting = [subscriber.ready, subscriber.whenReady()].map((promise) =>
    t.rejects(promise, { code: 'RIVULET_CLOSED' }),
  )
  await subscriber.close()
  await Promise.all(waiting)
  void subscriber.ready
  const error = await subscriber.ready.catch((caught: unknown) => caught)
  t.ok(isRivuletError(error, 'RIVULET_CLOSED'))
  await t.rejects(subscriber.whenReady(), { code: 'RIVULET_CLOSED' })
  await turn()
  t.strictSame(unhandled, [])
})
