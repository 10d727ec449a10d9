/** How both sides close, with and without draining: who waits for what, what is counted, and what is refused from then on. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { first, total, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** A runtime whose time stands still. */
function still(t: { teardown(done: () => unknown): void }) {
  const clock = new VirtualClock()
  const runtime = createRuntime({ clock })
  t.teardown(() => runtime.close({ drain: false }))
  return { clock, runtime }
}

/** Whether a promise is settled once the event loop has turned. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => {
    done = true
  })
  await new Promise(setImmediate)
  return done
}

eachTransport(t, 'the counts of a producer add up at every moment of its close', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  for (const job of jobs(10)) push.next(job)
  void push.close({ drain: false })
  while (!push.closed) {
    const { accepted, sent, pending, dropped } = push.stats()
    t.equal(sent + pending + total(dropped), accepted)
    await null
    if (pending === 0) await new Promise(setImmediate)
  }
})

eachTransport(t, 'a producer without a worker waits as long as it is told, and counts', async (t, { bind }) => {
  const { clock, runtime } = still(t)
  const push = await createPush({ schema: Job, bind, runtime })
  for (const job of jobs(10)) push.next(job)
  const closing = push.close({ timeoutMs: 300 })
  t.equal(push.status, 'closing')
  t.notOk(await settled(closing))
  clock.advance(299)
  t.notOk(await settled(closing))
  clock.advance(1)
  t.strictSame(await closing, { undelivered: 10 })
  t.equal(push.status, 'closed')
  t.match(push.stats(), { accepted: 10, sent: 0, pending: 0, pendingBytes: 0 })
  t.strictSame(push.stats().dropped, { closed: 10 })
})

eachTransport(t, 'a producer waits five seconds unless it is told', async (t, { bind }) => {
  const { clock, runtime } = still(t)
  const push = await createPush({ schema: Job, bind, runtime })
  push.next({ id: 1 })
  const closing = push.close()
  t.notOk(await settled(closing))
  clock.advance(4999)
  t.notOk(await settled(closing))
  clock.advance(1)
  t.strictSame(await closing, { undelivered: 1 })
})

for (const options of [{ drain: false }, { timeoutMs: 0 }]) {
  eachTransport(t, `a producer that closes with ${JSON.stringify(options)} waits for nothing`, async (t, { bind }) => {
    const { runtime } = still(t)
    const push = await createPush({ schema: Job, bind, runtime })
    const waiting = [push.send({ id: 1 }), push.sendAll(jobs(9))]
    await Promise.all(waiting)
    t.strictSame(await push.close(options), { undelivered: 10 })
    t.strictSame(push.stats().dropped, { closed: 10 })
  })
}

eachTransport(t, 'closing ends what waits for room, and refuses what comes later', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime, outboxBytes: 1, maxBatchMessages: 1 })
  const codes: string[] = []
  push.errors.subscribe(({ code }) => codes.push(code))
  push.next({ id: 1 })
  const sends = [push.send({ id: 2 }), push.send({ id: 3 })]
  const all = push.sendAll(jobs(10))
  const endless = push.sendAll(
    (async function* () {
      await new Promise(() => {})
      yield { id: 1 }
    })(),
  )
  await new Promise(setImmediate)
  const results = Promise.allSettled([...sends, all, endless])
  const closing = push.close({ drain: false })
  push.next({ id: 4 })
  await t.rejects(push.send({ id: 5 }), { code: 'RIVULET_CLOSED' })
  await t.rejects(push.sendAll(jobs(1)), { code: 'RIVULET_CLOSED' })
  for (const result of await results) t.match(result, { reason: { code: 'RIVULET_CLOSED' } })
  t.strictSame(await closing, { undelivered: 1 })
  t.strictSame(codes, ['RIVULET_CLOSED'])
  t.match(push.stats(), { accepted: 1, sent: 0, pending: 0, dropped: { closed: 1 }, refused: { closed: 5 } })
})

eachTransport(t, 'a worker lets its subscriber finish what it has read', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  for (const job of jobs(10)) push.next(job)
  const done: number[] = []
  let go = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  let completed = false
  pull.messages
    .process(async ({ id }) => {
      await gate
      return id
    })
    .subscribe({
      next: (id) => done.push(id),
      complete: () => {
        completed = true
      },
    })
  await until(() => pull.stats().delivered === 1)
  t.equal(pull.stats().pending, 9)
  const closing = pull.close()
  t.notOk(await settled(closing))
  go()
  t.strictSame(await closing, { undelivered: 0 })
  await until(() => completed)
  t.strictSame(done, [...Array(10).keys()])
  t.match(pull.stats(), { received: 10, delivered: 10, pending: 0, dropped: {} })
})

eachTransport(t, 'a worker gives up on a subscriber that takes too long', async (t, { bind }) => {
  const { clock, runtime } = still(t)
  const push = await createPush({ schema: Job, bind, runtime })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  for (const job of jobs(10)) push.next(job)
  pull.messages.process(() => new Promise(() => {})).subscribe()
  await until(() => pull.stats().delivered === 1)
  const closing = pull.close({ timeoutMs: 300 })
  t.notOk(await settled(closing))
  clock.advance(300)
  t.strictSame(await closing, { undelivered: 9 })
  t.match(pull.stats(), { received: 10, delivered: 1, pending: 0 })
  t.strictSame(pull.stats().dropped, { closed: 9 })
})

eachTransport(t, 'a worker whom nobody listens to does not wait', async (t, { bind }) => {
  const { runtime } = still(t)
  const push = await createPush({ schema: Job, bind, runtime })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  for (const job of jobs(10)) push.next(job)
  await first(pull.messages)
  t.strictSame(await pull.close(), { undelivered: 9 })
  t.strictSame(pull.stats().dropped, { closed: 9 })
})

eachTransport(t, 'closing completes every observable, once, and is shared', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  const ends: string[] = []
  const note = (name: string) => ({ complete: () => ends.push(name) })
  pull.messages.subscribe(note('messages'))
  pull.errors.subscribe(note('errors'))
  pull.links.subscribe(note('links'))
  push.errors.subscribe(note('errors of push'))
  push.links.subscribe(note('links of push'))
  const loop = (async () => {
    for await (const _ of pull.messages) t.fail('nothing was sent')
  })()
  const closings = [pull.close(), pull.close({ drain: false })]
  t.equal(closings[0], closings[1])
  await Promise.all([...closings, push.close(), loop])
  t.strictSame(ends.sort(), ['errors', 'errors of push', 'links', 'links of push', 'messages'])
  t.ok(pull.closed && push.closed)
  t.equal(runtime.size, 0)
})

eachTransport(t, 'an aborted signal closes without draining', async (t, { runtime, bind }) => {
  const controller = new AbortController()
  const push = await createPush({ schema: Job, bind, runtime, signal: controller.signal })
  push.next({ id: 1 })
  controller.abort()
  await push.whenClosed
  t.strictSame(push.stats().dropped, { closed: 1 })
  const { signal } = controller
  await t.rejects(createPull({ schema: Job, bind, runtime, signal }), { code: 'RIVULET_ABORTED' })
})
