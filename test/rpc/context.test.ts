/** What a handler knows of its call: headers, deadline, peer, names and signal; and calls that are made for a call. */
import t from 'tap'
import { type CallContext, createRpcClient } from '../../patterns/rpc/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, Lab, openLab, openServer } from './lab.js'

/** Keeps the process busy. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Handlers that keep the contexts of their calls. */
function keeping() {
  const contexts: CallContext[] = []
  const keep = ({ id }: { id: number }, context: CallContext) => {
    contexts.push(context)
    return { id }
  }
  return { contexts, handlers: { get: keep, peek: keep } }
}

eachTransport(t, 'headers', async (t, at) => {
  const { contexts, handlers } = keeping()
  const { client } = await openLab(t, at, { handlers })
  const headers = { trace: 'a-1', 'with space': 'ä ö ü', '': 'empty', __proto__x: '1', constructor: 'text' }
  await client.promises.get({ id: 1 }, { headers })
  await client.promises.get({ id: 1 })
  t.strictSame({ ...contexts[0]?.headers }, headers)
  t.equal(Object.getPrototypeOf(contexts[0]?.headers), null)
  t.strictSame(Object.keys(contexts[1]?.headers ?? { x: 1 }), [])
})

t.test('headers have bounds', async (t) => {
  const { contexts, handlers } = keeping()
  const { client } = await openLab(t, place(t, 'inproc'), { handlers })
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, 'x']))
  await client.promises.get({ id: 1 }, { headers: many(64) })
  t.equal(Object.keys(contexts[0]?.headers ?? {}).length, 64)
  t.throws(() => client.get({ id: 1 }, { headers: many(65) }), { code: 'RIVULET_INVALID_OPTION' })
  await client.promises.get({ id: 1 }, { headers: { a: 'x'.repeat(16_000) } })
  t.throws(() => client.get({ id: 1 }, { headers: { a: 'x'.repeat(16_384) } }), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => client.get({ id: 1 }, { headers: { a: '\ud800' } }), { code: 'RIVULET_INVALID_OPTION' })
  const mine: Record<string, string> = { a: 'before' }
  const cold = client.promises.get({ id: 1 }, { headers: mine })
  mine.a = 'after'
  await cold
  t.equal(contexts[2]?.headers.a, 'before', 'they are copied')
})

t.test('deadline, names and peer', async (t) => {
  const { contexts, handlers } = keeping()
  const at = place(t, 'tcp')
  const { client, server } = await openLab(t, at, { handlers })
  await client.promises.get({ id: 1 }, { timeoutMs: 5000 })
  await client.promises.peek({ id: 1 }, { timeoutMs: Number.POSITIVE_INFINITY })
  const [timed, endless] = contexts as [CallContext, CallContext]
  t.ok(timed.remainingMs > 0 && timed.remainingMs <= 5000, `${timed.remainingMs} ms`)
  const leftMs = (timed.deadline?.getTime() ?? Number.NaN) - at.runtime.clock.wallNow()
  t.ok(leftMs > 0 && leftMs <= 5000, `${leftMs} ms by the time of day`)
  t.equal(endless.remainingMs, Number.POSITIVE_INFINITY)
  t.equal(endless.deadline, undefined)
  await client.promises.get({ id: 1 }, { timeoutMs: 1e300 })
  t.equal(contexts[2]?.deadline?.getTime(), 8.64e15, 'the last time that a Date has')
  t.match(timed, { service: 'test.Lab', method: 'get' })
  t.equal(endless.method, 'peek')
  t.equal(timed.peer, endless.peer, 'the same client')
  const other = await createRpcClient(Lab, { connect: server.endpoint, runtime: at.runtime })
  await other.promises.get({ id: 1 })
  t.not(contexts[3]?.peer, timed.peer)
})

t.test('a default deadline of the client, and none for streams', async (t) => {
  const deadlines: number[] = []
  const { client } = await openLab(t, place(t, 'inproc'), {
    client: { timeoutMs: 2000 },
    handlers: {
      get({ id }, { remainingMs }) {
        deadlines.push(remainingMs)
        return { id }
      },
      list(_request, { remainingMs }) {
        deadlines.push(remainingMs)
        return []
      },
    },
  })
  await client.promises.get({ id: 1 })
  for await (const item of client.list({ count: 1 })) t.fail(item)
  for await (const item of client.list({ count: 1 }, { timeoutMs: 3000 })) t.fail(item)
  const [unary, stream, timed] = deadlines as [number, number, number]
  t.ok(unary > 0 && unary <= 2000, `${unary}`)
  t.equal(stream, Number.POSITIVE_INFINITY)
  t.ok(timed > 2000 && timed <= 3000, `${timed}`)
})

