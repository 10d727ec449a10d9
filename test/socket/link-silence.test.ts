/** A connection that goes silent without an end is cut by both sides, whichever way the bytes vanish. */
import t from 'tap'
import { defaults } from '../../src/options/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { first, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { DealerEnd, RouterEnd } from './link-ends.js'

t.test('black holes, one way and both, beside a connection that is merely idle', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const router = await RouterEnd.open(t, runtime, bind)
  const idle = await DealerEnd.open(t, runtime, router.endpoint, '?idle')
  const holed = await Promise.all(
    (['up', 'down', 'both'] as const).map(async (blackHole) => {
      const proxy = await ChaosProxy.open(router.endpoint)
      t.teardown(() => proxy.close())
      const dealer = await DealerEnd.open(t, runtime, proxy.endpoint, `?${blackHole}`)
      await until(() => dealer.frames === 1)
      return { proxy, dealer, blackHole, peer: router.peerOf(`?${blackHole}`) }
    }),
  )
  const begin = performance.now()
  for (const { proxy, blackHole } of holed) proxy.set({ blackHole })
  const times: string[] = []
  const told = holed.map(async ({ dealer, blackHole, peer }) => {
    await first(dealer.links.changes, ({ state }) => state === 'disconnected')
    await until(() => router.gone.includes(peer))
    times.push(`${blackHole} after ${Math.round(performance.now() - begin)} ms`)
  })
  await Promise.all(told)
  t.comment(times.join(', '))
  t.ok(performance.now() - begin >= defaults.silenceMs)
  t.strictSame(idle.events, ['up'])
  t.equal(router.gone.length, holed.length)
  for (const { proxy } of holed) proxy.calm()
  await until(() => holed.every(({ dealer }) => dealer.frames === 2))
  for (const { dealer } of holed) t.strictSame(dealer.events, ['up', 'gone', 'up'])
})
