/** Workers that come to a producer whose outbox is full of frames read all of them, also with another schema. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { codesOf, total, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

const Newer = defineSchema({
  type: 'record',
  name: 'Job',
  namespace: 'test',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'priority', type: 'int', default: 3 },
  ],
})

eachTransport(t, 'two thousand frames wait for three workers with a newer schema', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime, maxBatchMessages: 1 })
  const count = 2000
  for (const job of jobs(count)) push.next(job)
  const seen = new Set<number>()
  const open = () => createPull({ schema: Newer, connect: push.endpoint, runtime })
  const pulls = await Promise.all([open(), open(), open()])
  const codes = pulls.map(codesOf)
  for (const pull of pulls) {
    pull.messages.subscribe(({ id, priority }) => {
      if (priority === 3) seen.add(id)
    })
  }
  await until(() => seen.size === count || pulls.some((pull) => total(pull.stats().dropped) > 0))
  t.equal(seen.size, count)
  t.strictSame(codes, [[], [], []])
  t.match(push.stats(), { accepted: count, sent: count, pending: 0, dropped: {} })
})
