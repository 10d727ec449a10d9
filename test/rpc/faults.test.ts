/**
 * Bad networks between a client and a server: no call is lost, doubled or failed, and every stream goes on where it was.
 *
 * `npm run soak -- faults` does the same for longer.
 */
import t, { type Test } from 'tap'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { FaultLoad, LoadServer } from '../support/fault-load.js'
import { place } from '../support/transports.js'

/** A server, a proxy, and a client with a load on it. */
async function loaded(t: Test, calls: number, streams: number, seed = 1) {
  const { runtime, bind } = place(t, 'tcp')
  const server = await LoadServer.open(bind, runtime)
  const proxy = await ChaosProxy.open(server.server.endpoint, seed)
  t.teardown(() => proxy.close())
  const load = await FaultLoad.open(proxy.endpoint, server, runtime)
  // each reset is told, and is what is tested here
  load.client.errors.subscribe()
  server.server.errors.subscribe()
  load.start({ calls, streams })
  await load.progress(calls)
  return { server, proxy, load }
}

/** The load ends well, and over the session that it began with. */
async function endsWell(t: Test, { server, proxy, load }: Awaited<ReturnType<typeof loaded>>, connections: number) {
  const { calls, items, faults } = await load.stop()
  t.strictSame(faults, [])
  t.ok(proxy.accepted > connections, `${proxy.accepted} connections, ${calls} calls, ${items} items`)
  t.equal(server.server.stats().sessions, 1)
}

t.test('resets under 200 calls and 20 streams', async (t) => {
  const lab = await loaded(t, 200, 20)
  for (let reset = 0; reset < 10; reset++) {
    lab.proxy.cut(reset % 3 === 2 ? 'end' : 'reset')
    await lab.load.progress(300)
  }
  await endsWell(t, lab, 10)
})

t.test('resets in the middle of a handshake', async (t) => {
  const lab = await loaded(t, 20, 4)
  for (let reset = 0; reset < 10; reset++) {
    const { accepted } = lab.proxy
    lab.proxy.cut()
    await until(() => lab.proxy.accepted > accepted)
  }
  await lab.load.progress(50)
  await endsWell(t, lab, 10)
})

t.test('a black hole of 500 ms under 200 calls and 20 streams', async (t) => {
  const lab = await loaded(t, 200, 20)
  lab.proxy.set({ blackHole: 'both' })
  await new Promise((resolve) => setTimeout(resolve, 500)) // what is tested: how long the network is away
  lab.proxy.calm()
  await lab.load.progress(300)
  await endsWell(t, lab, 1)
})

t.test('flipped bits cut, and are never delivered', async (t) => {
  const lab = await loaded(t, 50, 10, 7)
  const { accepted } = lab.proxy
  lab.proxy.set({ flipChance: 0.01 })
  await until(() => lab.proxy.accepted >= accepted + 5)
  lab.proxy.calm()
  await lab.load.progress(100)
  await endsWell(t, lab, 5)
})
