/** Servers that are not there yet, or not any more: calls wait for one, fail at once if they are told to, and move. */
import { firstValueFrom, lastValueFrom, NEVER } from 'rxjs'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { first, linkState, until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, Lab, openServer } from './lab.js'

/** A port that nobody has: one that was bound and is free again. */
async function freeEndpoint(at: ReturnType<typeof place>): Promise<string> {
  if (at.transport !== 'tcp') return at.bind
  const server = await openServer(at)
  await server.close()
  return server.endpoint
}

eachTransport(t, 'calls that begin before there is a server', async (t, at) => {
  const endpoint = await freeEndpoint(at)
  const { runtime } = at
  const client = await createRpcClient(Lab, { connect: endpoint, runtime })
  const order: number[] = []
  const calls = [1, 2, 3].map(async (id) => order.push((await client.promises.get({ id })).id))
  const total = client.promises.total([{ id: 20 }, { id: 22 }])
  const listed = lastValueFrom(client.list({ count: 1 }))
  const noted = client.promises.note({ id: 4 })
  t.match(client.stats(), { started: 6, waiting: 6, open: 0 })
  await openServer({ runtime, bind: endpoint })
  await Promise.all(calls)
  t.strictSame(order, [1, 2, 3])
  t.equal(await total, 42)
  t.equal((await listed).id, 0)
  await noted
  t.match(client.stats(), { started: 6, succeeded: 6 })
})

eachTransport(t, 'calls that do not wait', async (t, at) => {
  const endpoint = await freeEndpoint(at)
  const { runtime } = at
  const client = await createRpcClient(Lab, { connect: endpoint, runtime, waitForReady: false })
  const unavailable = { code: 'RIVULET_UNAVAILABLE', executed: 'no', retryable: true }
  t.match(await failure(client.promises.get({ id: 1 })), unavailable)
  t.match(await failure(firstValueFrom(client.list({ count: 1 }))), unavailable)
  t.match(await failure(client.promises.note({ id: 1 })), unavailable)
  const patient = client.promises.get({ id: 1 }, { waitForReady: true })
  const server = await openServer({ runtime, bind: endpoint })
  await patient
  t.equal((await client.promises.get({ id: 2 })).id, 2)
  const impatient = await createRpcClient(Lab, { connect: endpoint, runtime })
  await server.close()
  await until(() => impatient.connected === 0)
  t.match(await failure(impatient.promises.get({ id: 1 }, { waitForReady: false })), unavailable)
})

t.test('a server comes again on its port, and calls go on', async (t) => {
  const at = place(t, 'tcp')
  const { runtime } = at
  const hold = deferred()
  const server = await openServer(at, { get: () => hold.promise.then(() => ({ id: 0 })), peek: () => NEVER })
  const client = await createRpcClient(Lab, { connect: server.endpoint, runtime })
  const lost = failure(client.promises.get({ id: 1 }))
  const repeated = client.promises.peek({ id: 2 })
  const alsoRepeated = client.promises.get({ id: 3 }, { idempotent: true })
  const once = failure(client.promises.peek({ id: 4 }, { idempotent: false }))
  await until(() => server.stats().open === 4)
  const cut = linkState(client, 'disconnected')
  await server.close({ drain: false })
  await cut
  const waiting = client.promises.get({ id: 5 })
  const after = await openServer({ runtime, bind: server.endpoint })
  const closed = { code: 'RIVULET_SERVER_CLOSING', executed: 'maybe' }
  t.match(await lost, closed)
  t.match(await once, closed)
  t.equal((await waiting).id, 5)
  t.equal((await repeated).id, 2)
  t.equal((await alsoRepeated).id, 3)
  t.match(after.stats(), { started: 3, answered: 3, sessions: 1 })
  t.match(client.stats(), { started: 5, succeeded: 3, failed: 2, sessions: 1 })
})

t.test('streams that have begun are not begun again', async (t) => {
  const at = place(t, 'tcp')
  const server = await openServer(at, {
    list: async function* () {
      yield { id: 1 }
      await firstValueFrom(NEVER)
    },
  })
  const client = await createRpcClient(Lab, { connect: server.endpoint, runtime: at.runtime })
  const iterator = client.list({ count: 2 }, { idempotent: true })[Symbol.asyncIterator]()
  t.equal((await iterator.next()).value?.id, 1)
  await server.close({ timeoutMs: 50 })
  t.match(await failure(iterator.next()), { code: 'RIVULET_SERVER_CLOSING', executed: 'maybe' })
})

t.test('a client that waits tells who comes', async (t) => {
  const at = place(t, 'tcp')
  const endpoint = await freeEndpoint(at)
  const client = await createRpcClient(Lab, { connect: endpoint, runtime: at.runtime })
  t.equal(client.connected, 0)
  t.match(await failure(client.whenConnected({ timeoutMs: 10 })), { code: 'RIVULET_TIMEOUT' })
  const connected = first(client.links, ({ state }) => state === 'connected')
  await openServer({ runtime: at.runtime, bind: endpoint })
  await client.whenConnected()
  await connected
  t.equal(client.connected, 1)
  t.equal((await client.promises.get({ id: 1 })).id, 1)
})
