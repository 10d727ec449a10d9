/** Five hundred rounds of opening, calling and closing leave no descriptor, no resource, no listener and no memory. */
import { getEventListeners } from 'node:events'
import { readdirSync } from 'node:fs'
import { firstValueFrom, take } from 'rxjs'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { Lab, openLab, openServer } from './lab.js'

const descriptors = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)

const rounds = { inproc: 250, ipc: 125, tcp: 125 } as const

eachTransport(t, 'rounds of a server and a client', async (t, { transport, runtime, bind }) => {
  const round = async () => {
    const server = await openServer({ runtime, bind })
    const client = await createRpcClient(Lab, { connect: server.endpoint, runtime })
    const guest = await createRpcClient(Lab, { over: client })
    const [got, total] = await Promise.all([client.promises.get({ id: 7 }), guest.promises.total([{ id: 7 }])])
    if (got.id !== 7 || total !== 7) t.fail('a wrong answer')
    await firstValueFrom(client.list({ count: 1000 }).pipe(take(2)))
    await Promise.all([client.close(), server.close()])
  }
  for (let count = 0; count < 5; count++) await round()
  const before = descriptors()
  const heap = process.memoryUsage().heapUsed
  for (let count = 0; count < rounds[transport]; count++) await round()
  // what the library frees a moment after `close`; where it frees nothing, this waits until the test ends in vain
  await until(() => descriptors() <= before + 40)
  t.equal(runtime.size, 0)
  const grownMb = (process.memoryUsage().heapUsed - heap) / 1_048_576
  t.ok(grownMb < 60, `the heap grew by ${grownMb.toFixed(0)} MB`)
})

t.test('a signal that many calls share has one listener', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'), {
    handlers: { peek: () => new Promise<never>(() => {}) },
  })
  const controller = new AbortController()
  const { signal } = controller
  const calls = Array.from({ length: 100 }, () => client.promises.peek({ id: 1 }, { signal }))
  t.equal(getEventListeners(signal, 'abort').length, 1, 'else Node.js would warn of a leak')
  controller.abort()
  const outcomes = await Promise.allSettled(calls)
  t.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason.code === 'RIVULET_CANCELLED'))
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('calls of every outcome leave nothing behind', async (t) => {
  const { client, server } = await openLab(t, place(t, 'inproc'), {
    handlers: { peek: () => new Promise<never>(() => {}) },
  })
  const controller = new AbortController()
  for (let count = 0; count < 500; count++) {
    const subscription = client.peek({ id: 1 }, { signal: controller.signal }).subscribe()
    await Promise.allSettled([
      client.promises.get({ id: count % 2 ? -1 : 1 }, { signal: controller.signal }),
      client.promises.total([{ id: 1 }]),
      client.promises.get({ id: 'x' as never }),
    ])
    subscription.unsubscribe()
    for await (const _ of client.list({ count: 10 }, { signal: controller.signal })) break
  }
  await until(() => server.stats().open === 0)
  t.match(client.stats(), { open: 0, waiting: 0 })
  t.equal(getEventListeners(controller.signal, 'abort').length, 0, 'no listener is left at a signal')
})
