/** Clients over another: they share its links, close alone, and are closed with their owner. */
import t from 'tap'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { turn, until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, Lab, type LabHandlers, plainHandlers } from './lab.js'

const Clock = defineService({
  protocol: 'Clock',
  messages: {
    read: { request: [], response: 'string' },
    ticks: { request: [], response: 'int', 'x-stream': 'server' },
  },
})

/** A server of two services, a client of one of them, and one of the other over it. */
async function shared(at: ReturnType<typeof place>, handlers: Partial<LabHandlers> = {}) {
  const { runtime, bind } = at
  const stopped = deferred()
  const clock = implement(Clock, {
    read: () => 'noon',
    ticks: async function* (_request, { signal }) {
      signal.addEventListener('abort', () => stopped.resolve())
      yield 1
      await stopped.promise
    },
  })
  const services = [implement(Lab, { ...plainHandlers, ...handlers }), clock]
  const server = await createRpcServer({ bind, runtime, services })
  const owner = await createRpcClient(Lab, { connect: server.endpoint, runtime })
  const guest = await createRpcClient(Clock, { over: owner })
  return { runtime, server, owner, guest, stopped: stopped.promise }
}

eachTransport(t, 'services share a link', async (t, at) => {
  const { server, owner, guest } = await shared(at)
  t.equal((await owner.promises.get({ id: 1 })).id, 1)
  t.equal(await guest.promises.read(), 'noon')
  t.equal(server.stats().sessions, 1)
  t.equal(owner.connected, 1)
  t.equal(guest.connected, 1)
  const another = await createRpcClient(Lab, { over: guest })
  t.equal((await another.promises.get({ id: 2 })).id, 2, 'over a guest, and of a service that is there already')
  t.equal(server.stats().sessions, 1)
})

t.test('a guest closes alone, and ends its own calls', async (t) => {
  const hold = deferred()
  const { owner, guest, stopped } = await shared(place(t, 'inproc'), {
    get: async ({ id }) => hold.promise.then(() => ({ id })),
  })
  const held = owner.promises.get({ id: 5 })
  const ticks = guest.ticks()[Symbol.asyncIterator]()
  t.strictSame(await ticks.next(), { done: false, value: 1 })
  t.match(guest.stats(), { started: 1, open: 1, waiting: 0, succeeded: 0, failed: 0 })
  const pending = failure(ticks.next())
  t.strictSame(await guest.close({ drain: false }), { undelivered: 1 })
  t.match(await pending, { code: 'RIVULET_CLOSED', executed: 'maybe' })
  await stopped
  t.equal(guest.status, 'closed')
  t.match(await failure(guest.promises.read()), { code: 'RIVULET_CLOSED', executed: 'no' })
  t.match(guest.stats(), { started: 2, open: 0, failed: 2 })
  t.equal(owner.status, 'open')
  hold.resolve()
  t.equal((await held).id, 5)
})

t.test('a guest that closes waits for its calls', async (t) => {
  const hold = deferred()
  const at = place(t, 'inproc')
  const { owner } = await shared(at, { get: async ({ id }) => hold.promise.then(() => ({ id })) })
  const guest = await createRpcClient(Lab, { over: owner })
  const held = guest.promises.get({ id: 5 })
  await until(() => guest.stats().open === 1)
  const closing = guest.close()
  t.match(await failure(guest.promises.get({ id: 6 })), { code: 'RIVULET_CLOSED', executed: 'no' })
  hold.resolve()
  t.equal((await held).id, 5)
  t.strictSame(await closing, { undelivered: 0 })
})

t.test('a guest is closed with its owner', async (t) => {
  const { owner, guest, runtime } = await shared(place(t, 'inproc'))
  const ticks = guest.ticks()[Symbol.asyncIterator]()
  await ticks.next()
  const pending = failure(ticks.next())
  await owner.close({ drain: false })
  t.match(await pending, { code: 'RIVULET_CLOSED', executed: 'maybe' })
  await guest.whenClosed
  t.equal(guest.closed, true)
  t.match(await failure(createRpcClient(Clock, { over: owner })), { code: 'RIVULET_CLOSED' })
  while (runtime.size > 1) await turn()
})

t.test('an owner that drains waits for the calls of its guests', async (t) => {
  const hold = deferred()
  const { owner } = await shared(place(t, 'inproc'), { get: async ({ id }) => hold.promise.then(() => ({ id })) })
  const guest = await createRpcClient(Lab, { over: owner })
  const held = guest.promises.get({ id: 5 })
  await until(() => guest.stats().open === 1)
  const closing = owner.close()
  hold.resolve()
  t.equal((await held).id, 5)
  t.strictSame(await closing, { undelivered: 0 })
  await guest.whenClosed
})

t.test('what a client over another takes', async (t) => {
  const { owner, runtime } = await shared(place(t, 'inproc'))
  const invalid = { code: 'RIVULET_INVALID_OPTION' }
  t.match(await failure(createRpcClient(Clock, { over: owner, connect: 'inproc://x' })), invalid)
  t.match(await failure(createRpcClient(Clock, { over: owner, outboxBytes: 5 })), invalid)
  t.match(await failure(createRpcClient(Clock, { over: {} })), { ...invalid, message: /a client of createRpcClient/ })
  t.match(await failure(createRpcClient(Clock, { runtime })), invalid)
  t.match(await failure(createRpcClient(Clock, { bind: 'inproc://x' } as never)), invalid)
  t.match(await failure(createRpcClient({} as never, { connect: 'inproc://x' })), invalid)
  const aborted = AbortSignal.abort('no')
  t.match(await failure(createRpcClient(Clock, { over: owner, signal: aborted })), { code: 'RIVULET_ABORTED' })
  const controller = new AbortController()
  const guest = await createRpcClient(Clock, { over: owner, signal: controller.signal, timeoutMs: 1000 })
  controller.abort()
  await guest.whenClosed
  t.equal(owner.status, 'open')
})
