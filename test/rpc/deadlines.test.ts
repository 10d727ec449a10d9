/** Deadlines: at both ends, for calls that wait, for streams, and for handlers that are late. */
import { firstValueFrom, interval, map, NEVER, take, toArray } from 'rxjs'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, Lab, openLab } from './lab.js'

/** Long enough for a call to reach its handler on a machine with other work. */
const shortMs = 200

eachTransport(t, 'a late handler is cancelled, and its caller told', async (t, at) => {
  const reasons: string[] = []
  const { client, server } = await openLab(t, at, {
    handlers: {
      get: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason.code)
            reject(signal.reason)
          })
        }),
      list: async function* (_request, { signal }) {
        yield { id: 1 }
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        reasons.push(signal.reason.code)
      },
    },
  })
  const started = performance.now()
  const late = { code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'maybe' }
  t.match(await failure(client.promises.get({ id: 1 }, { timeoutMs: shortMs })), late)
  t.ok(performance.now() - started >= shortMs - 1, 'not before its time')
  const seen: number[] = []
  const stream = async () => {
    for await (const { id } of client.list({ count: 1 }, { timeoutMs: shortMs })) seen.push(id)
  }
  t.match(await failure(stream()), late)
  t.strictSame(seen, [1])
  await until(() => reasons.length === 2)
  // the server sees the deadline by itself, or is told by the client that it is over: whichever is first
  t.ok(reasons.every((code) => ['RIVULET_DEADLINE_EXCEEDED', 'RIVULET_CANCELLED'].includes(code)))
  await until(() => server.stats().cancelled === 2)
  t.match(server.stats(), { open: 0, running: 0 })
})

eachTransport(t, 'a deadline may be as far away as a number can say', async (t, at) => {
  const { client, server } = await openLab(t, at, {
    handlers: { get: ({ id }, { remainingMs }) => ({ id, text: remainingMs > 1e12 ? 'far away' : `${remainingMs}` }) },
  })
  for (const timeoutMs of [1e13, Number.MAX_SAFE_INTEGER, 1e300, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
    t.strictSame(await client.promises.get({ id: 1 }, { timeoutMs }), { id: 1, text: 'far away' }, `${timeoutMs}`)
    t.strictSame(await firstValueFrom(client.list({ count: 1 }, { timeoutMs }).pipe(toArray())), [{ id: 0, text: '' }])
  }
  t.match(server.stats(), { answered: 10, refused: 0 })
})

t.test('the server holds to a deadline by itself', async (t) => {
  const reasons: string[] = []
  const { client, server } = await openLab(t, place(t, 'tcp'), {
    handlers: {
      note: (_request, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason.code)
            resolve()
          })
        }),
    },
  })
  // the client has its outcome at once: nothing but the deadline ends this handler
  await client.promises.note({ id: 1 }, { timeoutMs: shortMs })
  await until(() => reasons.length === 1)
  t.strictSame(reasons, ['RIVULET_DEADLINE_EXCEEDED'])
  t.match(server.stats(), { started: 1, cancelled: 1, open: 0 })
})

t.test('calls that wait for a server end at their deadline, and never run', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const client = await createRpcClient(Lab, { connect: bind, runtime })
  const error = await failure(client.promises.get({ id: 1 }, { timeoutMs: 30 }))
  t.match(error, { code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'no' })
  const iterator = client.list({ count: 1 }, { timeoutMs: 30 })[Symbol.asyncIterator]()
  t.match(await failure(iterator.next()), { code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'no' })
  t.match(await failure(client.promises.total([{ id: 1 }], { timeoutMs: 30 })), { executed: 'no' })
  t.match(await failure(client.promises.get({ id: 1 }, { timeoutMs: 0 })), { executed: 'no' })
  t.match(client.stats(), { started: 4, failed: 4, waiting: 0 })
})

t.test('the deadline of a client holds for calls with one response', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'), {
    client: { timeoutMs: shortMs },
    handlers: {
      get: () => NEVER,
      list: ({ count }) =>
        interval(shortMs / 5).pipe(
          take(count),
          map((id) => ({ id })),
        ),
    },
  })
  const streaming = firstValueFrom(client.list({ count: 8 }).pipe(toArray()))
  t.match(await failure(client.promises.get({ id: 1 })), { code: 'RIVULET_DEADLINE_EXCEEDED' })
  t.match(await failure(firstValueFrom(client.get({ id: 1 }))), { code: 'RIVULET_DEADLINE_EXCEEDED' })
  t.equal((await streaming).length, 8, 'a stream takes as long as it takes')
})

t.test('an observable counts its time from its subscription', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'))
  const cold = client.get({ id: 1 }, { timeoutMs: shortMs })
  await failure(client.promises.total(NEVER, { timeoutMs: shortMs + 50 }))
  t.equal((await firstValueFrom(cold)).id, 1)
})

t.test('many deadlines at once', async (t) => {
  const { client, server } = await openLab(t, place(t, 'tcp'), { handlers: { get: () => NEVER } })
  await client.promises.peek({ id: 1 })
  const ended: number[] = []
  const calls = Array.from({ length: 200 }, (_, id) =>
    failure(client.promises.get({ id }, { timeoutMs: shortMs + (id % 4) * 50 })).then((error) => {
      ended.push(id % 4)
      return error
    }),
  )
  const errors = await Promise.all(calls)
  t.ok(errors.every(({ code }) => code === 'RIVULET_DEADLINE_EXCEEDED'))
  t.strictSame(ended, [...ended].sort(), 'the earlier ones first')
  await until(() => server.stats().open === 0)
  t.match(client.stats(), { started: 201, succeeded: 1, failed: 200, open: 0 })
})
