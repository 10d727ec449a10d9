/** Work is spread evenly over the workers that are there, also when one turn produces all of it. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { first, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

const workers = 4

/** With a frame for each message a full worker is passed over, so all that is sure is what fits in front of each. */
const bounds = [
  { maxBatchMessages: 65_536, least: 20, most: 30 },
  { maxBatchMessages: 1, least: 4, most: 88 },
]

for (const { maxBatchMessages, least, most } of bounds) {
  eachTransport(
    t,
    `a hundred jobs of one turn over four idle workers, ${maxBatchMessages} to a frame`,
    async (t, { runtime, bind }) => {
      const push = await createPush({ schema: Job, bind, runtime, maxBatchMessages })
      const pulls = await Promise.all(
        Array.from({ length: workers }, () => createPull({ schema: Job, connect: push.endpoint, runtime })),
      )
      const seen: number[][] = pulls.map(() => [])
      for (const [index, pull] of pulls.entries()) pull.messages.subscribe(({ id }) => seen[index]?.push(id))
      await first(push.links, ({ connected }) => connected === workers)
      const all = () => seen.flat().length
      for (let burst = 1; burst <= 3; burst++) {
        const before = seen.map(({ length }) => length)
        for (const job of jobs(100, burst * 100)) push.next(job)
        await until(() => all() === 100 * burst)
        const parts = seen.map(({ length }, index) => length - (before[index] as number))
        t.ok(
          parts.every((part) => part >= least && part <= most),
          `burst ${burst}: ${parts}`,
        )
      }
      t.strictSame(
        seen.flat().sort((a, b) => a - b),
        jobs(300, 100).map(({ id }) => id),
      )
      for (const ids of seen)
        t.strictSame(
          ids,
          [...ids].sort((a, b) => a - b),
          'in order, to one worker',
        )
      t.match(push.stats(), { accepted: 300, sent: 300, pending: 0, dropped: {} })
    },
  )
}

eachTransport(t, 'a worker that takes nothing does not hold up the others', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime, maxBatchMessages: 1, socketBufferBytes: 4096 })
  const options = { schema: Job, connect: push.endpoint, runtime, socketBufferBytes: 4096 }
  const [busy, idle] = await Promise.all([createPull(options), createPull(options)])
  let seen = 0
  busy.messages.subscribe(() => (seen += 1))
  await first(push.links, ({ connected }) => connected === 2)
  const { messages } = push.stats().inFlightLimit
  const total = messages + 2000
  t.strictSame(await push.sendAll(jobs(total)), { sent: total, dropped: 0 })
  await until(() => seen >= total - messages)
  t.equal(idle.stats().received, 0)
  t.match(idle.stats(), { received: 0, delivered: 0 })
})
