/**
 * Who is slow: a subscriber takes what it can work on, and the publisher either waits for it or lets it lose.
 */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { turn, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { Seen } from './seen.js'

const upTo = (count: number) => Array.from({ length: count }, (_, id) => id)
const heavy = 'x'.repeat(60_000)

/** A promise, and how to resolve it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** Resolves when a number has not changed for many turns: nothing goes on any more. */
async function settled(number: () => number): Promise<void> {
  for (let same = 0, before = number(); same < 300; same++) {
    await turn()
    if (number() === before) continue
    before = number()
    same = 0
  }
}

eachTransport(t, 'for await takes messages at its own pace', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const iterator = subscriber.topic('a', Job)[Symbol.asyncIterator]()
  const first = iterator.next()
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  for (const job of jobs(100)) topic.next(job) // in one turn, so that they are one frame
  const seen = [(await first).value?.id]
  await until(() => subscriber.stats().received === 100)
  t.match(subscriber.stats(), { delivered: 1, pending: 99 }, 'what is not asked for waits')
  for (let count = 1; count < 100; count++) {
    seen.push((await iterator.next()).value?.id)
    if (count % 10 === 0) await turn()
  }
  t.strictSame(seen, upTo(100))
  await iterator.return?.()
  t.match(subscriber.stats(), { received: 100, delivered: 100, pending: 0 })
})

eachTransport(t, 'process works on so many at once', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  let active = 0
  let most = 0
  const work = async ({ id }: Job) => {
    active += 1
    most = Math.max(most, active)
    await turn()
    active -= 1
    if (id === 7) throw new Error('seven')
    return id
  }
  const failures: string[] = []
  subscriber.errors.subscribe(({ code }) => failures.push(code))
  const done = new Seen(subscriber.topic('a', Job).process(work, { concurrency: 4 }))
  await subscriber.ready
  await publisher.topic('a', Job).sendAll(jobs(200))
  await done.count(199)
  t.equal(most, 4)
  t.strictSame(
    done.values.toSorted((a, b) => a - b),
    upTo(200).filter((id) => id !== 7),
  )
  t.strictSame(failures, ['RIVULET_HANDLER_FAILED'])
})

eachTransport(t, 'wait: nothing is lost, and the publisher is held', async (t, { runtime, bind, transport }) => {
  const outboxBytes = 200_000
  const publisher = await createPublisher({ bind, runtime, highWaterMark: 1, slowSubscribers: 'wait', outboxBytes })
  const slow = await createSubscriber({ connect: publisher.endpoint, runtime, highWaterMark: 1 })
  const fast = await createSubscriber({ connect: publisher.endpoint, runtime })
  const { opened, open } = gate()
  const seen: number[] = []
  slow
    .topic('a', Job)
    .process(async ({ id }) => {
      seen.push(id)
      await opened
    })
    .subscribe()
  const other = new Seen(fast.topic('a', Job))
  await slow.ready
  await fast.ready
  const topic = publisher.topic('a', Job)
  // what the system itself holds for one connection differs
  const count = transport === 'tcp' ? 300 : 60
  const sending = topic.sendAll(upTo(count).map((id) => ({ id, note: heavy })))
  await until(() => seen.length === 1 && publisher.stats().pendingBytes >= outboxBytes)
  await settled(() => publisher.stats().sent)
  const held = publisher.stats()
  t.ok(held.accepted < count, `${held.accepted} of ${count} were taken`)
  t.ok(held.pendingBytes < outboxBytes + 2 * 65_536, `${held.pendingBytes} bytes wait`)
  t.equal(seen.length, 1)
  topic.next({ id: -1 })
  t.strictSame(publisher.stats().refused, { full: 1 }, 'next does not wait')
  t.ok(slow.stats().received <= 4, 'the subscriber holds a few frames')
  open()
  await sending
  await until(() => seen.length === count)
  await other.count(count)
  t.strictSame(seen, upTo(count))
  t.strictSame(
    other.values.map(({ id }) => id),
    upTo(count),
  )
  t.match(publisher.stats(), { accepted: count, sent: count, pending: 0, dropped: {} })
  t.match(slow.stats(), { received: count, delivered: count, pending: 0, gaps: 0 })
})

eachTransport(t, 'wait: who is gone holds nobody any more', async (t, { runtime, bind, transport }) => {
  const publisher = await createPublisher({ bind, runtime, highWaterMark: 1, slowSubscribers: 'wait' })
  const stuck = await createSubscriber({ connect: publisher.endpoint, runtime, highWaterMark: 1 })
  const fast = await createSubscriber({ connect: publisher.endpoint, runtime })
  stuck
    .topic('a', Job)
    .process(() => gate().opened)
    .subscribe()
  const other = new Seen(fast.topic('a', Job))
  await stuck.ready
  await fast.ready
  const count = transport === 'tcp' ? 300 : 60
  const sending = publisher.topic('a', Job).sendAll(upTo(count).map((id) => ({ id, note: heavy })))
  await settled(() => publisher.stats().sent)
  t.ok(other.values.length < count)
  await stuck.close({ drain: false })
  await sending
  await other.count(count)
  t.strictSame(
    other.values.map(({ id }) => id),
    upTo(count),
  )
})

