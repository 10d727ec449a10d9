/** What a producer keeps, for how long, and what it does when that is too much. */
import { throwError } from 'rxjs'
import t, { type Test } from 'tap'
import type { ProducerOptions } from '../../patterns/queue/index.js'
import { createProducer } from '../../patterns/queue/index.js'
import { until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { countsOf, failure, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

/** A producer whose host is away. */
async function alone(t: Test, options: Partial<ProducerOptions<unknown>> = {}, clock?: VirtualClock) {
  const { runtime } = place(t, 'inproc', clock && { clock })
  const producer = await createProducer({ connect: 'inproc://nobody', runtime, queue: 'jobs', ...options, schema: Job })
  return { producer, errors: watch(producer), runtime }
}

const note = 'x'.repeat(1000)

t.test('block: sends wait for room, and what waits is sent when the host comes', async (t) => {
  const { producer, errors, runtime } = await alone(t, { outboxBytes: 5000 })
  const sends = jobs(20).map(({ id }) => producer.send({ id, note }))
  const { pendingBytes } = producer.stats()
  t.ok(pendingBytes >= 5000 && pendingBytes < 6000, 'counted once, before the turn is over')
  t.match(producer.stats(), { accepted: 5, pending: 5, sent: 0 })
  await new Promise(setImmediate)
  t.match(producer.stats(), { pendingBytes }, 'and after it')
  producer.next({ id: 100, note })
  await new Promise(setImmediate)
  t.match(errors, [{ code: 'RIVULET_OUTBOX_FULL', messages: 1 }])
  t.match(producer.stats(), { refused: { full: 1 } })
  const host = await openHost({ runtime, bind: 'inproc://nobody' })
  await Promise.all(sends)
  const taken = new Taken(await openConsumer({ runtime }, host))
  await taken.at(19)
  t.strictSame(
    taken.ids,
    jobs(20).map(({ id }) => id),
    'in order',
  )
})

t.test('error: sends are refused', async (t) => {
  const { producer } = await alone(t, { outboxBytes: 5000, overflow: 'error' })
  for (const { id } of jobs(5)) producer.next({ id, note })
  t.match(await failure(producer.send({ id: 6 })), { code: 'RIVULET_OUTBOX_FULL' })
  t.strictSame(await producer.close({ timeoutMs: 0 }), { undelivered: 5 })
  t.match(producer.stats(), { accepted: 5, sent: 0, pending: 0, dropped: { closed: 5 }, refused: { full: 1 } })
})

t.test('drop-oldest and drop-newest: who is dropped is told', async (t) => {
  const oldest = await alone(t, { outboxBytes: 5000, overflow: 'drop-oldest' })
  const first = failure(oldest.producer.send({ id: 0, note }))
  for (const { id } of jobs(5, 1)) oldest.producer.next({ id, note })
  t.match(await first, { code: 'RIVULET_OUTBOX_FULL', executed: 'no' })
  const { accepted, pending, dropped } = oldest.producer.stats()
  t.equal(accepted, pending + (dropped.overflow ?? 0))
  const newest = await alone(t, { outboxBytes: 5000, overflow: 'drop-newest' })
  for (const { id } of jobs(5, 1)) newest.producer.next({ id, note })
  t.match(await failure(newest.producer.send({ id: 6 })), { code: 'RIVULET_OUTBOX_FULL' })
  t.match(newest.producer.stats(), { accepted: 6, pending: 5, dropped: { overflow: 1 } })
})

t.test('a send that nobody waits for any more is taken back, as long as it has not left', async (t) => {
  const clock = new VirtualClock()
  const { producer, errors, runtime } = await alone(t, { outboxBytes: 5000 }, clock)
  const controller = new AbortController()
  const kept = producer.send({ id: 0 }, { key: 'k' })
  const aborted = failure(producer.send({ id: 1 }, { signal: controller.signal, id: 'one' }))
  const late = failure(producer.send({ id: 2 }, { timeoutMs: 500 }))
  const other = producer.send({ id: 3 }, { id: 'three' })
  for (const { id } of jobs(5, 10)) producer.next({ id, note })
  const noRoom = failure(producer.send({ id: 4 }, { timeoutMs: 400 }))
  const gone = failure(producer.send({ id: 5 }, { signal: AbortSignal.abort('before') }))
  controller.abort('enough')
  clock.advance(500)
  t.match(await aborted, { code: 'RIVULET_ABORTED', executed: 'no', cause: 'enough' })
  t.match(await late, { code: 'RIVULET_TIMEOUT', executed: 'no' })
  t.match(await noRoom, { code: 'RIVULET_TIMEOUT', executed: 'no' })
  t.match(await gone, { code: 'RIVULET_ABORTED', executed: 'no', cause: 'before' })
  t.match(producer.stats(), { dropped: { withdrawn: 2 } })
  const host = await openHost({ runtime, bind: 'inproc://nobody' })
  t.strictSame(await kept, { id: '1', duplicate: false })
  t.strictSame(await other, { id: 'three', duplicate: false })
  const peeked = await host.queue('jobs').peek(10, { schema: Job })
  t.strictSame(
    peeked.map(({ value, id, key }) => [value?.id, id, key]),
    [[0, undefined, 'k'], [3, 'three', undefined], ...jobs(5, 10).map(({ id }) => [id, undefined, undefined])],
  )
  t.strictSame(errors, [])
})

t.test('who gives up a sendAll whose source has ended waits no longer, and it is sent all the same', async (t) => {
  const { producer, errors, runtime } = await alone(t)
  const controller = new AbortController()
  const given = failure(producer.sendAll(jobs(3), { signal: controller.signal }))
  await until(() => producer.stats().pending === 3)
  controller.abort('enough')
  t.match(await given, { code: 'RIVULET_ABORTED', cause: 'enough' })
  const host = await openHost({ runtime, bind: 'inproc://nobody' })
  await countsOf(host, ({ stored }) => stored === 3)
  const { signal } = new AbortController()
  t.strictSame(await producer.sendAll(jobs(2), { signal }), { sent: 2, dropped: 0 })
  t.strictSame(errors, [])
})

t.test('many that give up at once are out at once', async (t) => {
  const clock = new VirtualClock()
  const { producer, runtime } = await alone(t, {}, clock)
  const controller = new AbortController()
  const gone = jobs(20_000).map(({ id }) => failure(producer.send({ id }, { timeoutMs: 1000 + (id % 50) })))
  const aborted = jobs(20_000).map(({ id }) => failure(producer.send({ id }, { signal: controller.signal })))
  const kept = jobs(10).map(({ id }) => producer.send({ id }, { id: `${id}`, timeoutMs: 10_000 }))
  clock.advance(2000)
  controller.abort()
  for (const error of await Promise.all(gone)) if (error.code !== 'RIVULET_TIMEOUT') t.fail(error.code)
  for (const error of await Promise.all(aborted)) if (error.code !== 'RIVULET_ABORTED') t.fail(error.code)
  t.match(producer.stats(), { accepted: 40_010, pending: 10, dropped: { withdrawn: 40_000 } })
  const host = await openHost({ runtime, bind: 'inproc://nobody' })
  clock.advance(2000)
  t.strictSame(
    (await Promise.all(kept)).map(({ id }) => id),
    jobs(10).map(({ id }) => `${id}`),
  )
  t.match(host.queue('jobs').stats(), { stored: 10 })
})

t.test('nobody knows of a send that has left', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const host = await openHost({ runtime, bind })
  const producer = await openProducer({ runtime }, host)
  await producer.send({ id: 1 })
  const controller = new AbortController()
  const sent = failure(producer.send({ id: 2 }, { signal: controller.signal }))
  await new Promise(process.nextTick) // the end of the turn
  await new Promise(process.nextTick)
  controller.abort()
  t.match(await sent, { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe' })
  await countsOf(host, ({ depth }) => depth === 2)
})

eachTransport(t, 'what cannot be sent is told, and harms nothing else', async (t, place) => {
  const host = await openHost(place, { maxMessageBytes: 2000 })
  const producer = await openProducer(place, host)
  const early = [producer.send({ id: 1, note: 'y'.repeat(3000) }), producer.send({ id: 2 })]
  const large = { code: 'RIVULET_MESSAGE_TOO_LARGE', executed: 'no' }
  t.match(await failure(early[0] as Promise<unknown>), large, 'though it had not heard of the limit')
  t.match(await early[1], { id: '1' })
  const errors = watch(producer)
  t.match(await failure(producer.send({ id: 3, note: 'y'.repeat(3000) })), large)
  // @ts-expect-error text where an int is due
  t.match(await failure(producer.send({ id: 'one' })), { code: 'RIVULET_INVALID_MESSAGE' })
  // @ts-expect-error an option that does not exist
  t.match(await failure(producer.send({ id: 1 }, { ttl: 5 })), { code: 'RIVULET_INVALID_OPTION' })
  t.match(await failure(producer.send({ id: 1 }, { id: '' })), { code: 'RIVULET_INVALID_OPTION' })
  t.match(await failure(producer.send({ id: 1 }, { delayMs: -1 })), { code: 'RIVULET_INVALID_OPTION' })
  // what only the host would refuse would take all that is in the outbox with it
  const half = { code: 'RIVULET_INVALID_OPTION' }
  const around = [producer.send({ id: 3 }), producer.send({ id: 4 })]
  t.match(await failure(producer.send({ id: 1 }, { id: 'half a pair: \ud800' })), half)
  t.match(await failure(producer.send({ id: 1 }, { key: '\udc00' })), half)
  t.match(await failure(producer.send({ id: 1 }, { ttlMs: 0 })), half)
  t.match(await Promise.all(around), [{ id: '2' }, { id: '3' }])
  t.strictSame(errors, [])
  producer.next({ id: 4, note: 'y'.repeat(3000) })
  t.match(errors, [{ code: 'RIVULET_MESSAGE_TOO_LARGE' }])
  throwError(() => new Error('a source')).subscribe(producer)
  t.match(errors[1], { code: 'RIVULET_SOURCE_FAILED' })
  t.match(await producer.sendAll([{ id: 5 }, { id: 6, note: 'y'.repeat(3000) }, { id: 7 }]), { sent: 2, dropped: 1 })
  t.match(host.queue('jobs').stats(), { stored: 5 })
})

t.test('large and small messages', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const host = await openHost({ runtime, bind })
  const producer = await openProducer({ runtime }, host)
  const consumer = await openConsumer({ runtime }, host)
  const sizes = [0, 10_000, 60_000, 70_000, 1_000_000, 5, 200_000, 3, 12_000_000, 1]
  await Promise.all(sizes.map((size, id) => producer.send({ id, note: 'z'.repeat(size) })))
  const taken = new Taken(consumer)
  await taken.at(sizes.length - 1)
  t.strictSame(
    taken.all.map(({ value }) => value.note.length),
    sizes,
  )
  await Promise.all(taken.all.map((delivery) => delivery.ack()))
})

t.test('ids and keys count for what leaves together, and for what the outbox holds', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const producer = await openProducer(here, host, { outboxBytes: 100_000_000 })
  const long = (id: number) => `${id}`.padStart(255, '\u8a9e')
  const small = jobs(2000).map(({ id }) => producer.send({ id }, { id: long(id), key: long(id) }))
  t.ok(producer.stats().pendingBytes > 2000 * 2 * 3 * 250)
  const large = producer.send({ id: 2000, note: 'z'.repeat(16_000_000) }, { id: 'large' })
  t.match(await large, { id: 'large', duplicate: false })
  t.equal((await Promise.all(small)).length, 2000)
  t.match(producer.stats(), { sent: 2001, pending: 0, pendingBytes: 0 })
})

t.test('a getter of a message that sends is refused, and its own promise is kept', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const host = await openHost({ runtime, bind })
  const producer = await openProducer({ runtime }, host)
  let inner: Promise<unknown> | undefined
  const outer = producer.send({
    get id() {
      inner ??= failure(producer.send({ id: 2 }, { id: 'inner' }))
      return 1
    },
  })
  t.strictSame(await outer, { id: '1', duplicate: false })
  t.match(await inner, { code: 'RIVULET_INVALID_MESSAGE' })
  await until(() => producer.stats().pending === 0)
})

t.test('a getter of a message that gives up its own send: it is not stored', async (t) => {
  const { producer, runtime } = await alone(t)
  const controller = new AbortController()
  const before = producer.send({ id: 1 })
  const aborting = {
    get id() {
      controller.abort('enough')
      return 2
    },
  }
  const given = failure(producer.send(aborting, { signal: controller.signal, id: 'two' }))
  const after = producer.send({ id: 3 })
  t.match(await given, { code: 'RIVULET_ABORTED', executed: 'no' })
  t.match(producer.stats(), { accepted: 3, dropped: { withdrawn: 1 }, pending: 2 })
  const host = await openHost({ runtime, bind: 'inproc://nobody' })
  t.match([await before, await after], [{ id: '1' }, { id: '2' }])
  t.match(host.queue('jobs').stats(), { stored: 2 })
})
