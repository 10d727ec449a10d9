/** Either side binds, and one side may have many endpoints: every message reaches one worker, once. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { first, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'

const ids = (count: number) => jobs(count).map(({ id }) => id)
const sorted = (seen: readonly number[][]) => seen.flat().sort((a, b) => a - b)

/** What workers get, each for itself. */
function record(pulls: readonly Awaited<ReturnType<typeof createPull<Job>>>[]): number[][] {
  return pulls.map((pull) => {
    const seen: number[] = []
    pull.messages.subscribe(({ id }) => seen.push(id))
    return seen
  })
}

eachTransport(t, 'a producer that binds two endpoints', async (t, { runtime, bind, transport }) => {
  const other = place(t, transport).bind
  const push = await createPush({ schema: Job, bind: [bind, other], runtime })
  t.equal(push.endpoints.length, 2)
  t.equal(push.endpoint, push.endpoints[0])
  const pulls = await Promise.all(
    push.endpoints.map((endpoint) => createPull({ schema: Job, connect: endpoint, runtime })),
  )
  const seen = record(pulls)
  await first(push.links, ({ connected }) => connected === 2)
  for (const job of jobs(100)) push.next(job)
  await until(() => seen.flat().length === 100)
  t.strictSame(sorted(seen), ids(100))
  t.strictSame(
    seen.map(({ length }) => length),
    [50, 50],
  )
})

eachTransport(t, 'a producer that connects to two workers', async (t, { runtime, bind, transport }) => {
  const other = place(t, transport).bind
  const pulls = await Promise.all([bind, other].map((each) => createPull({ schema: Job, bind: each, runtime })))
  const seen = record(pulls)
  const push = await createPush({ schema: Job, connect: pulls.map(({ endpoint }) => endpoint), runtime })
  t.equal(push.endpoint, '')
  await first(push.links, ({ connected }) => connected === 2)
  for (const job of jobs(100)) push.next(job)
  await until(() => seen.flat().length === 100)
  t.strictSame(
    seen.map(({ length }) => length),
    [50, 50],
  )
})

eachTransport(t, 'a worker that connects to two producers', async (t, { runtime, bind, transport }) => {
  const other = place(t, transport).bind
  const pushes = await Promise.all([bind, other].map((each) => createPush({ schema: Job, bind: each, runtime })))
  const pull = await createPull({ schema: Job, connect: pushes.map(({ endpoint }) => endpoint), runtime })
  const [seen] = record([pull]) as [number[]]
  await Promise.all(pushes.map((push, index) => push.sendAll(jobs(50, 50 * index))))
  await until(() => seen.length === 100)
  t.strictSame(sorted([seen]), ids(100))
  for (const own of [seen.filter((id) => id < 50), seen.filter((id) => id >= 50)]) {
    t.strictSame(
      own,
      [...own].sort((a, b) => a - b),
      'in order, from one producer',
    )
  }
})

eachTransport(t, 'a worker that binds two endpoints', async (t, { runtime, bind, transport }) => {
  const other = place(t, transport).bind
  const pull = await createPull({ schema: Job, bind: [bind, other], runtime })
  const [seen] = record([pull]) as [number[]]
  const pushes = await Promise.all(
    pull.endpoints.map((endpoint) => createPush({ schema: Job, connect: endpoint, runtime })),
  )
  await Promise.all(pushes.map((push, index) => push.sendAll(jobs(50, 50 * index))))
  await until(() => seen.length === 100)
  t.strictSame(sorted([seen]), ids(100))
})

t.test('endpoints of several transports', async (t) => {
  const places = (['inproc', 'ipc', 'tcp'] as const).map((transport) => place(t, transport))
  const runtime = places[0]?.runtime as (typeof places)[0]['runtime']
  const push = await createPush({ schema: Job, bind: places.map(({ bind }) => bind), runtime })
  const pulls = await Promise.all(
    push.endpoints.map((endpoint) => createPull({ schema: Job, connect: endpoint, runtime })),
  )
  const seen = record(pulls)
  await first(push.links, ({ connected }) => connected === 3)
  for (const job of jobs(90)) push.next(job)
  await until(() => seen.flat().length === 90)
  t.strictSame(
    seen.map(({ length }) => length),
    [30, 30, 30],
  )
})

eachTransport(t, 'one side alone is said', async (t, { runtime, bind }) => {
  const options = { schema: Job, bind, connect: bind, runtime }
  await t.rejects(createPush(options), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(createPull(options), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(createPush({ schema: Job, runtime }), { code: 'RIVULET_INVALID_OPTION' })
  t.equal(runtime.size, 0)
})
