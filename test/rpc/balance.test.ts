/** Several servers: calls go to the one with the fewest, never to one that closes, and rather not to one that is silent. */
import t, { type Test } from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { Lab, openServer } from './lab.js'

/** Servers that hold `get` until they are told otherwise; `peek` says which one it is. */
async function openServers(at: Place, count: number) {
  const hold = deferred()
  const servers = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const bind = at.transport === 'tcp' ? at.bind : `${at.bind}-${index}`
      const handlers = {
        get: ({ id }: { id: number }) => hold.promise.then(() => ({ id, text: `${index}` })),
        peek: ({ id }: { id: number }) => ({ id, text: `${index}` }),
      }
      return openServer({ runtime: at.runtime, bind }, handlers)
    }),
  )
  const connect = servers.map(({ endpoint }) => endpoint)
  const client = await createRpcClient(Lab, { connect, runtime: at.runtime })
  return { servers, client, hold }
}

/** Resolves when every server has been called, so that all links are ready. */
async function allReady(client: Awaited<ReturnType<typeof openServers>>['client'], count: number): Promise<void> {
  await until(() => client.connected === count)
  const seen = new Set<string>()
  while (seen.size < count) {
    const peeks = Array.from({ length: count }, () => client.promises.peek({ id: 0 }))
    for (const { text } of await Promise.all(peeks)) seen.add(text)
  }
}

eachTransport(t, 'calls are spread by how many are open', async (t, at) => {
  const { servers, client, hold } = await openServers(at, 3)
  await allReady(client, 3)
  const calls = Array.from({ length: 30 }, (_, id) => client.promises.get({ id }))
  await until(() => servers.every((server) => server.stats().open === 10))
  t.pass('ten each')
  hold.resolve()
  const texts = (await Promise.all(calls)).map(({ text }) => text)
  t.strictSame(
    ['0', '1', '2'].map((index) => texts.filter((text) => text === index).length),
    [10, 10, 10],
  )
})

t.test('a client works with the servers that are there', async (t) => {
  const at = place(t, 'tcp')
  const { servers, client } = await openServers(at, 2)
  await allReady(client, 2)
  await servers[0]?.close()
  const calls = Array.from({ length: 20 }, (_, id) => client.promises.peek({ id }))
  for (const { text } of await Promise.all(calls)) t.equal(text, '1')
  // the event of the disconnect may come behind the responses of the other server
  await until(() => client.connected === 1)
  t.equal(client.connected, 1)
})

/** A server that closes while calls keep coming; every call must succeed. */
async function rolling(t: Test, at: Place, close: 'first' | 'both in turn'): Promise<void> {
  const { servers, client } = await openServers(at, 2)
  await allReady(client, 2)
  let stop = false
  let calls = 0
  const failures: unknown[] = []
  const load = async () => {
    while (!stop) {
      const way = calls++ % 3
      try {
        if (way === 0) await client.promises.peek({ id: calls }, { idempotent: false })
        else if (way === 1) await client.promises.total([{ id: 1 }, { id: 2 }], { idempotent: false })
        else for await (const _ of client.list({ count: 20 }));
      } catch (error) {
        failures.push(error)
      }
    }
  }
  const loads = Array.from({ length: 50 }, load)
  const enough = async (more: number) => {
    const target = calls + more
    await until(() => calls >= target)
  }
  await enough(500)
  const [first, second] = servers as [(typeof servers)[0], (typeof servers)[0]]
  t.strictSame(await first.close(), { undelivered: 0 })
  await enough(500)
  if (close === 'both in turn') {
    await openServer({ runtime: at.runtime, bind: first.endpoint })
    await allLive(client, 2)
    t.strictSame(await second.close(), { undelivered: 0 })
    await enough(500)
  }
  stop = true
  await Promise.all(loads)
  t.strictSame(failures, [])
  t.equal(client.stats().failed, 0)
  t.comment(`${calls} calls`)
}

const allLive = (client: { connected: number }, count: number) => until(() => client.connected === count)

eachTransport(t, 'a server that closes under load fails no call', (t, at) => rolling(t, at, 'first'), ['ipc', 'tcp'])

t.test('servers that are replaced under load, one after the other', (t) => rolling(t, place(t, 'tcp'), 'both in turn'))

t.test('a call under way when its server closes is finished there', async (t) => {
  const { servers, client, hold } = await openServers(place(t, 'tcp'), 2)
  await allReady(client, 2)
  const calls = Array.from({ length: 10 }, (_, id) => client.promises.get({ id }))
  await until(() => servers.every((server) => server.stats().open === 5))
  const closing = servers[0]?.close()
  const others = await Promise.all(Array.from({ length: 10 }, (_, id) => client.promises.peek({ id })))
  hold.resolve()
  t.strictSame(await closing, { undelivered: 0 })
  const texts = (await Promise.all(calls)).map(({ text }) => text)
  t.equal(texts.filter((text) => text === '0').length, 5)
  t.ok(others.length === 10)
})

t.test('a server that is silent is avoided, as long as there is another', async (t) => {
  const at = place(t, 'tcp')
  // the client's time passes five times as fast: what is silent for ten seconds, is that after two
  const { clock } = at.runtime
  const hurried = {
    now: () => clock.now() * 5,
    wallNow: () => clock.wallNow(),
    setTimer: (callback: () => void, delayMs: number) => clock.setTimer(callback, delayMs / 5),
  }
  const runtime = createRuntime({ clock: hurried })
  t.teardown(() => runtime.close({ drain: false }))
  const servers = await Promise.all(
    [0, 1].map((index) => openServer(at, { peek: ({ id }) => ({ id, text: `${index}` }) })),
  )
  const [silent, other] = servers.map(({ endpoint }) => endpoint) as [string, string]
  const proxy = await ChaosProxy.open(silent)
  t.teardown(() => proxy.close())
  const client = await createRpcClient(Lab, { connect: [proxy.endpoint, other], runtime })
  await allReady(client, 2)
  const ask = (timeoutMs: number) =>
    client.promises.peek({ id: 1 }, { timeoutMs }).catch(({ code }) => ({ text: code }))
  t.strictSame(await ask(20_000), { id: 1, text: '0' }, 'the first of two that have no calls')
  proxy.set({ blackHole: 'both' })
  const answers: string[] = []
  while (answers.at(-1) !== '1') answers.push((await ask(1000)).text)
  t.ok(answers.length > 1 && answers.slice(0, -1).every((code) => code === 'RIVULET_DEADLINE_EXCEEDED'), `${answers}`)
  for (let call = 0; call < 20; call++) t.equal((await ask(20_000)).text, '1')
  proxy.calm()
  while ((await ask(20_000)).text !== '0');
  t.pass('it speaks again, and is given calls')
})
