/** What the compiler knows of clients and handlers: the values of the protocol, and nothing else. */
import { firstValueFrom, type Observable, of } from 'rxjs'
import t from 'tap'
import {
  type CallContext,
  createRpcClient,
  createRpcServer,
  type Handlers,
  implement,
  type RpcClient,
} from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import type { Stream } from '../../src/stream/index.js'
import { place } from '../support/transports.js'
import { failure, Lab, openLab, plainHandlers } from './lab.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the types are the same. */
function same<A, B>(value: Equal<A, B>): boolean {
  return value
}

type Item = { id: number; text: string }

t.test('a client has the types of its service', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'))
  t.ok(same<typeof client, RpcClient<typeof Lab>>(true))
  const [got, listed, total, relayed, noted] = [
    client.get({ id: 1 }),
    client.list({ count: 1 }),
    client.total([{ id: 1 }]),
    client.relay(of({ id: 1 })),
    client.note({ id: 1 }),
  ]
  t.ok(same<typeof got, Observable<Item>>(true))
  t.ok(same<typeof listed, Stream<Item>>(true))
  t.ok(same<typeof total, Observable<number>>(true))
  t.ok(same<typeof relayed, Stream<Item>>(true))
  t.ok(same<typeof noted, Observable<never>>(true))
  const promised = client.promises.get({ id: 1 })
  t.ok(same<typeof promised, Promise<Item>>(true))
  t.ok(same<keyof typeof client.promises, 'get' | 'peek' | 'echo' | 'total' | 'note'>(true))
  t.ok(same<keyof typeof client.calls, 'get' | 'peek' | 'echo' | 'list' | 'total' | 'relay' | 'note'>(true))
  t.equal((await promised).id, 1)
  await firstValueFrom(client.list({ count: 1, first: 2 })) // a field with a default may be given, and left out
})

t.test('wrong calls are refused, by the compiler first', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'))
  const invalid = { code: 'RIVULET_INVALID_MESSAGE', executed: 'no' }
  // @ts-expect-error text where a number is due
  t.match(await failure(client.promises.get({ id: 'one' })), invalid)
  // @ts-expect-error a field is missing
  t.match(await failure(client.promises.get({})), invalid)
  // @ts-expect-error the request is missing
  t.match(await failure(client.promises.get()), invalid)
  // @ts-expect-error one request where a stream of them is due
  t.match(await failure(client.promises.total({ id: 1 })), { code: 'RIVULET_INVALID_OPTION' })
  // @ts-expect-error requests of another type
  t.match(await failure(client.promises.total([{ name: 'x' }])), { code: 'RIVULET_INVALID_MESSAGE' })
  // @ts-expect-error a stream of responses is no promise
  t.equal(client.promises.list, undefined)
  // @ts-expect-error there is no such method
  t.equal(client.calls.erase, undefined)
  // @ts-expect-error there is no such field in a response
  t.equal((await client.promises.get({ id: 1 })).price, undefined)
})

t.test('a request without fields may be left out', async (t) => {
  const Plain = defineService({
    protocol: 'Plain',
    messages: {
      now: { request: [], response: 'long' },
      later: { request: [{ name: 'inMs', type: 'int', default: 5 }], response: 'long' },
      ticks: { request: [], response: 'long', 'x-stream': 'server' },
    },
  })
  const { runtime, bind } = place(t, 'inproc')
  const services = [implement(Plain, { now: () => 1, later: ({ inMs }) => inMs, ticks: () => [1, 2] })]
  await createRpcServer({ bind, runtime, services })
  const client = await createRpcClient(Plain, { connect: bind, runtime })
  t.equal(await client.promises.now(), 1)
  t.equal(await client.promises.now({}, { timeoutMs: 1000 }), 1)
  t.equal(await client.promises.later(), 5)
  t.equal(await client.promises.later({ inMs: 7 }), 7)
  t.equal(await firstValueFrom(client.ticks()), 1)
})

