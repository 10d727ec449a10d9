/** What ends a call other than a response: declared errors, and every code of docs/patterns/rpc.md with what it says of the handler. */
import { firstValueFrom, NEVER, Observable, of, throwError } from 'rxjs'
import t from 'tap'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineService, isDeclaredError, RivuletError } from '../../src/avro/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, Lab, openLab } from './lab.js'

eachTransport(t, 'declared errors', async (t, at) => {
  const { client, server, serverErrors } = await openLab(t, at, {
    handlers: {
      get: async ({ id }) => {
        if (id === 1) throw Lab.error('get', 'NotFound', { id })
        throw Lab.error('get', 'Busy', { queue: 'main' })
      },
      list: async function* () {
        yield { id: 1 }
        throw Lab.error('list', 'NotFound', { id: 2 })
      },
      total: () => throwError(() => Lab.error('total', 'NotFound', { id: 3 })),
      relay: () => throwError(() => Lab.error('relay', 'NotFound', { id: 4 })),
    },
  })
  const error: unknown = await failure(client.promises.get({ id: 1 }))
  if (!isDeclaredError(Lab, 'get', error)) throw error
  if (error.errorName === 'NotFound') {
    const { id } = error.value
    t.equal(id satisfies number, 1)
    // @ts-expect-error the other error has that
    t.equal(error.value.queue, undefined)
  } else t.fail('NotFound was thrown')
  const busy = await failure(client.promises.get({ id: 2 }))
  t.match(busy, { errorName: 'Busy', value: { queue: 'main' } })
  const seen: number[] = []
  const listing = async () => {
    for await (const { id } of client.list({ count: 1 })) seen.push(id)
  }
  t.match(await failure(listing()), { errorName: 'NotFound', value: { id: 2 } })
  t.strictSame(seen, [1], 'what came before')
  t.match(await failure(client.promises.total([])), { errorName: 'NotFound', value: { id: 3 } })
  t.match(await failure(firstValueFrom(client.relay(NEVER))), { errorName: 'NotFound', value: { id: 4 } })
  t.equal(isDeclaredError(Lab, 'list', busy), false)
  t.strictSame(serverErrors, [], 'they are no failures of the server')
  t.match(server.stats(), { failed: 5, open: 0 })
})

t.test('internal: what a handler throws stays at the server', async (t) => {
  const secret = () => new TypeError('password 1234')
  const ways: (() => unknown)[] = [
    () => {
      throw secret()
    },
    () => Promise.reject(secret()),
    () => throwError(secret),
    () => of(),
    () => ({ id: 'no number' }),
    () => undefined,
    () => {
      throw undefined
    },
    () => {
      throw new RivuletError('RIVULET_OVERLOADED', 'password 1234')
    },
    () => Promise.resolve(throwError(secret)),
    () =>
      new Observable(() => {
        throw secret()
      }),
  ]
  const { client, serverErrors, server } = await openLab(t, place(t, 'inproc'), {
    handlers: { get: ({ id }) => ways[id]?.() as never, list: ({ count }) => ways[count]?.() as never },
  })
  for (let id = 0; id < ways.length; id++) {
    const error = await failure(client.promises.get({ id }))
    t.match(error, { code: 'RIVULET_INTERNAL', executed: 'maybe', message: 'test.Lab.get failed at the server' })
    t.equal(error.cause, undefined)
    t.equal(serverErrors.at(-1)?.code, 'RIVULET_INTERNAL')
    t.notOk(/password/.test(JSON.stringify(error)), `way ${id}`)
  }
  t.match(serverErrors[0]?.cause, { message: 'password 1234' })
  for (const count of [0, 1, 2, 7, 8, 9]) {
    const error = await failure(firstValueFrom(client.list({ count })))
    t.match(error, { code: 'RIVULET_INTERNAL', executed: 'maybe' }, `stream, way ${count}`)
  }
  t.match(server.stats(), { open: 0, running: 0 })
})

