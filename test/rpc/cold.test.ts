/** Calls are cold: nothing happens before somebody subscribes, and each subscription is a call of its own. */
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs'
import t from 'tap'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'
import { openLab } from './lab.js'

t.test('each subscription of an observable is a call', async (t) => {
  let calls = 0
  const handlers = { get: ({ id }: { id: number }) => ({ id: id + calls++ }) }
  const { client } = await openLab(t, place(t, 'inproc'), { handlers })
  const cold = client.get({ id: 10 })
  await client.promises.peek({ id: 1 })
  t.equal(calls, 0, 'nothing was called yet')
  t.equal((await firstValueFrom(cold)).id, 10)
  t.equal((await firstValueFrom(cold)).id, 11)
  t.equal(calls, 2)
  t.equal(client.stats().started, 3)
})

t.test('each subscription, iteration and process of a stream is a call', async (t) => {
  let calls = 0
  const handlers = {
    *list({ count }: { count: number }) {
      calls += 1
      for (let id = 0; id < count; id++) yield { id }
    },
  }
  const { client } = await openLab(t, place(t, 'inproc'), { handlers })
  const cold = client.list({ count: 3 })
  const processed = cold.process(({ id }) => Promise.resolve(id))
  await client.promises.peek({ id: 1 })
  t.equal(calls, 0)
  const [subscribed, ended, seen] = await Promise.all([
    lastValueFrom(cold.pipe(toArray())),
    lastValueFrom(processed.pipe(toArray())),
    (async () => {
      const items = []
      for await (const item of cold) items.push(item)
      return items
    })(),
  ])
  t.strictSame([subscribed.length, ended.length, seen.length], [3, 3, 3])
  t.equal(calls, 3)
  await lastValueFrom(processed)
  t.equal(calls, 4)
})

t.test('promises start at once', async (t) => {
  let calls = 0
  const handlers = { get: ({ id }: { id: number }) => ({ id: id + calls++ }) }
  const { client } = await openLab(t, place(t, 'inproc'), { handlers })
  void client.promises.get({ id: 1 })
  t.equal(client.stats().started, 1)
  await client.promises.get({ id: 1 })
  t.equal(calls, 2)
})

t.test('a source of requests is read anew for each call', async (t) => {
  let read = 0
  const source = {
    *[Symbol.iterator]() {
      read += 1
      yield { id: 20 }
      yield { id: 22 }
    },
  }
  const { client } = await openLab(t, place(t, 'inproc'))
  const cold = client.total(source)
  await client.promises.peek({ id: 1 })
  t.equal(read, 0)
  t.strictSame([await firstValueFrom(cold), await firstValueFrom(cold)], [42, 42])
  t.equal(read, 2)
})

t.test('options are checked when the call is made, not when it is subscribed', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'))
  const invalid = { code: 'RIVULET_INVALID_OPTION' }
  // @ts-expect-error an option that does not exist
  t.throws(() => client.get({ id: 1 }, { timeout: 5 }), { ...invalid, message: /timeoutMs/ })
  t.throws(() => client.list({ count: 1 }, { timeoutMs: -1 }), invalid)
  t.throws(() => client.promises.get({ id: 1 }, { timeoutMs: Number.NaN }), invalid)
  // @ts-expect-error a context that is none
  t.throws(() => client.get({ id: 1 }, { context: { deadline: 5 } }), invalid)
  // @ts-expect-error a header that is no text
  t.throws(() => client.get({ id: 1 }, { headers: { a: 1 } }), invalid)
  t.throws(() => client.list({ count: 1 }).process(({ id }) => [id], { concurrency: 0 }), invalid)
  t.equal(client.stats().started, 0)
})

/** Methods whose names the client needs itself. */
const Awkward = defineService({
  protocol: 'Awkward',
  messages: {
    close: { request: [], response: 'string' },
    errors: { request: [], response: 'string' },
    stats: { request: [], response: 'string', 'x-stream': 'server' },
    calls: { request: [], response: 'string' },
    promises: { request: [], response: 'string' },
    ref: { request: [], response: 'string' },
    plain: { request: [], response: 'string' },
  },
})

t.test('methods whose names the client has itself', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const say = (name: string) => () => name
  const server = await createRpcServer({
    bind,
    runtime,
    services: [
      implement(Awkward, {
        close: say('close'),
        errors: say('errors'),
        stats: () => ['stats'],
        calls: say('calls'),
        promises: say('promises'),
        ref: say('ref'),
        plain: say('plain'),
      }),
    ],
  })
  const client = await createRpcClient(Awkward, { connect: server.endpoint, runtime })
  t.equal(await client.promises.close(), 'close')
  t.equal(await firstValueFrom(client.calls.close()), 'close')
  t.equal(await firstValueFrom(client.calls.errors()), 'errors')
  t.equal(await firstValueFrom(client.calls.stats()), 'stats')
  t.equal(await firstValueFrom(client.calls.calls()), 'calls')
  t.equal(await client.promises.promises(), 'promises')
  t.equal(await firstValueFrom(client.plain()), 'plain')
  t.equal(await firstValueFrom(client.calls.plain()), 'plain')
  t.equal(typeof client.stats().started, 'number', 'its own members are its own')
  t.equal(client.ref(), client)
  t.strictSame(await client.close(), { undelivered: 0 })
})

t.test('names that objects have by themselves are no methods', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'))
  for (const name of ['toString', 'constructor', '__proto__', 'then']) {
    t.equal((client.calls as Record<string, unknown>)[name], undefined, name)
    t.equal((client.promises as Record<string, unknown>)[name], undefined, name)
  }
  t.strictSame(Object.keys(client.calls), ['get', 'peek', 'echo', 'list', 'total', 'relay', 'note'])
  t.strictSame(Object.keys(client.promises), ['get', 'peek', 'echo', 'total', 'note'])
  t.equal(await Promise.resolve(client), client, 'a client is no promise')
})

t.test('what is left of a call that was taken early', async (t) => {
  const { client, server } = await openLab(t, place(t, 'inproc'))
  const cold = client.list({ count: 1_000_000 })
  t.equal((await lastValueFrom(cold.pipe(take(3), toArray()))).length, 3)
  t.equal((await lastValueFrom(cold.pipe(take(2), toArray()))).length, 2)
  await until(() => server.stats().cancelled === 2)
  t.match(server.stats(), { started: 2, cancelled: 2, open: 0, running: 0 })
})