t.test('the signal is made when it is asked for, also after the end', async (t) => {
  const { contexts, handlers } = keeping()
  const hold = deferred()
  const { client, server } = await openLab(t, place(t, 'inproc'), {
    handlers: {
      ...handlers,
      get: async ({ id }, context) => {
        contexts.push(context)
        await hold.promise
        return { id }
      },
    },
  })
  const controller = new AbortController()
  const call = failure(client.promises.get({ id: 1 }, { signal: controller.signal }))
  await until(() => contexts.length === 1)
  controller.abort()
  await call
  await until(() => server.stats().cancelled === 1)
  const { signal } = contexts[0] as CallContext
  t.equal(signal.aborted, true)
  t.match(signal.reason, { code: 'RIVULET_CANCELLED' })
  hold.resolve()
  await client.promises.peek({ id: 1 })
  t.equal(contexts[1]?.signal.aborted, false, 'a call with an outcome is not aborted')
})

t.test('calls that are made for a call see a smaller deadline', async (t) => {
  const at = place(t, 'tcp')
  const seen: number[] = []
  const { server: back } = await openLab(t, at, {
    handlers: {
      get({ id }, { remainingMs }) {
        seen.push(remainingMs)
        return { id: id + 1 }
      },
    },
  })
  const toBack = await createRpcClient(Lab, { connect: back.endpoint, runtime: at.runtime })
  const front = await openServer(at, {
    get(request, context) {
      seen.push(context.remainingMs)
      block(20) // the work before the nested call
      return toBack.get(request, { context })
    },
    // the caller's own limit holds if it is earlier
    peek: (request, context) => toBack.promises.get(request, { context, timeoutMs: 100 }),
  })
  const client = await createRpcClient(Lab, { connect: front.endpoint, runtime: at.runtime })
  t.equal((await client.promises.get({ id: 1 }, { timeoutMs: 10_000 })).id, 2)
  const [outer, inner] = seen as [number, number]
  t.ok(outer <= 10_000 && inner <= outer - 20 && inner > 0, `${outer} ms, then ${inner} ms`)
  t.equal((await client.promises.peek({ id: 1 }, { timeoutMs: 10_000 })).id, 2)
  t.ok((seen[2] as number) <= 100)
})

t.test('calls that are made for a call are cancelled with it', async (t) => {
  const at = place(t, 'inproc')
  const aborted = deferred()
  const { server: back } = await openLab(t, at, {
    handlers: {
      get: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted.resolve()
            reject(signal.reason)
          })
        }),
    },
  })
  const toBack = await createRpcClient(Lab, { connect: back.endpoint, runtime: at.runtime })
  const front = await openServer(
    { runtime: at.runtime, bind: `${at.bind}-front` },
    { get: (request, context) => toBack.promises.get(request, { context }) },
  )
  const client = await createRpcClient(Lab, { connect: front.endpoint, runtime: at.runtime })
  const subscription = client.get({ id: 1 }).subscribe()
  await until(() => back.stats().open === 1)
  subscription.unsubscribe()
  await aborted.promise
  await until(() => toBack.stats().failed === 1)
  t.match(back.stats(), { cancelled: 1, open: 0 })
})

t.test('an option that is undefined takes the default of the client', async (t) => {
  const { contexts, handlers } = keeping()
  const at = place(t, 'inproc')
  const { server } = await openLab(t, at, { handlers })
  const client = await createRpcClient(Lab, { connect: server.endpoint, runtime: at.runtime, timeoutMs: 5000 })
  const options = { timeoutMs: undefined, waitForReady: undefined } as object
  await client.promises.get({ id: 1 }, options)
  const [context] = contexts as [CallContext]
  t.ok(context.remainingMs > 0 && context.remainingMs <= 5000, `${context.remainingMs} ms`)
})
