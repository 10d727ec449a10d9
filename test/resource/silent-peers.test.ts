/** Closing beside a peer that is connected and silent: nothing is waited for without draining, but for a goodbye. */
import t, { type Test } from 'tap'
import { createConsumer, createProducer, createQueueHost } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import type { Closable } from '../../src/lifecycle/index.js'
import { createRuntime, type Runtime } from '../../src/runtime/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { first, turn } from '../support/events.js'
import { JobCalls } from '../support/every-resource.js'
import { Job } from '../support/job.js'
import { VirtualClock } from '../support/virtual-clock.js'

const bind = 'tcp://127.0.0.1:*'

/** Turns of the event loop in which a resource that waits for nothing is closed. */
const enoughTurns = 100

function runtimeOf(t: Test, clock?: VirtualClock): Runtime {
  const runtime = createRuntime(clock && { clock })
  t.teardown(() => runtime.close({ drain: false }))
  return runtime
}

async function proxyTo(t: Test, endpoint: string): Promise<ChaosProxy> {
  const proxy = await ChaosProxy.open(endpoint)
  t.teardown(() => proxy.close())
  return proxy
}

/** Closes without draining, and checks that this takes so long on the clock. */
async function closesAfter(t: Test, resource: Closable, clock: VirtualClock, farewellMs: number): Promise<void> {
  const closing = resource.close({ drain: false })
  for (let turns = 0; turns < enoughTurns; turns++) await turn()
  t.equal(resource.status, 'closing', 'it waits until its peer has heard of it')
  clock.advance(farewellMs)
  await closing
}

t.test('a server waits 200 ms for a silent client', async (t) => {
  const clock = new VirtualClock()
  const handlers = { get: ({ id }: { id: number }) => id, list: () => [], note: () => undefined }
  const server = await createRpcServer({
    bind,
    services: [implement(JobCalls, handlers)],
    runtime: runtimeOf(t, clock),
  })
  const proxy = await proxyTo(t, server.endpoint)
  const client = await createRpcClient(JobCalls, { connect: proxy.endpoint, runtime: runtimeOf(t) })
  await client.promises.get({ id: 1 })
  proxy.set({ blackHole: 'both' })
  await closesAfter(t, server, clock, 200)
})

t.test('a consumer waits 500 ms until its silent host has what goes back', async (t) => {
  const clock = new VirtualClock()
  const host = await createQueueHost({ bind, store: 'memory', queues: { jobs: {} }, runtime: runtimeOf(t) })
  const producer = await createProducer({ host, queue: 'jobs', schema: Job })
  await producer.send({ id: 1 })
  const proxy = await proxyTo(t, host.endpoint)
  const runtime = runtimeOf(t, clock)
  const consumer = await createConsumer({ connect: proxy.endpoint, queue: 'jobs', schema: Job, runtime })
  await first(consumer.deliveries)
  proxy.set({ blackHole: 'both' })
  await closesAfter(t, consumer, clock, 500)
})

t.test('a host without clients waits for nothing once it is closed', async (t) => {
  const clock = new VirtualClock()
  const host = await createQueueHost({ path: t.testdir(), bind, runtime: runtimeOf(t, clock) })
  await host.close()
  t.equal(clock.timers, 0)
})
