/** Closing either side: what is under way is finished, what cannot be is told, and all counts add up. */
import { setTimeout } from 'node:timers/promises'
import { concat, endWith, fromEvent, lastValueFrom, NEVER, of, Subject, takeUntil, toArray } from 'rxjs'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, Lab, openLab, openServer } from './lab.js'

eachTransport(t, 'a client that closes waits for its calls', async (t, at) => {
  const hold = deferred()
  const { client, server } = await openLab(t, at, { handlers: { get: ({ id }) => hold.promise.then(() => ({ id })) } })
  const held = client.promises.get({ id: 1 })
  const source = new Subject<{ id: number }>()
  const relayed = lastValueFrom(client.relay(source).pipe(toArray()))
  await until(() => server.stats().open === 2 && source.observed)
  const closing = client.close()
  t.equal(client.status, 'closing')
  t.match(await failure(client.promises.get({ id: 2 })), { code: 'RIVULET_CLOSED', executed: 'no' })
  source.next({ id: 5 })
  source.complete()
  hold.resolve()
  t.equal((await held).id, 1)
  t.equal((await relayed).length, 1)
  t.strictSame(await closing, { undelivered: 0 })
  t.equal(client.close(), client.close(), 'closing is shared')
  t.match(server.stats(), { started: 2, answered: 2, cancelled: 0 })
  await until(() => server.stats().sessions === 0)
})

t.test('a client that has waited long enough cancels the rest', async (t) => {
  const { client, server } = await openLab(t, place(t, 'tcp'), { handlers: { get: () => NEVER } })
  const held = failure(client.promises.get({ id: 1 }))
  await until(() => server.stats().open === 1)
  t.strictSame(await client.close({ timeoutMs: 100 }), { undelivered: 1 })
  t.match(await held, { code: 'RIVULET_CLOSED', executed: 'maybe' })
  await until(() => server.stats().cancelled === 1)
})

t.test('one-way calls that were just made arrive although the client closes', async (t) => {
  for (const transport of ['inproc', 'ipc', 'tcp'] as const) {
    let noted = 0
    const { client, server } = await openLab(t, place(t, transport), { handlers: { note: () => void noted++ } })
    await client.promises.peek({ id: 1 })
    for (let id = 0; id < 1000; id++) void client.promises.note({ id })
    t.strictSame(await client.close(), { undelivered: 0 })
    await until(() => server.stats().sessions === 0)
    t.equal(noted, 1000, transport)
  }
})

eachTransport(t, 'a server that closes waits for its handlers', async (t, at) => {
  const hold = deferred()
  const { client, server } = await openLab(t, at, {
    handlers: {
      get: ({ id }) => hold.promise.then(() => ({ id })),
      list: async function* ({ count }) {
        await hold.promise
        for (let id = 0; id < count; id++) yield { id }
      },
    },
  })
  const held = client.promises.get({ id: 1 })
  const listed = lastValueFrom(client.list({ count: 10_000 }).pipe(toArray()))
  await until(() => server.stats().open === 2)
  const closing = server.close()
  t.equal(server.status, 'closing')
  hold.resolve()
  t.equal((await held).id, 1)
  t.equal((await listed).length, 10_000)
  t.strictSame(await closing, { undelivered: 0 })
  t.match(server.stats(), { started: 2, answered: 2, open: 0, running: 0 })
})

eachTransport(t, 'a server that has waited long enough tells what it has not finished', async (t, at) => {
  const reasons: string[] = []
  const { client, server } = await openLab(t, at, {
    handlers: {
      get: (_request, { signal }) =>
        new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason.code))),
    },
  })
  const held = failure(client.promises.get({ id: 1 }))
  const retried = failure(client.promises.get({ id: 1 }, { idempotent: true, timeoutMs: 500 }))
  await until(() => server.stats().open === 2)
  t.strictSame(await server.close({ timeoutMs: 50 }), { undelivered: 2 })
  const closing = { code: 'RIVULET_SERVER_CLOSING', retryable: true, executed: 'maybe' }
  t.match(await held, closing, 'at once, and not after the retention')
  t.match(await retried, { code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'maybe' }, 'it waits for another server')
  t.strictSame(reasons.length, 2, 'the handlers were told')
})

t.test('a server without draining tells its clients, too', async (t) => {
  const { client, server } = await openLab(t, place(t, 'tcp'), { handlers: { get: () => NEVER } })
  const held = failure(client.promises.get({ id: 1 }))
  await until(() => server.stats().open === 1)
  t.strictSame(await server.close({ drain: false }), { undelivered: 1 })
  t.match(await held, { code: 'RIVULET_SERVER_CLOSING', executed: 'maybe' })
})

