/** Calls whose subscribers have no error callback: what ends them goes to `errors`, and the process lives. */
import { merge, NEVER, type Observable, of, share, switchMap } from 'rxjs'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'
import { uncaught } from '../support/uncaught.js'
import { Lab, type LabClient, openLab } from './lab.js'

const calls: Record<string, (client: LabClient) => Observable<unknown>> = {
  'one response': (client) => client.get({ id: 1 }),
  'a stream of responses': (client) => client.list({ count: 1 }),
  'a stream of requests': (client) => client.total([{ id: 1 }]),
  process: (client) => client.list({ count: 1 }).process((item) => item),
  'process behind share': (client) =>
    client
      .list({ count: 1 })
      .process((item) => item)
      .pipe(share()),
  switchMap: (client) => of(1).pipe(switchMap((id) => client.get({ id }))),
  merge: (client) => merge(client.relay(NEVER), client.list({ count: 1 })),
}

for (const [name, call] of Object.entries(calls)) {
  t.test(`${name}: a failure without a callback`, async (t) => {
    const thrown = uncaught(t)
    const failing = () => {
      throw Lab.error('get', 'NotFound', { id: 1 })
    }
    const { client, clientErrors } = await openLab(t, place(t, 'inproc'), {
      handlers: { get: failing, list: failing, total: failing },
    })
    const shared = await createRpcClient(Lab, { over: client })
    call(client).subscribe()
    await until(() => clientErrors.length === 1)
    call(shared).subscribe(() => {})
    await until(() => clientErrors.length === 2)
    await thrown.settled()
    t.strictSame(thrown.errors, [])
    for (const error of clientErrors) {
      t.match(error, { code: 'RIVULET_UNHANDLED_ERROR', message: /of test\.Lab\.\w+ failed/ })
    }
  })
}

t.test('a server that ends, and clients that leave', async (t) => {
  const thrown = uncaught(t)
  const { client, clientErrors, server, serverErrors } = await openLab(t, place(t, 'tcp'), {
    handlers: {
      relay(requests) {
        requests.subscribe(() => {})
        return NEVER
      },
    },
  })
  const call = client.relay(NEVER).subscribe(() => {})
  await until(() => server.stats().open === 1)
  call.unsubscribe()
  await until(() => serverErrors.length === 1)
  t.match(serverErrors[0], { code: 'RIVULET_UNHANDLED_ERROR', cause: { code: 'RIVULET_CANCELLED' } })
  client.relay(NEVER).subscribe(() => {})
  await until(() => server.stats().open === 1)
  await server.close({ drain: false })
  await until(() => clientErrors.length === 1)
  t.match(clientErrors[0], { code: 'RIVULET_UNHANDLED_ERROR' })
  await thrown.settled()
  t.strictSame(thrown.errors, [])
})