t.test('handlers have the types of their methods', (t) => {
  const handlers: Handlers<typeof Lab> = {
    get(request, context) {
      t.ok(same<typeof request, { id: number }>(true))
      t.ok(same<typeof context, CallContext>(true))
      return { id: request.id }
    },
    peek: async ({ id }) => ({ id }),
    echo: ({ data }) => data,
    list({ count, first }) {
      t.ok(same<typeof first, number>(true)) // its default was filled in
      return [{ id: count }]
    },
    total(requests) {
      t.ok(same<typeof requests, Stream<{ id: number }>>(true))
      return 1
    },
    relay: (requests) => requests,
    note: () => {},
  }
  t.ok(implement(Lab, handlers))
  t.end()
})

t.test('wrong handlers are refused, by the compiler first', async (t) => {
  const invalid = { code: 'RIVULET_INVALID_OPTION' }
  const { get, ...others } = plainHandlers
  // @ts-expect-error one is missing
  t.throws(() => implement(Lab, others), { ...invalid, message: /get/ })
  // @ts-expect-error there is no such method
  t.throws(() => implement(Lab, { ...plainHandlers, erase: () => 1 }), { ...invalid, message: /erase/ })
  // @ts-expect-error a response of another type
  t.ok(implement(Lab, { ...plainHandlers, get: () => ({ id: 'one' }) }))
  // @ts-expect-error a single response where a stream of them is due
  t.ok(implement(Lab, { ...plainHandlers, list: () => ({ id: 1 }) }))
  // @ts-expect-error a promise of a single response where a stream of them is due
  t.ok(implement(Lab, { ...plainHandlers, list: async () => ({ id: 1 }) }))
  // @ts-expect-error with a stream of requests as well
  t.ok(implement(Lab, { ...plainHandlers, relay: async () => ({ id: 1 }) }))
  t.ok(implement(Lab, { ...plainHandlers, list: async () => [{ id: 1 }], relay: async (requests) => requests }))
  // @ts-expect-error no function
  t.throws(() => implement(Lab, { ...plainHandlers, get: { id: 1 } }), invalid)
  // @ts-expect-error no service
  t.throws(() => implement({ name: 'Lab' }, plainHandlers), invalid)
  // @ts-expect-error an error that the method does not declare
  t.throws(() => Lab.error('list', 'Busy', { queue: 'x' }))
  // @ts-expect-error an error without what it consists of
  t.throws(() => Lab.error('get', 'NotFound', {}))
  t.ok(get)
})

t.test('wrong options are refused, by the compiler first', async (t) => {
  const { runtime } = place(t, 'inproc')
  const invalid = { code: 'RIVULET_INVALID_OPTION' }
  const services = [implement(Lab, plainHandlers)]
  const bind = 'inproc://options'
  const wrong = [
    // @ts-expect-error an option that does not exist
    () => createRpcServer({ bind, runtime, services, maxSesions: 5 }),
    // @ts-expect-error a server binds
    () => createRpcServer({ connect: bind, runtime, services }),
    // @ts-expect-error it needs services
    () => createRpcServer({ bind, runtime }),
    // @ts-expect-error handlers are no implementation
    () => createRpcServer({ bind, runtime, services: [plainHandlers] }),
    () => createRpcServer({ bind, runtime, services: [] }),
    () => createRpcServer({ bind, runtime, services: [...services, ...services] }),
    () => createRpcServer({ bind, runtime, services, maxSessions: 0 }),
    () => createRpcServer({ runtime, services }),
    // @ts-expect-error a client connects
    () => createRpcClient(Lab, { bind, runtime }),
    () => createRpcClient(Lab, { connect: bind, runtime, timeoutMs: -1 }),
    () => createRpcClient(Lab, { connect: bind, runtime, maxMessageBytes: 5 }),
    // @ts-expect-error text where a flag is due
    () => createRpcClient(Lab, { connect: bind, runtime, waitForReady: 'no' }),
  ]
  for (const attempt of wrong) t.match(await failure(attempt()), invalid, String(attempt))
  t.equal(runtime.size, 0, 'nothing is left of them')
})