eachTransport(t, 'what was received and not taken waits for the next one', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const stream = subscriber.topic('a', Job)
  const iterator = stream[Symbol.asyncIterator]()
  const first = iterator.next()
  await subscriber.ready
  await publisher.topic('a', Job).sendAll(jobs(10))
  t.equal((await first).value?.id, 0)
  await until(() => subscriber.stats().received === 10)
  await iterator.return?.()
  t.equal(publisher.stats().sent, 10)
  t.match(subscriber.stats(), { delivered: 1, pending: 9 })
  const seen = new Seen(stream)
  await subscriber.ready
  publisher.topic('a', Job).next({ id: 10 })
  await seen.count(10)
  t.strictSame(
    seen.values.map(({ id }) => id),
    upTo(11).slice(1),
  )
})

eachTransport(t, 'drop: the others go on while one loses', async (t, { runtime, bind, transport }) => {
  const publisher = await createPublisher({ bind, runtime, highWaterMark: 2 })
  const slow = await createSubscriber({ connect: publisher.endpoint, runtime, highWaterMark: 1 })
  const fast = await createSubscriber({ connect: publisher.endpoint, runtime })
  const { opened, open } = gate()
  const last: number[] = []
  slow
    .topic('a', Job)
    .process(async ({ id }) => {
      last.push(id)
      await opened
    })
    .subscribe()
  const other = new Seen(fast.topic('a', Job))
  await slow.ready
  await fast.ready
  const topic = publisher.topic('a', Job)
  const count = transport === 'tcp' ? 400 : 60
  for (const id of upTo(count)) {
    await topic.send({ id, note: heavy })
    // a subscriber that keeps up with this pace loses nothing
    await other.count(id + 1)
  }
  t.strictSame(
    other.values.map(({ id }) => id),
    upTo(count),
  )
  t.equal(fast.stats().gaps, 0)
  t.match(publisher.stats(), { accepted: count, sent: count, pending: 0 })
  t.equal(last.length, 1)
  open()
  await slow.ready
  await topic.send({ id: count })
  await until(() => last.at(-1) === count)
  const { missed, delivered } = slow.stats()
  t.ok(missed > 0, `${missed} were lost`)
  t.equal(delivered + missed, count + 1)
})

eachTransport(t, 'one stream that waits holds the others of its subscriber', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const { opened, open } = gate()
  const slow: number[] = []
  subscriber
    .topic('slow', Job)
    .process(async ({ id }) => {
      slow.push(id)
      await opened
    })
    .subscribe()
  const fast = new Seen(subscriber.topic('fast', Job))
  await subscriber.ready
  const slowTopic = publisher.topic('slow', Job)
  slowTopic.next({ id: 0 })
  await until(() => slow.length === 1)
  slowTopic.next({ id: 1 })
  await until(() => subscriber.stats().pending === 1)
  for (const id of upTo(20)) {
    publisher.topic('fast', Job).next({ id })
    await turn()
  }
  await settled(() => subscriber.stats().received)
  // one more frame may come
  t.ok(fast.values.length <= 1)
  t.equal(slow.length, 1)
  open()
  await fast.count(20)
  await until(() => slow.length === 2)
  t.strictSame(
    fast.values.map(({ id }) => id),
    upTo(20),
  )
})

t.test('an outbox that is full: each policy as with any sink', async (t) => {
  for (const overflow of ['error', 'drop-newest', 'drop-oldest'] as const) {
    const { runtime, bind } = place(t, 'inproc')
    const options = { overflow, slowSubscribers: 'wait', highWaterMark: 1, outboxBytes: 100_000 } as const
    const publisher = await createPublisher({ bind, runtime, ...options })
    const codes: string[] = []
    publisher.errors.subscribe(({ code }) => codes.push(code))
    const slow = await createSubscriber({ connect: publisher.endpoint, runtime, highWaterMark: 1 })
    const { opened, open } = gate()
    const seen: number[] = []
    slow
      .topic('a', Job)
      .process(async ({ id }) => {
        seen.push(id)
        await opened
      })
      .subscribe()
    await slow.ready
    const topic = publisher.topic('a', Job)
    for (const id of upTo(30)) {
      topic.next({ id, note: heavy })
      await turn()
    }
    open()
    await until(() => publisher.stats().pending === 0)
    const { accepted, sent, dropped, refused } = publisher.stats()
    await until(() => seen.length === sent)
    if (overflow === 'error') {
      t.strictSame([accepted, sent, dropped, refused], [sent, sent, {}, { full: 30 - sent }])
      t.ok(codes.length > 0 && codes.every((code) => code === 'RIVULET_OUTBOX_FULL'))
    } else {
      t.strictSame([accepted, dropped, refused], [30, { overflow: 30 - sent }, {}])
    }
    t.ok(sent < 30)
    t.equal(seen.includes(29), overflow === 'drop-oldest', overflow)
    t.equal(slow.stats().missed > 0, overflow === 'drop-oldest', 'what had its number already is told as missing')
  }
})

eachTransport(t, 'frames of the protocol do not fill the outbox', async (t, { runtime, bind }) => {
  const options = { bind, runtime, overflow: 'error', outboxBytes: 1 } as const
  const publisher = await createPublisher(options)
  const topic = publisher.topic('a', Job)
  // the second frame leaves without the schema, so that a new subscriber is introduced by a frame of its own
  for (const job of jobs(2)) {
    await topic.send(job)
    await until(() => publisher.stats().pendingBytes === 0)
  }
  const sent: Promise<void>[] = []
  publisher.subscriptions.subscribe(() => {
    t.match(publisher.stats(), { pending: 0 })
    t.not(publisher.stats().pendingBytes, 0, 'the introduction waits')
    sent.push(topic.send({ id: 2 }))
  })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  await seen.count(1)
  t.equal(sent.length, 1)
  await t.resolves(Promise.all(sent))
})
