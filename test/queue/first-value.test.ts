/** One message at a time from a worker: what was read and not taken waits, and nothing more is read. */
import { firstValueFrom, take, toArray } from 'rxjs'
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

for (const maxBatchMessages of [1, 65_536]) {
  const frames = maxBatchMessages === 1 ? 'a frame each' : 'one frame'
  eachTransport(t, `firstValueFrom takes one message each time, ${frames}`, async (t, { runtime, bind }) => {
    const push = await createPush({ schema: Job, bind, runtime, maxBatchMessages })
    const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
    for (const job of jobs(5)) push.next(job)
    for (const id of [0, 1]) {
      t.match(await firstValueFrom(pull.messages), { id })
      const { received, delivered, pending } = pull.stats()
      t.equal(delivered, id + 1)
      t.equal(received, delivered + pending)
    }
    for await (const { id } of pull.messages) {
      t.equal(id, 2)
      break
    }
    const rest = await firstValueFrom(pull.messages.pipe(take(2), toArray()))
    t.match(rest, [{ id: 3 }, { id: 4 }])
    t.match(pull.stats(), { received: 5, delivered: 5, pending: 0, dropped: {} })
  })
}
