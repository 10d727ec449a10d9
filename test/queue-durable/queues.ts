/** A host of durable queues with a producer and a consumer, in a folder of its own or in memory; closed with the test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  type Consumer,
  type ConsumerOptions,
  createConsumer,
  createProducer,
  createQueueHost,
  type Delivery,
  type Producer,
  type ProducerOptions,
  type QueueHost,
  type QueueHostOptions,
} from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'

/** A folder that goes with the test, after what lives in it in this process. */
export function folder(t: Test, place?: Pick<Place, 'runtime'>): string {
  const path = mkdtempSync(join(tmpdir(), 'rivulet-queue-'))
  t.teardown(async () => {
    await place?.runtime.close({ drain: false })
    rmSync(path, { recursive: true, force: true })
  })
  return path
}

/** What the errors of a resource were. */
export function watch(resource: { readonly errors: QueueHost['errors'] }): RivuletError[] {
  const seen: RivuletError[] = []
  resource.errors.subscribe((error) => seen.push(error))
  return seen
}

/** A host with the queue `jobs`, in memory unless there is a path. */
export function openHost(
  { runtime, bind }: Pick<Place, 'runtime' | 'bind'>,
  options: QueueHostOptions = {},
): Promise<QueueHost> {
  const where = options.path === undefined ? { store: 'memory' as const } : {}
  return createQueueHost({ runtime, bind, ...where, queues: { jobs: {} }, ...options })
}

/** Where a producer or consumer finds a host. */
export type Where = (host: QueueHost) => { connect?: string; host?: QueueHost }

/** Declares a subtest over each transport, and one in process. */
export function eachWay(name: string, test: (t: Test, place: Place, where: Where) => Promise<void>): void {
  eachTransport(t, name, (t, place) => test(t, place, ({ endpoint }) => ({ connect: endpoint })))
  t.test(`${name} (in process)`, (t) => test(t, place(t, 'inproc'), (host) => ({ host })))
}

type Either<T> = Partial<Omit<T, 'schema'>>

/** A producer of jobs. */
export function openProducer(
  { runtime }: Pick<Place, 'runtime'>,
  host: QueueHost,
  options: Either<ProducerOptions<never>> = {},
): Promise<Producer<{ id: number; note?: string }>> {
  const where = options.host === undefined && options.connect === undefined ? { connect: host.endpoint } : {}
  return createProducer({ runtime, queue: 'jobs', schema: Job, ...where, ...options })
}

/** A consumer of jobs. */
export function openConsumer(
  { runtime }: Pick<Place, 'runtime'>,
  host: QueueHost,
  options: Either<ConsumerOptions<never>> = {},
): Promise<Consumer<Job>> {
  const where = options.host === undefined && options.connect === undefined ? { connect: host.endpoint } : {}
  return createConsumer({ runtime, queue: 'jobs', schema: Job, ...where, ...options })
}

/** Takes the deliveries of a consumer as they come. */
export class Taken {
  readonly all: Delivery<Job>[] = []
  readonly #waiters: { readonly count: number; readonly resolve: () => void }[] = []
  readonly #subscription: { unsubscribe(): void }

  constructor(consumer: Consumer<Job>) {
    this.#subscription = consumer.deliveries.subscribe((delivery) => {
      this.all.push(delivery)
      for (const { count, resolve } of this.#waiters) if (this.all.length >= count) resolve()
    })
  }

  /** The ids of what was taken. */
  get ids(): number[] {
    return this.all.map(({ value }) => value.id)
  }

  /** Resolves with the delivery at an index, when it has come. */
  async at(index: number): Promise<Delivery<Job>> {
    if (this.all.length <= index) {
      await new Promise<void>((resolve) => this.#waiters.push({ count: index + 1, resolve }))
    }
    return this.all[index] as Delivery<Job>
  }

  leave(): void {
    this.#subscription.unsubscribe()
  }
}

/** What a promise was rejected with; fails if it was not. */
export async function failure(promise: PromiseLike<unknown>): Promise<RivuletError> {
  try {
    await promise
  } catch (error) {
    return error as RivuletError
  }
  throw new Error('it should have failed')
}

/** Resolves when the counts of a queue hold a condition. */
export function countsOf(
  host: QueueHost,
  holds: (stats: ReturnType<ReturnType<QueueHost['queue']>['stats']>) => boolean,
  queue = 'jobs',
): Promise<void> {
  const handle = host.queue(queue)
  return until(() => holds(handle.stats()))
}
