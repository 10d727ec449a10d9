/**
 * The program of a `QueueChild`: a host, a producer or a consumer of the queue `jobs` in a process of its own.
 *
 * Arguments: the role and its options as JSON. It says in lines, on descriptor 3, what `load.ts` says, and of itself: `u` it
 * is about to open, `b ENDPOINT` a host is bound, `e CODE` an error was reported, `y` all that was said before was written,
 * `q COUNTS` the counts of the queue, `z` the queue is empty. A line is in the hands of the system when `say` returns, so
 * that no kill takes it back. Messages of the parent: `sync`, `stop`, `counts`, `drain`, `ack`.
 */
import { writeSync } from 'node:fs'
import { createConsumer, createProducer, createQueueHost, type QueueHost } from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { idsPerProducer, SendingLoad, workingLoad } from '../queue-durable/load.js'
import { Job } from './job.js'
import { leaseNumberOf } from './lease-number.js'
import type { QueueRole } from './queue-child.js'
import { seeded } from './seeded.js'

const lines = 3

function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`, 'latin1')
  for (let at = 0; at < bytes.length; ) at += writeSync(lines, bytes, at)
}

const listeners = new Map<string, () => void>([['sync', () => say('y')]])
process.on('message', (message: string) => listeners.get(message)?.())
process.on('disconnect', () => process.exit())

function watch({ errors }: { readonly errors: QueueHost['errors'] }): void {
  errors.subscribe(({ code }) => say(`e ${code}`))
}

async function host({ bind, path, queue }: Extract<QueueRole, { role: 'host' }>): Promise<void> {
  const host = await createQueueHost({ bind, path, queues: { jobs: queue } })
  watch(host)
  const jobs = host.queue('jobs')
  listeners.set('counts', () => say(`q ${JSON.stringify(jobs.stats())}`))
  listeners.set('drain', () => {
    const subscription = jobs.changes.subscribe(({ depth }) => {
      if (depth > 0) return
      say('z')
      queueMicrotask(() => subscription.unsubscribe())
    })
  })
  listeners.set('stop', () => host.close().then(() => process.exit()))
  say(`b ${host.endpoint}`)
}

async function producer({ connect, firstId, inFlight }: Extract<QueueRole, { role: 'producer' }>): Promise<void> {
  // one that waits for room, and one that drops what has waited too long
  const options = { connect, queue: 'jobs', schema: Job }
  const patient = await createProducer(options)
  const dropping = await createProducer({ ...options, outboxBytes: 50_000, overflow: 'drop-oldest' })
  const producers = [patient, dropping]
  const loads = producers.map((producer, index) => {
    watch(producer)
    const firstNumber = firstId + (index * idsPerProducer) / 2
    return new SendingLoad(producer, firstNumber, say, { inFlight, givesUp: true })
  })
  listeners.set('stop', async () => {
    for (const load of loads) load.stop()
    await Promise.all(loads.map(({ done }) => done))
    await Promise.all(producers.map((producer) => producer.close()))
    process.exit()
  })
}

async function consumer({ connect, seed }: Extract<QueueRole, { role: 'consumer' }>): Promise<void> {
  const consumer = await createConsumer({ connect, queue: 'jobs', schema: Job })
  watch(consumer)
  workingLoad(consumer, seeded(seed), say)
  listeners.set('stop', () => consumer.close().then(() => process.exit()))
}

/** Keeps the message that it works on, until it is told to acknowledge it. */
async function holder({ connect }: Extract<QueueRole, { role: 'holder' }>): Promise<void> {
  const consumer = await createConsumer({ connect, queue: 'jobs', schema: Job, prefetch: 1 })
  watch(consumer)
  const work = async ({ id }: Job, delivery: Parameters<Parameters<typeof consumer.process>[0]>[1]) => {
    const lease = leaseNumberOf(delivery)
    say(`d ${id} ${delivery.attempt} ${lease} ${delivery.position} -`)
    await new Promise<void>((resolve) => listeners.set('ack', resolve))
    await delivery.ack().then(
      () => say(`o a ${id}:${lease}`),
      ({ code }: RivuletError) => say(`x ${id} ${lease} a ${code}`),
    )
  }
  consumer.process(work).subscribe()
}

const options = JSON.parse(process.argv[2] as string) as QueueRole
say('u')
if (options.role === 'host') await host(options)
else if (options.role === 'producer') await producer(options)
else if (options.role === 'consumer') await consumer(options)
else await holder(options)