t.test('internal: declared errors of other methods, which the server names', async (t) => {
  const text = { request: [], response: 'null', errors: ['NotFound'] } as const
  const types = [{ type: 'error', name: 'NotFound', fields: [{ name: 'id', type: 'long' }] }] as const
  const Shelf = defineService({ protocol: 'Shelf', types, messages: { look: text } })
  const NextLab = defineService({ protocol: 'Lab', namespace: 'test', types, messages: { get: text } })
  const missing = (method: 'get' | 'list' | 'total') => Lab.error(method, 'NotFound', { id: 1 })
  const thrown: [unknown, string][] = [
    [missing('list'), "NotFound of test.Lab.list; its own is made with error('get', 'NotFound', …)"],
    [Shelf.error('look', 'NotFound', { id: 1 }), 'NotFound of Shelf.look, which test.Lab.get does not declare'],
    [NextLab.error('get', 'NotFound', { id: 1 }), 'NotFound of test.Lab.get in another version of the service'],
    [Object.assign(missing('list'), { errorName: 'X' }), 'X of test.Lab.list, which test.Lab.get does not declare'],
  ]
  const { client, serverErrors, server } = await openLab(t, place(t, 'inproc'), {
    handlers: {
      get: ({ id }) => Promise.reject(thrown[id]?.[0]),
      list: () => throwError(() => Lab.error('get', 'Busy', { queue: 'main' })),
      note: () => Promise.reject(missing('get')),
    },
  })
  const internal = { code: 'RIVULET_INTERNAL', executed: 'maybe' }
  for (const [id, [cause, what]] of thrown.entries()) {
    const error = await failure(client.promises.get({ id }))
    t.match(error, { ...internal, message: 'test.Lab.get failed at the server', cause: undefined })
    t.match(serverErrors.at(-1), { ...internal, message: `test.Lab.get: its handler threw ${what}` })
    t.equal(serverErrors.at(-1)?.cause, cause)
  }
  t.match(await failure(firstValueFrom(client.list({ count: 1 }))), internal)
  t.match(serverErrors.at(-1)?.message, 'list: its handler threw Busy of test.Lab.get, which test.Lab.list does not')
  await client.promises.note({ id: 1 })
  await until(() => serverErrors.length === thrown.length + 2)
  t.match(serverErrors.at(-1)?.message, 'threw NotFound of test.Lab.get, which test.Lab.note does not declare')
  t.match(server.stats(), { answered: 0, failed: thrown.length + 2, open: 0 })
})

t.test('internal: responses that do not fit', async (t) => {
  const { client, serverErrors } = await openLab(t, place(t, 'inproc'), {
    handlers: {
      list: () => [{ id: 1 }, { id: 'two' as never }, { id: 3 }],
      relay: () => 5 as never,
    },
  })
  const seen: number[] = []
  const listing = async () => {
    for await (const { id } of client.list({ count: 1 })) seen.push(id)
  }
  t.match(await failure(listing()), { code: 'RIVULET_INTERNAL', executed: 'maybe' })
  t.strictSame(seen, [1])
  t.match(serverErrors[0]?.cause, { code: 'RIVULET_INVALID_MESSAGE' })
  t.match(await failure(firstValueFrom(client.relay([]))), { code: 'RIVULET_INTERNAL' })
})

t.test('one-way calls that fail are told to the server alone', async (t) => {
  const { client, serverErrors } = await openLab(t, place(t, 'inproc'), {
    handlers: {
      note: async ({ id }) => {
        if (id === 1) throw new Error('broken')
      },
    },
  })
  await client.promises.note({ id: 1 })
  await until(() => serverErrors.length === 1)
  t.match(serverErrors[0], { code: 'RIVULET_INTERNAL', cause: { message: 'broken' } })
})

t.test('invalid: a request that does not fit its schema', async (t) => {
  const { client, server } = await openLab(t, place(t, 'inproc'))
  const invalid = { code: 'RIVULET_INVALID_MESSAGE', executed: 'no' }
  t.match(await failure(client.promises.get({ id: 'seven' as never })), { ...invalid, issues: [{ path: /id/ }] })
  t.match(await failure(client.promises.get(undefined as never)), invalid)
  t.match(await failure(firstValueFrom(client.list({ count: 1.5 }))), invalid)
  t.match(await failure(client.promises.note({} as never)), invalid)
  await client.promises.peek({ id: 1 })
  t.equal(server.stats().started, 1)
  t.match(await failure(client.promises.total([{ id: 1 }, { id: 2.5 }])), {
    code: 'RIVULET_INVALID_MESSAGE',
    executed: 'maybe',
  })
})

t.test('a source of requests that fails', async (t) => {
  const codes: string[] = []
  const { client, server } = await openLab(t, place(t, 'inproc'), {
    handlers: {
      async total(requests) {
        try {
          for await (const _ of requests);
        } catch (error) {
          codes.push((error as RivuletError).code)
        }
        return 0
      },
    },
  })
  async function* broken() {
    yield { id: 1 }
    throw new Error('no more')
  }
  const error = await failure(client.promises.total(broken()))
  t.match(error, { code: 'RIVULET_SOURCE_FAILED', executed: 'maybe', cause: { message: 'no more' } })
  t.match(await failure(client.promises.total(5 as never)), { code: 'RIVULET_INVALID_OPTION' })
  await until(() => codes.length === 2)
  t.strictSame(codes, ['RIVULET_CANCELLED', 'RIVULET_CANCELLED'])
  t.match(server.stats(), { cancelled: 2, open: 0 })
})

