/** Workers join and leave: what a leaving worker had read is delivered or counted, what was on its way to it is bounded. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { first, firstFew, linkState, total, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

eachTransport(t, 'workers that come and go under load', async (t, { runtime, bind }) => {
  const options = { schema: Job, runtime, socketBufferBytes: 4096 }
  const push = await createPush({ ...options, bind, maxBatchMessages: 1, outboxBytes: 10_000 })
  const { messages: limit } = push.stats().inFlightLimit
  const rounds = 6
  let stop = false
  let sent = 0
  const producing = (async () => {
    while (!stop) await push.send({ id: sent++ })
  })()
  const seen: number[] = []
  const work = async () => {
    const pull = await createPull({ ...options, connect: push.endpoint })
    pull.messages.subscribe(({ id }) => seen.push(id))
    return pull
  }
  const staying = await work()
  let counted = 0
  for (let round = 0; round < rounds; round++) {
    const leaving = await work()
    await until(() => leaving.stats().delivered > 20)
    const { undelivered } = await leaving.close()
    t.equal(undelivered, 0, 'its subscriber took what it had read')
    counted += total(leaving.stats().dropped)
  }
  stop = true
  await producing
  await until(() => push.connected === 1)
  await push.send({ id: sent++ })
  await until(() => seen.at(-1) === sent - 1)
  t.match(staying.stats(), { pending: 0, dropped: {} })
  t.equal(counted, 0)
  t.equal(new Set(seen).size, seen.length, 'nothing comes twice')
  const lost = sent - seen.length
  t.ok(lost <= rounds * limit, `${lost} of ${sent} messages were on their way to workers that left`)
})

eachTransport(t, 'the producer first, then the workers: nothing is lost', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  const pulls = await Promise.all([1, 2, 3].map(() => createPull({ schema: Job, connect: push.endpoint, runtime })))
  const seen: number[] = []
  for (const pull of pulls) pull.messages.process(async ({ id }) => seen.push(id), { concurrency: 5 }).subscribe()
  await first(push.links, ({ connected }) => connected === 3)
  await push.sendAll(jobs(3000))
  t.strictSame(await push.close(), { undelivered: 0 })
  await until(() => seen.length === 3000)
  for (const pull of pulls) t.strictSame(await pull.close(), { undelivered: 0 })
  t.equal(new Set(seen).size, 3000)
})

eachTransport(t, 'a worker that comes later takes its part', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  const former = await createPull({ schema: Job, connect: push.endpoint, runtime })
  let seen = 0
  former.messages.subscribe(() => (seen += 1))
  await push.whenConnected()
  for (const job of jobs(100)) push.next(job)
  await until(() => seen === 100)
  const latter = await createPull({ schema: Job, connect: push.endpoint, runtime })
  const part = firstFew(latter.messages, 50)
  await first(push.links, ({ connected }) => connected === 2)
  for (const job of jobs(100)) push.next(job)
  t.equal((await part).length, 50)
  await until(() => seen === 150)
})

eachTransport(t, 'the last worker leaves: the rest waits for the next', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  const former = await createPull({ schema: Job, connect: push.endpoint, runtime })
  const seen = firstFew(former.messages, 100)
  await push.sendAll(jobs(100))
  await seen
  const left = linkState(push, 'disconnected')
  await former.close()
  await left
  t.equal(push.connected, 0)
  await push.sendAll(jobs(500))
  t.match(push.stats(), { sent: 100, pending: 500 })
  const latter = await createPull({ schema: Job, connect: push.endpoint, runtime })
  t.equal((await firstFew(latter.messages, 500)).at(-1)?.id, 499)
})

eachTransport(
  t,
  'what is sent at the moment at which the last worker has left waits for the next',
  async (t, { runtime, bind }) => {
    const push = await createPush({ schema: Job, bind, runtime })
    for (let round = 0; round < 60; round++) {
      const worker = await createPull({ schema: Job, connect: push.endpoint, runtime })
      const first = firstFew(worker.messages, 1)
      // the one of the round before, which nobody was there for
      if (round === 0) await push.send({ id: -1 })
      t.strictSame(
        (await first).map(({ id }) => id),
        [round - 1],
      )
      const left = linkState(push, 'disconnected')
      await worker.close()
      await left
      await push.send({ id: round })
    }
  },
)
