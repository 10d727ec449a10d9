/**
 * Closing: what was accepted still leaves, what was received is still delivered, and nothing holds the process.
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { complaint, loader, run } from '../child-process.js'
import { turn, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { childPublisher } from './child-publisher.js'
import { Seen } from './seen.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

eachTransport(t, 'what a publisher accepted leaves before it is closed', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  for (const job of jobs(10_000)) topic.next(job)
  t.strictSame(await publisher.close(), { undelivered: 0 })
  await seen.count(10_000)
  t.equal(publisher.status, 'closed')
})

eachTransport(
  t,
  'and arrives, although its process ends',
  async (t, { runtime, bind }) => {
    const publisher = await childPublisher(t, bind)
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const seen = new Seen(subscriber.topic('a', Job))
    await subscriber.ready
    publisher.publish(
      'a',
      Array.from({ length: 100 }, (_, id) => id),
    )
    await seen.count(1)
    const { undelivered, sent, code } = await publisher.close()
    t.strictSame({ undelivered, code }, { undelivered: 0, code: 0 })
    await seen.count(sent)
    t.equal(seen.values.length, sent)
  },
  ['ipc', 'tcp'],
)

eachTransport(t, 'without draining, what waits is lost and counted', async (t, { runtime, bind, transport }) => {
  const publisher = await createPublisher({ bind, runtime, slowSubscribers: 'wait', highWaterMark: 1 })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime, highWaterMark: 1 })
  const { opened, open } = gate()
  subscriber
    .topic('a', Job)
    .process(() => opened)
    .subscribe()
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  const count = transport === 'tcp' ? 200 : 60
  for (const { id } of jobs(count)) {
    topic.next({ id, note: 'x'.repeat(60_000) })
    await turn()
  }
  const { undelivered } = await publisher.close({ drain: false })
  t.ok(undelivered > 0)
  const stats = publisher.stats()
  t.strictSame(stats.dropped, { closed: undelivered })
  t.equal(stats.accepted, stats.sent + undelivered)
  open()
})

eachTransport(t, 'what a subscriber received is delivered before it is closed', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const done: number[] = []
  let completed = false
  subscriber
    .topic('a', Job)
    .process(async ({ id }) => {
      await turn()
      done.push(id)
    })
    .subscribe({
      complete: () => {
        completed = true
      },
    })
  await subscriber.ready
  await publisher.topic('a', Job).sendAll(jobs(50))
  await until(() => subscriber.stats().received === 50)
  t.ok(done.length < 50)
  t.strictSame(await subscriber.close(), { undelivered: 0 })
  await until(() => completed)
  t.strictSame(
    done,
    jobs(50).map(({ id }) => id),
  )
  t.match(subscriber.stats(), { received: 50, delivered: 50, pending: 0, dropped: {} })
})

t.test('and is lost and counted without draining', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const iterator = subscriber.topic('a', Job)[Symbol.asyncIterator]()
  const first = iterator.next()
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  for (const job of jobs(50)) topic.next(job) // in one turn, so that they are one frame
  await first
  await until(() => subscriber.stats().received === 50)
  t.strictSame(await subscriber.close({ drain: false }), { undelivered: 49 })
  t.match(subscriber.stats(), { received: 50, delivered: 1, pending: 0, dropped: { closed: 49 } })
  t.strictSame(await iterator.next(), { done: true, value: undefined })
})

eachTransport(t, 'streams complete, also those that are taken after', async (t, { runtime, bind }) => {
  const subscriber = await createSubscriber({ bind, runtime })
  const ends: string[] = []
  subscriber.topic('a', Job).subscribe({ complete: () => ends.push('values') })
  subscriber.events('a', Job).subscribe({ complete: () => ends.push('events') })
  subscriber.errors.subscribe({ complete: () => ends.push('errors') })
  await subscriber.close()
  subscriber.topic('b', Job).subscribe({ complete: () => ends.push('later') })
  subscriber.topic('a', Job).subscribe({ complete: () => ends.push('again') })
  t.strictSame(ends.toSorted(), ['again', 'errors', 'events', 'later', 'values'])
})

t.test('nothing keeps the process alive', async (t) => {
  const program = `
    import { createPublisher, createSubscriber } from './patterns/pubsub/index.js'
    import { Job } from './test/support/job.js'
    for (const bind of ['tcp://127.0.0.1:*', 'ipc://*', 'inproc://a']) {
      const publisher = await createPublisher({ bind })
      const subscriber = await createSubscriber({ connect: publisher.endpoint })
      const away = await createSubscriber({ connect: ['tcp://127.0.0.1:9', 'inproc://nobody'] })
      away.topic('#', Job).subscribe()
      away.ready.catch(() => {})
      subscriber.topic('a', Job).subscribe(async ({ id }) => {
        await subscriber.close()
        await publisher.close()
        // its subscriptions never reached anybody: they are not waited for
        await away.close({ timeoutMs: 60_000 })
        console.log('closed ' + id)
      })
      await subscriber.ready
      publisher.topic('a', Job).next({ id: 1 })
    }
  `
  const args = [...loader, '--input-type=module', '-']
  const ended = await run(process.execPath, args, { cwd: root, timeoutMs: 20_000, input: program })
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'closed 1\nclosed 1\nclosed 1\n')
})

/** A promise, and how to resolve it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
