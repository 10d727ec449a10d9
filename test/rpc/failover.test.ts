/** Two servers, one of which is killed or cut off: what had gone there is done by the other, long before its deadline. */
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { defaults } from '../../src/options/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { ChildPlant } from '../support/child-plant.js'
import { turn, until } from '../support/events.js'
import { Plant } from '../support/plant.js'
import { place } from '../support/transports.js'
import { failure, Lab, openServer } from './lab.js'

t.ok(defaults.retentionMs < defaults.callTimeoutMs, 'a session ends before the calls on it are late')

t.test('idempotent calls of a server that is killed are done by the other, with default options', async (t) => {
  const { runtime } = place(t, 'tcp')
  const [mortal, other] = await Promise.all([ChildPlant.start(), ChildPlant.start({ answers: true })])
  t.teardown(() => Promise.all([mortal.kill(), other.kill()]))
  const client = await createRpcClient(Plant, { connect: [mortal.endpoint, other.endpoint], runtime })
  client.errors.subscribe()
  await until(() => client.connected === 2)
  let answered = 0
  const safe: Promise<number>[] = []
  const begun = performance.now()
  // until some are with each of the two: the one that answers has fewer open calls
  while (client.stats().open < 3 || answered === 0) {
    safe.push(client.promises.safe({ id: safe.length }).finally(() => answered++))
    await turn()
  }
  await mortal.kill()
  t.strictSame(
    await Promise.all(safe),
    safe.map((_, id) => id),
  )
  t.comment(`${((performance.now() - begun) / 1000).toFixed(1)} s`)
  t.match(client.stats(), { open: 0, waiting: 0, failed: 0 })
})

t.test('retentionMs is an option of both sides, and the shorter one ends the session', async (t) => {
  for (const shorter of ['client', 'server']) {
    const at = place(t, 'tcp')
    const retention = (side: string) => ({ retentionMs: side === shorter ? 0 : 60_000 })
    const server = await openServer(at, { get: () => new Promise(() => {}) }, retention('server'))
    const proxy = await ChaosProxy.open(server.endpoint)
    t.teardown(() => proxy.close())
    const client = await createRpcClient(Lab, { connect: proxy.endpoint, runtime: at.runtime, ...retention('client') })
    client.errors.subscribe()
    server.errors.subscribe()
    const held = failure(client.promises.get({ id: 1 }))
    await until(() => server.stats().open === 1)
    proxy.set({ refuse: true }).cut()
    if (shorter === 'server') {
      await until(() => server.stats().open === 0)
      proxy.calm()
    }
    t.match(await held, { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe' }, shorter)
    await client.close({ drain: false })
    await server.close({ drain: false })
  }
})

t.test('without failover, calls stay with their link', async (t) => {
  const at = place(t, 'tcp')
  const open = () => openServer(at, { peek: ({ id }) => (id === 1 ? { id } : new Promise(() => {})) })
  const [first, second] = await Promise.all([open(), open()])
  const proxy = await ChaosProxy.open(first.endpoint)
  t.teardown(() => proxy.close())
  const connect = [proxy.endpoint, second.endpoint]
  const client = await createRpcClient(Lab, { connect, runtime: at.runtime, failoverMs: Number.POSITIVE_INFINITY })
  client.errors.subscribe()
  await until(() => client.connected === 2)
  const both = () => first.stats().answered > 0 && second.stats().answered > 0
  while (!both()) await Promise.all(Array.from({ length: 4 }, () => client.promises.peek({ id: 1 })))
  const held = Array.from({ length: 10 }, () => failure(client.promises.peek({ id: 2 })))
  await until(() => first.stats().open === 5 && second.stats().open === 5)
  proxy.set({ refuse: true }).cut()
  await until(() => client.connected === 1)
  proxy.calm()
  await until(() => client.connected === 2)
  t.equal(first.stats().open, 5, 'the link is resumed with its calls')
  await client.close({ drain: false })
  for (const error of await Promise.all(held)) t.match(error, { code: 'RIVULET_CLOSED' })
})
