/** A connection that swallows bytes without an end is replaced by its session, whichever way the bytes vanish. */
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { defaults } from '../../src/options/index.js'
import { Lab, openServer } from '../rpc/lab.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { linkState } from '../support/events.js'
import { place } from '../support/transports.js'

t.test('black holes, one way and both, with a call and idle, beside a connection that is merely idle', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const handled: number[] = []
  const get = ({ id }: { id: number }) => {
    handled.push(id)
    return { id, text: '' }
  }
  const server = await openServer({ runtime, bind }, { get })
  server.errors.subscribe()
  const idle = await createRpcClient(Lab, { connect: server.endpoint, runtime })
  await idle.promises.get({ id: 0 })
  const idleStates: string[] = []
  idle.links.subscribe(({ state }) => idleStates.push(state))
  const holes = (['up', 'down', 'both'] as const).flatMap((blackHole) => [
    { blackHole, calls: true },
    { blackHole, calls: false },
  ])
  const all = holes.map(async ({ blackHole, calls }, index) => {
    const proxy = await ChaosProxy.open(server.endpoint)
    t.teardown(() => proxy.close())
    const client = await createRpcClient(Lab, { connect: proxy.endpoint, runtime, retentionMs: 60_000 })
    client.errors.subscribe()
    await client.promises.get({ id: 10 * index + 1 })
    const begin = performance.now()
    const gone = linkState(client, 'disconnected')
    proxy.set({ blackHole })
    const call = calls ? client.promises.get({ id: 10 * index + 2 }, { timeoutMs: 60_000 }) : undefined
    await gone
    const tookMs = performance.now() - begin
    t.ok(tookMs >= defaults.silenceMs - defaults.heartbeatMs, `${blackHole}: after ${Math.round(tookMs)} ms`)
    proxy.calm()
    if (call) t.match(await call, { id: 10 * index + 2 }, 'the call goes on over the next connection')
    t.match(await client.promises.get({ id: 10 * index + 3 }), { id: 10 * index + 3 })
  })
  await Promise.all(all)
  t.strictSame(idleStates, ['connected'])
  t.equal(new Set(handled).size, handled.length, 'no call was handled twice')
})