t.test('unimplemented: a server without the method, or the service', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const method = { request: [{ name: 'id', type: 'int' }], response: 'int' } as const
  const Older = defineService({ protocol: 'Growing', messages: { one: method } })
  const Newer = defineService({ protocol: 'Growing', messages: { one: method, two: method } })
  await createRpcServer({ bind, runtime, services: [implement(Older, { one: ({ id }) => id })] })
  const client = await createRpcClient(Newer, { connect: bind, runtime })
  const unimplemented = { code: 'RIVULET_UNIMPLEMENTED', executed: 'no' }
  t.match(await failure(client.promises.two({ id: 1 })), { ...unimplemented, message: /Growing\.two/ })
  t.equal(await client.promises.one({ id: 1 }), 1)
  const stranger = await createRpcClient(Lab, { connect: bind, runtime })
  t.match(await failure(stranger.promises.get({ id: 1 })), { ...unimplemented, message: /test\.Lab/ })
  t.match(await failure(firstValueFrom(stranger.list({ count: 1 }))), unimplemented)
})

t.test('overloaded: more calls than the server takes', async (t) => {
  const hold = deferred()
  const { client, server } = await openLab(t, place(t, 'tcp'), {
    server: { maxConcurrentCalls: 10 },
    handlers: { get: async ({ id }) => hold.promise.then(() => ({ id })) },
  })
  const outcomes = Array.from({ length: 25 }, (_, id) => client.promises.get({ id }).catch((error) => error))
  await until(() => server.stats().refused === 15)
  t.match(server.stats(), { running: 10, started: 10, open: 10 })
  hold.resolve()
  const results = await Promise.all(outcomes)
  const failed = results.filter((result) => result instanceof RivuletError)
  t.equal(failed.length, 15)
  t.ok(failed.every(({ code, executed, retryable }) => code === 'RIVULET_OVERLOADED' && executed === 'no' && retryable))
  t.equal((await client.promises.get({ id: 3 })).id, 3, 'and there is room again')
})

t.test('overloaded: no room in an outbox', async (t) => {
  const data = Buffer.alloc(60_000)
  const { client, server } = await openLab(t, place(t, 'tcp'), { client: { outboxBytes: 200_000 } })
  await client.promises.peek({ id: 1 })
  const calls = Array.from({ length: 30 }, () => client.promises.echo({ data }).catch((error) => error))
  const results = await Promise.all(calls)
  const failed = results.filter((result) => result instanceof RivuletError)
  t.ok(failed.length > 10 && failed.length < 30, `${failed.length} of 30 were refused`)
  t.ok(failed.every(({ code, executed }) => code === 'RIVULET_OVERLOADED' && executed === 'no'))
  t.equal(server.stats().answered, 31 - failed.length)
})

t.test('overloaded: an observable that nobody can pause', async (t) => {
  const big = { id: 1, text: 'x'.repeat(10_000) }
  const flood = new Observable<typeof big>((subscriber) => {
    for (let count = 0; count < 1000 && !subscriber.closed; count++) subscriber.next(big)
    subscriber.complete()
  })
  const { client, serverErrors } = await openLab(t, place(t, 'tcp'), {
    server: { outboxBytes: 1_000_000 },
    client: { outboxBytes: 1_000_000 },
    handlers: { list: () => flood, total: () => NEVER },
  })
  const slow = client.list({ count: 1 })[Symbol.asyncIterator]()
  const drained = async () => {
    while (!(await slow.next()).done);
  }
  t.match(await failure(drained()), { code: 'RIVULET_OVERLOADED', executed: 'maybe', message: /generator/ })
  t.match(serverErrors, [{ code: 'RIVULET_OVERLOADED' }])
  const requests = new Observable<{ id: number }>((subscriber) => {
    for (let id = 0; id < 2_000_000 && !subscriber.closed; id++) subscriber.next({ id })
  })
  t.match(await failure(client.promises.total(requests)), { code: 'RIVULET_OVERLOADED', executed: 'maybe' })
})

t.test('closed: calls of a client that is closed', async (t) => {
  const { client, server } = await openLab(t, place(t, 'inproc'), { handlers: { get: () => NEVER } })
  const left = failure(client.promises.get({ id: 1 }))
  await until(() => server.stats().open === 1)
  await client.close({ drain: false })
  t.match(await left, { code: 'RIVULET_CLOSED', executed: 'maybe' })
  t.match(await failure(client.promises.get({ id: 1 })), { code: 'RIVULET_CLOSED', executed: 'no' })
  t.match(await failure(firstValueFrom(client.list({ count: 1 }))), { code: 'RIVULET_CLOSED', executed: 'no' })
  await until(() => server.stats().cancelled === 1)
})
