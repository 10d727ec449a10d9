/** Event loops that are blocked for longer than a lease: of a consumer, of a host, and of both in one process. */
import { join } from 'node:path'
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { until } from '../support/events.js'
import { type Job, jobs } from '../support/job.js'
import { QueueChild } from '../support/queue-child.js'
import { place } from '../support/transports.js'
import { countsOf, folder, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

/** Long enough for a process that gets no processor for a while: only the loop that is blocked on purpose must be late. */
const leaseMs = 600

/** Blocks the event loop. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** A host in a process of its own, of which counts can be had. */
async function otherHost(t: Parameters<typeof folder>[0], maxAttempts: number) {
  let endpoint = ''
  let counts = ''
  const child = new QueueChild(
    { role: 'host', bind: 'tcp://127.0.0.1:*', path: join(folder(t), 'q'), queue: { leaseMs, maxAttempts } },
    (line) => {
      if (line.startsWith('b ')) endpoint = line.slice(2)
      else if (line.startsWith('q ')) counts = line.slice(2)
    },
  )
  t.teardown(() => child.kill())
  await child.says('b')
  return {
    endpoint,
    async counts() {
      const said = child.says('q')
      child.tell('counts')
      await said
      return JSON.parse(counts)
    },
  }
}

t.test('work that computes for longer than a lease lasts is done once', async (t) => {
  const here = place(t, 'tcp')
  const host = await otherHost(t, 2)
  const connect = host.endpoint
  const producer = await openProducer(here, host as never, { connect })
  const consumer = await openConsumer(here, host as never, { connect })
  const errors = watch(consumer)
  await producer.sendAll(jobs(2))
  const runs: number[] = []
  const work = async ({ id }: Job) => {
    runs.push(id)
    block(1.5 * leaseMs)
    await new Promise(setImmediate)
    block(1.5 * leaseMs)
  }
  consumer.process(work, { concurrency: 2 }).subscribe()
  await until(() => consumer.stats().unsettled === 0 && runs.length >= 2)
  await consumer.close()
  t.strictSame(runs, [0, 1])
  t.strictSame(errors, [])
  t.match(await host.counts(), { depth: 0, acked: 2, delivered: 2, leasesLost: 0, deadLettered: 0 })
})

t.test('a lease that was lost to another consumer meanwhile: the error says why, and for how long', async (t) => {
  const here = place(t, 'tcp')
  const host = await otherHost(t, 3)
  const connect = host.endpoint
  const producer = await openProducer(here, host as never, { connect })
  const consumer = await openConsumer(here, host as never, { connect })
  const errors = watch(consumer)
  const held: string[] = []
  await producer.send({ id: 5 })
  const begun = new Promise<void>((resolve) => {
    const work = async () => {
      const holder = new QueueChild({ role: 'holder', connect }, (line) => held.push(line))
      t.teardown(() => holder.kill())
      await holder.says('u')
      while ((await host.counts()).consumers < 2);
      resolve()
      block(3 * leaseMs)
    }
    consumer.process(work).subscribe()
  })
  await begun
  await until(() => errors.length > 0 && held.some((line) => line.startsWith('d 5 2 ')))
  t.match(errors, [{ code: 'RIVULET_LEASE_LOST', message: /event loop .* was blocked for at least \d+ ms/ }])
  const [error] = errors as [RivuletError]
  const { cause } = error as { cause: RivuletError }
  t.ok(cause instanceof RivuletError)
  t.equal(cause.code, 'RIVULET_EVENT_LOOP_BLOCKED')
  const [, ms] = /(\d+) ms/.exec(cause.message) as unknown as [string, string]
  t.ok(Number(ms) >= 2 * leaseMs && Number(ms) < 100 * leaseMs, `${ms} ms`)
})

t.test('work in the process of the host is done once, too', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here, { queues: { jobs: { leaseMs, maxAttempts: 2 } } })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  const other = await openConsumer(here, host, { host })
  const errors = watch(consumer)
  const runs: number[] = []
  const work = async ({ id }: Job) => {
    runs.push(id)
    block(1.5 * leaseMs)
    await new Promise((resolve) => setTimeout(resolve, 1))
    block(1.5 * leaseMs)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  consumer.process(work).subscribe()
  other.process(work).subscribe()
  await producer.sendAll(jobs(2))
  await countsOf(host, ({ depth }) => depth === 0)
  t.strictSame(runs.sort(), [0, 1])
  t.strictSame(errors, [])
  t.match(host.queue('jobs').stats(), { acked: 2, delivered: 2, leasesLost: 0 })
})

t.test('a host that was blocked hears first what its consumers have said meanwhile', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { queues: { jobs: { leaseMs } } })
  const producer = await openProducer(here, host, { host })
  const child = new QueueChild({ role: 'holder', connect: host.endpoint }, () => {})
  t.teardown(() => child.kill())
  await producer.send({ id: 1 })
  await child.says('d')
  const taken = new Taken(await openConsumer(here, host, { host }))
  for (let round = 0; round < 2; round++) {
    await new Promise(setImmediate)
    block(2 * leaseMs)
  }
  const done = child.says('o')
  child.tell('ack')
  await done
  await countsOf(host, ({ depth }) => depth === 0)
  t.match(host.queue('jobs').stats(), { acked: 1, leasesLost: 0, delivered: 1 })
  t.equal(taken.all.length, 0)
})