eachTransport(
  t,
  'a server that closes tells its handlers at once, and waits only until they have ended',
  async (t, at) => {
    const { client, server, serverErrors } = await openLab(t, at, {
      handlers: {
        list: (_request, { draining }) =>
          concat(of({ id: 1 }), NEVER).pipe(takeUntil(fromEvent(draining, 'abort')), endWith({ id: 2 })),
        // by its reason, or by what Node.js makes of it
        get: ({ id }, { draining }) =>
          id === 1
            ? new Promise((_resolve, reject) => draining.addEventListener('abort', () => reject(draining.reason)))
            : setTimeout(2 ** 31 - 1, { id }, { signal: draining }),
        async *relay(requests, { draining }) {
          for await (const item of requests) yield item
          draining.throwIfAborted()
        },
      },
    })
    const listed = lastValueFrom(client.list({ count: 1 }).pipe(toArray()))
    const told = [1, 2].map((id) => failure(client.promises.get({ id })))
    const source = new Subject<{ id: number }>()
    const relayed = failure(lastValueFrom(client.relay(source)))
    await until(() => server.stats().open === 4)
    // far beyond the time limit of a test
    const closing = server.close({ timeoutMs: 2 ** 31 - 1 })
    t.strictSame(await listed, [
      { id: 1, text: '' },
      { id: 2, text: '' },
    ])
    source.complete()
    const expected = { code: 'RIVULET_SERVER_CLOSING', retryable: true, executed: 'maybe' }
    for (const one of [...told, relayed]) t.match(await one, expected)
    t.strictSame(await closing, { undelivered: 0 })
    t.strictSame(serverErrors, [])
  },
)

t.test('calls that come while the only server drains wait for the next', async (t) => {
  const hold = deferred()
  const { client, server } = await openLab(t, place(t, 'tcp'), {
    handlers: { get: ({ id }) => hold.promise.then(() => ({ id })) },
  })
  const held = client.promises.get({ id: 1 })
  await until(() => server.stats().open === 1)
  const closing = server.close()
  const next = client.promises.get({ id: 2 })
  const impatient = failure(client.promises.get({ id: 3 }, { timeoutMs: 100 }))
  t.match(await impatient, { code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'no' })
  hold.resolve()
  await held
  await closing
  await openServer({ runtime: place(t, 'tcp').runtime, bind: server.endpoint })
  t.equal((await next).id, 2)
})

t.test('nobody waits for a server that is not there', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const client = await createRpcClient(Lab, { connect: bind, runtime })
  const waiting = failure(client.promises.get({ id: 1 }, { timeoutMs: 50 }))
  await waiting
  const { client: left, server } = await openLab(t, place(t, 'tcp'))
  await left.promises.get({ id: 1 })
  const started = performance.now()
  await Promise.all([client.close(), left.close(), server.close()])
  t.ok(performance.now() - started < 4000, 'not as long as `close` may take')
})

t.test('the counts of both sides add up', async (t) => {
  const at = place(t, 'tcp')
  const { client, server } = await openLab(t, at, {
    server: { maxConcurrentCalls: 40 },
    handlers: { get: ({ id }) => (id % 5 === 0 ? NEVER : { id }), peek: () => Promise.reject(new Error('x')) },
  })
  const held = deferred()
  const added = () => {
    const { started, succeeded, failed, open, waiting } = client.stats()
    t.equal(started, succeeded + failed + open + waiting)
    const counts = server.stats()
    t.equal(counts.started, counts.answered + counts.failed + counts.cancelled + counts.open)
  }
  const settled: Promise<unknown>[] = []
  const controller = new AbortController()
  for (let id = 0; id < 100; id++) {
    settled.push(client.promises.get({ id }, { timeoutMs: 300 }).catch(() => {}))
    settled.push(client.promises.get({ id: 0 }, { signal: controller.signal }).catch(() => {}))
    settled.push(client.promises.peek({ id }).catch(() => {}))
    settled.push(client.promises.total([{ id }, { id }]).catch(() => {}))
    settled.push(lastValueFrom(client.list({ count: id }), { defaultValue: undefined }).catch(() => {}))
    settled.push(client.promises.get({ id: 'x' as never }).catch(() => {}))
    if (id === 50) controller.abort()
    if (id % 20 === 0) added()
  }
  const other = await createRpcClient(Lab, { connect: server.endpoint, runtime: at.runtime })
  await Promise.all(settled)
  added()
  t.match(client.stats(), { started: 600, open: 0, waiting: 0, sessions: 1 })
  await until(() => server.stats().open === 0)
  const { started, refused, cancelled, sessions } = server.stats()
  t.ok(refused > 0 && cancelled > 0, `${started} started, ${refused} refused, ${cancelled} cancelled`)
  t.equal(sessions, 2)
  t.equal(server.stats().strayFrames, 0)
  t.ok(Object.isFrozen(client.stats()) && Object.isFrozen(server.stats()))
  held.resolve()
  await other.close()
  await until(() => server.stats().sessions === 1)
  added()
})
