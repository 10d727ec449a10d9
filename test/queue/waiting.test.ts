/** What is sent before a worker is there waits for it, whichever side binds and whichever comes first. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { firstFew, linkState } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

const count = 1000
const ids = jobs(count).map(({ id }) => id)

eachTransport(t, 'the producer binds', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  t.strictSame(await push.sendAll(jobs(count)), { sent: count, dropped: 0 })
  t.match(push.stats(), { accepted: count, sent: 0, pending: count })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  const seen = await firstFew(pull.messages, count)
  t.strictSame(
    seen.map(({ id }) => id),
    ids,
  )
  t.match(push.stats(), { sent: count, pending: 0, dropped: {} })
})

eachTransport(
  t,
  'the producer connects to an address that is bound later',
  async (t, { runtime, bind }) => {
    const push = await createPush({ schema: Job, connect: bind, runtime })
    await push.sendAll(jobs(count))
    const pull = await createPull({ schema: Job, bind, runtime })
    const seen = await firstFew(pull.messages, count)
    t.strictSame(
      seen.map(({ id }) => id),
      ids,
    )
  },
  ['inproc', 'ipc'],
)

eachTransport(
  t,
  'the worker connects to an address that is bound later',
  async (t, { runtime, bind }) => {
    const pull = await createPull({ schema: Job, connect: bind, runtime })
    const seen = firstFew(pull.messages, count)
    const push = await createPush({ schema: Job, bind, runtime })
    await push.sendAll(jobs(count))
    t.equal((await seen).length, count)
  },
  ['inproc', 'ipc'],
)

eachTransport(t, 'between two workers', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  const former = await createPull({ schema: Job, connect: push.endpoint, runtime })
  const seenByFormer = firstFew(former.messages, 10)
  await push.sendAll(jobs(10))
  await seenByFormer
  const gone = linkState(push, 'disconnected')
  await former.close()
  await gone
  await push.sendAll(jobs(count))
  t.match(push.stats(), { sent: 10, pending: count })
  const latter = await createPull({ schema: Job, connect: push.endpoint, runtime })
  t.equal((await firstFew(latter.messages, count)).length, count)
})
