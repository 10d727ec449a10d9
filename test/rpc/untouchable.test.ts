/** Handlers and callers that fail in unusual ways, over a link: their own call ends, and the session with all others lives. */
import { finalize } from 'rxjs'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'
import { broken, rejections, untouchables } from '../support/untouchable.js'
import { failure, Lab, openLab, openServer } from './lab.js'

t.test('the other calls of a client live on, also where nobody subscribes to errors', async (t) => {
  const unhandled = rejections(t)
  const { runtime, bind } = place(t, 'tcp')
  const hold = deferred()
  const names = Object.keys(untouchables)
  const makes = Object.values(untouchables)
  const server = await openServer(
    { runtime, bind },
    {
      peek: ({ id }) => hold.promise.then(() => ({ id })),
      get({ id }) {
        const value = makes[id >> 1]?.()
        if (id % 2 === 0) throw value
        return value as never
      },
    },
  )
  const client = await createRpcClient(Lab, { connect: server.endpoint, runtime })
  const others = Array.from({ length: 20 }, (_, id) => client.promises.peek({ id }))
  await until(() => server.stats().open === 20)
  for (let id = 0; id < 2 * makes.length; id++) {
    t.match(await failure(client.promises.get({ id })), { code: 'RIVULET_INTERNAL' }, `${names[id >> 1]}`)
  }
  hold.resolve()
  t.equal((await Promise.all(others)).length, 20)
  t.equal(client.stats().sessions, 1)
  t.strictSame(unhandled, [])
})

t.test('a caller whose teardown throws', async (t) => {
  const { client, clientErrors } = await openLab(t, place(t, 'inproc'))
  const seen: unknown[] = []
  client
    .get({ id: 1 })
    .pipe(finalize(broken))
    .subscribe(({ id }) => seen.push(id))
  client
    .get({ id: -1 })
    .pipe(finalize(broken))
    .subscribe({ error: () => seen.push('failed') })
  client
    .list({ count: 1 })
    .pipe(finalize(broken))
    .subscribe({ complete: () => seen.push('complete') })
  t.equal((await client.promises.get({ id: 2 })).id, 2)
  await until(() => clientErrors.length === 3)
  t.strictSame(seen, [1, 'failed', 'complete'])
  for (const error of clientErrors) t.match(error, { code: 'RIVULET_HANDLER_FAILED' })
  t.equal(client.stats().sessions, 1)
})
