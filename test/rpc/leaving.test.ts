/**
 * A client that closes while nobody answers: it waits for what must still arrive, and for nothing else.
 *
 * The clock stands still, so that no wait ends by itself.
 */
import { NEVER } from 'rxjs'
import t, { type Test } from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { turn, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { failure, Lab, type LabHandlers, openServer } from './lab.js'

/** A server, and a client that has called it, with a proxy between them. */
async function openFar(t: Test, handlers: Partial<LabHandlers> = {}) {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const server = await openServer({ runtime, bind }, handlers)
  const proxy = await ChaosProxy.open(server.endpoint)
  t.teardown(() => proxy.close())
  const client = await createRpcClient(Lab, { connect: proxy.endpoint, runtime })
  // that connections are lost is what is tested
  for (const { errors } of [client, server]) errors.subscribe()
  await client.promises.peek({ id: 1 })
  /** Loses the connection; there is no other until the proxy is calm. */
  const cut = async () => {
    proxy.set({ refuse: true }).cut()
    await until(() => client.connected === 0)
  }
  return { client, server, proxy, cut, clock }
}

t.test('a client that owes nothing leaves a lost connection at once', async (t) => {
  const { client, cut } = await openFar(t)
  await client.promises.note({ id: 1 })
  await client.promises.total([{ id: 1 }, { id: 2 }])
  await cut()
  t.strictSame(await client.close(), { undelivered: 0 })
})

t.test('calls that were given up are nothing to wait for', async (t) => {
  const { client, server, cut } = await openFar(t, { get: () => NEVER, list: () => NEVER })
  await client.promises.note({ id: 1 })
  await client.promises.peek({ id: 1 }) // whose answer tells that the other has arrived, too
  const controller = new AbortController()
  const given = failure(client.promises.get({ id: 1 }, { signal: controller.signal }))
  const list = client.list({ count: 1 }).subscribe()
  await until(() => server.stats().open === 2)
  await cut()
  controller.abort()
  list.unsubscribe()
  t.match(await given, { code: 'RIVULET_CANCELLED' })
  t.strictSame(await client.close(), { undelivered: 0 })
})

t.test('nor is a connection that is lost while the client closes', async (t) => {
  const { client, proxy, cut } = await openFar(t)
  proxy.set({ blackHole: 'both' })
  const closing = client.close()
  await until(() => proxy.swallowed > 0)
  await cut()
  t.strictSame(await closing, { undelivered: 0 })
})

t.test('nor is a server that has been silent for long', async (t) => {
  const { client, proxy, clock } = await openFar(t)
  proxy.set({ blackHole: 'both' })
  const controller = new AbortController()
  const given = failure(client.promises.get({ id: 1 }, { signal: controller.signal }))
  await until(() => proxy.swallowed > 0)
  clock.advance(11_000)
  t.equal(client.connected, 1)
  controller.abort()
  t.match(await given, { code: 'RIVULET_CANCELLED', executed: 'maybe' })
  t.strictSame(await client.close(), { undelivered: 0 })
})

t.test('one-way calls that may not have arrived are', async (t) => {
  const noted: number[] = []
  const { client, server, proxy, cut } = await openFar(t, { note: ({ id }) => void noted.push(id) })
  proxy.set({ blackHole: 'both' })
  await client.promises.note({ id: 7 })
  await until(() => proxy.swallowed > 0)
  await cut()
  const closing = client.close()
  let isClosed = false
  void closing.then(() => {
    isClosed = true
  })
  for (let turns = 0; turns < 50; turns++) await turn()
  t.equal(isClosed, false)
  proxy.calm()
  t.strictSame(await closing, { undelivered: 0 })
  t.strictSame(noted, [7])
  await until(() => server.stats().sessions === 0)
})

t.test('and calls without an outcome', async (t) => {
  const { client, server, cut, clock } = await openFar(t, { get: () => NEVER })
  const open = failure(client.promises.get({ id: 1 }, { timeoutMs: 60_000 }))
  await until(() => server.stats().open === 1)
  await cut()
  const closing = client.close({ timeoutMs: 3000 })
  await turn()
  clock.advance(2999)
  await turn()
  t.match(client.stats(), { open: 1 })
  clock.advance(1)
  t.strictSame(await closing, { undelivered: 1 })
  t.match(await open, { code: 'RIVULET_CLOSED', executed: 'maybe' })
})

t.test('a server learns that its client has left, and stops what was given up', async (t) => {
  const { client, server } = await openFar(t, { list: () => NEVER })
  const list = client.list({ count: 1 }).subscribe()
  await until(() => server.stats().open === 1)
  list.unsubscribe()
  t.strictSame(await client.close(), { undelivered: 0 })
  await until(() => server.stats().sessions === 0)
  t.match(server.stats(), { open: 0, cancelled: 1 })
})
