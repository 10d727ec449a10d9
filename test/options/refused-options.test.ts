/** Options that a factory does not use are refused: none is overwritten or ignored. */
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import {
  createConsumer,
  createProducer,
  createPull,
  createPush,
  createQueueHost,
  type QueueHostOptions,
} from '../../patterns/queue/index.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'

const Clock = defineService({ protocol: 'Clock', messages: { now: { request: [], response: 'long' } } })

/** Asserts that a factory refuses an option, and that its message names it. */
async function refuses(t: Test, opening: Promise<unknown>, message: RegExp): Promise<void> {
  await t.rejects(opening, { code: 'RIVULET_INVALID_OPTION', message })
}

t.test('`insecure` is refused by each factory that binds nothing', async (t) => {
  const { runtime } = place(t, 'inproc')
  const options = { connect: 'inproc://elsewhere', runtime, insecure: true }
  const queue = { ...options, schema: Job, queue: 'jobs' }
  const left = /insecure must be left out where nothing is bound, received true/
  await refuses(t, createRpcClient(Clock, options), left)
  await refuses(t, createProducer(queue), left)
  await refuses(t, createConsumer(queue), left)
  await refuses(t, createPush({ ...options, schema: Job }), left)
  await refuses(t, createPull({ ...options, schema: Job }), left)
  await refuses(t, createPublisher(options), left)
  await refuses(t, createSubscriber(options), left)
  await refuses(t, createQueueHost({ store: 'memory', runtime, insecure: true }), left)
  t.equal(runtime.size, 0, 'and nothing is open')
})

t.test('a client over another takes no option of the links', async (t) => {
  const { runtime } = place(t, 'inproc')
  const owner = await createRpcClient(Clock, { connect: 'inproc://elsewhere', runtime })
  for (const [name, value] of Object.entries({ connect: 'inproc://other', failoverMs: 5, retentionMs: 5, runtime })) {
    const shared = createRpcClient(Clock, { over: owner, [name]: value })
    await refuses(t, shared, new RegExp(`^createRpcClient: ${name} must be left out: the links are those of .over.`))
  }
})

t.test('dead letters take the options that hold for them, and no others', async (t) => {
  const { runtime } = place(t, 'inproc')
  const open = (options: QueueHostOptions) => createQueueHost({ store: 'memory', runtime, ...options })
  await refuses(
    t,
    open({ queues: { jobs: {}, 'jobs.dead': { maxLength: 5 } } }),
    /queues\.jobs\.dead: unknown option 'maxLength'/,
  )
  const settings = { leaseMs: 500, backoff: { initialMs: 5 }, dedupeMs: 10 }
  const host = await open({ defaults: { maxLength: 5 }, queues: { jobs: {}, 'jobs.dead': settings } })
  t.ok(host.queues.includes('jobs.dead'))
})

t.test('`peek` takes its limit as an argument, and not as an option', async (t) => {
  const { runtime } = place(t, 'inproc')
  const host = await createQueueHost({ store: 'memory', runtime, queues: { jobs: {} } })
  const options: object = { limit: 1 }
  await refuses(t, host.queue('jobs').peek(10, options), /^peek: unknown option 'limit'/)
})
