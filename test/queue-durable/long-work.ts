/** Work that outlasts its lease: in a worker that lives, and in one that is frozen. Time is the subject, so it passes. */
// a sleep is the work here: jobs that take longer than their lease
import { setTimeout as pass } from 'node:timers/promises'
import { firstValueFrom } from 'rxjs'
import { createConsumer, createProducer, createQueueHost, type QueueOptions } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { Job } from '../support/job.js'
import { QueueChild } from '../support/queue-child.js'

/** Lines that a frozen worker said, and what the queue counted. */
export interface Frozen {
  /** The attempt that the other worker got. */
  readonly attempt: number
  /** From freezing to the delivery to the other worker, in milliseconds. */
  readonly afterMs: number
  /** What became of the late ack, as the worker says it. */
  readonly late: string
  readonly leasesLost: number
  readonly acked: number
}

const bind = 'tcp://127.0.0.1:*'

async function openQueue(jobs: QueueOptions) {
  const runtime = createRuntime()
  const host = await createQueueHost({ runtime, bind, store: 'memory', queues: { jobs } })
  const common = { runtime, connect: host.endpoint, queue: 'jobs', schema: Job }
  const producer = await createProducer(common)
  return { runtime, host, common, producer }
}

/** A worker in another process is stopped while it works; another one gets its message, and the first one goes on. */
export async function frozenWorker(leaseMs: number): Promise<Frozen> {
  const { runtime, host, common, producer } = await openQueue({ leaseMs, backoff: { initialMs: 0 } })
  const lines: string[] = []
  const worker = new QueueChild({ role: 'holder', connect: host.endpoint }, (line) => lines.push(line))
  try {
    const given = worker.says('d')
    await producer.send({ id: 1 })
    await given
    const other = await createConsumer(common)
    // it works for longer than its lease, and keeps it
    await pass(2 * leaseMs)
    const { leasesLost: lostBefore } = host.queue('jobs').stats()
    if (lostBefore > 0) throw new Error('a worker that lives has lost its lease')
    worker.signal('SIGSTOP')
    const frozen = performance.now()
    const delivery = await firstValueFrom(other.deliveries)
    const afterMs = performance.now() - frozen
    await delivery.ack()
    const late = Promise.race([worker.says('x'), worker.says('o')])
    worker.tell('ack')
    worker.signal('SIGCONT')
    await late
    const { leasesLost, acked } = host.queue('jobs').stats()
    const said = lines.find((line) => line.startsWith('x ') || line.startsWith('o ')) ?? 'nothing'
    return { attempt: delivery.attempt, afterMs, late: said, leasesLost, acked }
  } finally {
    await worker.kill()
    await runtime.close({ drain: false })
  }
}

/** How a long job went. */
export interface LongJob {
  readonly runs: number
  readonly aborted: number
  readonly delivered: number
  readonly acked: number
  readonly leasesLost: number
}

/** A job that takes many times its lease, in one of two workers. */
export async function longJob(jobMs: number, leaseMs: number): Promise<LongJob> {
  const { runtime, host, common, producer } = await openQueue({ leaseMs })
  let [runs, aborted] = [0, 0]
  const workers: { close(): Promise<unknown> }[] = []
  try {
    const done = new Promise<void>((resolve, reject) => {
      const work = async ({ id }: Job, { signal }: { readonly signal: AbortSignal }) => {
        runs += 1
        await pass(jobMs)
        if (signal.aborted) aborted += 1
        return id
      }
      const start = async () => {
        for (let worker = 0; worker < 2; worker++) {
          const consumer = await createConsumer(common)
          workers.push(consumer)
          consumer.process(work).subscribe({ next: () => resolve(), error: reject })
        }
        await producer.send({ id: 1 })
      }
      start().catch(reject)
    })
    await done
    await Promise.all(workers.map((worker) => worker.close()))
    const { delivered, acked, leasesLost } = host.queue('jobs').stats()
    return { runs, aborted, delivered, acked, leasesLost }
  } finally {
    await runtime.close({ drain: false })
  }
}
