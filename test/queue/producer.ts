/** A program that sends to the endpoints it is given, closes at once and ends: the first process of `drain.test.ts`. */
import { createPush } from '../../patterns/queue/index.js'
import { Job } from '../support/job.js'

const [count = '0', ...endpoints] = process.argv.slice(2)
await Promise.all(
  endpoints.map(async (endpoint) => {
    const push = await createPush({ schema: Job, connect: endpoint })
    for (let id = 0; id < Number(count); id++) await push.send({ id })
    const { undelivered } = await push.close({ timeoutMs: 50_000 })
    console.log(undelivered)
  }),
)
