/** A push and a pull that close together, in either order and whoever is bound: what was sent arrives. */
import t from 'tap'
import { createPull, createPush, type Pull, type Push } from '../../patterns/queue/index.js'
import { closeAll } from '../../src/index.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, type Place } from '../support/transports.js'

async function pair({ runtime, bind }: Place, bound: 'push' | 'pull'): Promise<[Push<{ id: number }>, Pull<Job>]> {
  if (bound === 'push') {
    const push = await createPush({ runtime, schema: Job, bind })
    return [push, await createPull({ runtime, schema: Job, connect: push.endpoint })]
  }
  const pull = await createPull({ runtime, schema: Job, bind })
  return [await createPush({ runtime, schema: Job, connect: pull.endpoint }), pull]
}

for (const bound of ['push', 'pull'] as const) {
  for (const first of ['push', 'pull'] as const) {
    for (const how of ['closeAll', 'runtime'] as const) {
      eachTransport(t, `${bound} is bound, ${first} is first, ${how}`, async (t, place) => {
        const [push, pull] = await pair(place, bound)
        const ids: number[] = []
        const reading = (async () => {
          for await (const { id } of pull.messages) {
            ids.push(id)
            if (id % 1000 === 0) await new Promise(setImmediate) // so that some wait in the library
          }
        })()
        await Promise.all([push.whenConnected(), pull.whenConnected()])
        for (const job of jobs(5000)) push.next(job)
        const closing =
          how === 'runtime' ? place.runtime.close() : closeAll(first === 'push' ? [push, pull] : [pull, push])
        t.strictSame(await closing, { undelivered: 0 })
        await reading
        t.strictSame(
          ids,
          jobs(5000).map(({ id }) => id),
        )
        t.match(push.stats(), { accepted: 5000, sent: 5000, dropped: {} })
      })
    }
  }
}

eachTransport(t, 'a pull that nobody reads is not waited for', async (t, place) => {
  const [push, pull] = await pair(place, 'push')
  await Promise.all([push.whenConnected(), pull.whenConnected()])
  push.next({ id: 1 })
  t.strictSame(await closeAll([pull, push]), { undelivered: 0 })
})
