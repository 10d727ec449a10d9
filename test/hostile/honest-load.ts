/** Honest peers of a victim: they do units of work, and account for each of them. */
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createPull, createPush } from '../../patterns/queue/index.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { Resource } from '../../src/resource/index.js'
import { Job } from '../support/job.js'
import { HonestOrder, honestTopic, type Missing } from './honest-order.js'
import { Keep } from './keep.js'
import type { SiegeKeys } from './orders.js'
import type { PatternName } from './patterns.js'
import type { Victim } from './victim.js'

/** How an honest peer is opened. */
export interface LoadOptions {
  readonly endpoint: string
  /** Whether the victim may deal some of its messages to other workers. */
  readonly missing: Missing
  /** The keys of a victim with security. */
  readonly keys?: SiegeKeys | undefined
}

/** How a peer connects. */
export function connecting({ endpoint, keys }: LoadOptions) {
  if (keys === undefined) return { connect: endpoint }
  return { connect: endpoint, security: { keyPair: keys.honest, serverKey: keys.victim.publicKey } }
}

/** Honest peers of one pattern of a victim. */
export abstract class HonestLoad {
  /** Units that were begun, and units that ended as they should. */
  issued = 0
  seen = 0
  /** Whether some may be lost without a fault. */
  readonly missing: Missing = 'none'
  /** Why the others did not. */
  readonly faults: string[] = []
  /** How long the units took that have ended since it was emptied, in milliseconds; not kept where some may be lost. */
  readonly delays: number[] = []
  /** When the units that have not ended were begun, the oldest in front: they end about in this order. */
  readonly #begun: number[] = []
  #waiters: (() => void)[] = []

  /** Begins so many units of work. */
  issue(count: number): void {
    this.issued += count
    const now = performance.now()
    if (this.missing === 'none') for (let begun = 0; begun < count; begun++) this.#begun.push(now)
    this.begin(count)
  }

  /** Units that have begun and not ended; those that are lost to other workers count as ended. */
  get pending(): number {
    return this.issued - this.seen
  }

  /** Resolves when so many units are seen, in all; rejects if the victim has ended. */
  async whenSeen(count: number): Promise<void> {
    while (this.seen < count) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  /** Closes the peers. */
  abstract close(): Promise<void>

  protected abstract begin(count: number): void

  /** Counts units that ended as they should. */
  protected done(count = 1): void {
    this.seen += count
    const now = performance.now()
    for (const begun of this.#begun.splice(0, count)) this.delays.push(now - begun)
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  /** Reports what peers report: honest peers have no errors. */
  protected watch({ errors }: Pick<Resource, 'errors'>): void {
    errors.subscribe((error) => this.faults.push(String(error)))
  }
}

export class Calls extends HonestLoad {
  readonly #client
  #id = 0

  static async open(options: LoadOptions) {
    return new Calls(await createRpcClient(Keep, connecting(options)))
  }

  private constructor(client: Awaited<ReturnType<typeof createRpcClient<typeof Keep>>>) {
    super()
    this.#client = client
    this.watch(client)
  }

  protected begin(count: number): void {
    for (let begun = 0; begun < count; begun++) void this.#call(this.#id++)
  }

  async #call(id: number): Promise<void> {
    try {
      const answer = await this.#client.promises.echo({ id })
      if (answer !== id) this.faults.push(`call ${id} has the answer of ${answer}`)
      this.done()
    } catch (error) {
      this.faults.push(`call ${id} failed: ${error}`)
    }
  }

  async close(): Promise<void> {
    await this.#client.close()
  }
}

export class QueuedJobs extends HonestLoad {
  readonly #peers
  readonly #taken = new Set<number>()
  #id = 0

  static async open(load: LoadOptions) {
    const options = { ...connecting(load), queue: 'jobs', schema: Job }
    return new QueuedJobs(await createProducer(options), await createConsumer(options))
  }

  private constructor(
    producer: Awaited<ReturnType<typeof createProducer<{ id: number; note?: string }>>>,
    consumer: Awaited<ReturnType<typeof createConsumer<Job>>>,
  ) {
    super()
    this.#peers = { producer, consumer }
    this.watch(producer)
    this.watch(consumer)
    consumer.process(({ id }) => this.#take(id), { concurrency: 16 }).subscribe()
  }

  #take(id: number): void {
    if (this.#taken.has(id)) this.faults.push(`message ${id} came twice`)
    this.#taken.add(id)
    this.done()
  }

  protected begin(count: number): void {
    for (let begun = 0; begun < count; begun++) {
      const id = this.#id++
      this.#peers.producer
        .send({ id })
        .catch((error: unknown) => this.faults.push(`message ${id} is not confirmed: ${error}`))
    }
  }

  async close(): Promise<void> {
    await this.#peers.producer.close()
    await this.#peers.consumer.close()
  }
}

/** The victim sends, and the honest peer receives. */
export class Receives extends HonestLoad {
  readonly #send: (count: number) => void
  readonly #peer: Resource
  override readonly missing: Missing
  readonly order: HonestOrder

  static async pull(options: LoadOptions, victim: Victim) {
    const pull = await createPull({ schema: Job, ...connecting(options) })
    const load = new Receives(pull, options.missing, (count) => victim.tell({ send: 'push', count }))
    pull.messages.subscribe((job) => load.#take(job))
    await pull.whenConnected()
    return load
  }

  static async subscriber(options: LoadOptions, victim: Victim) {
    const subscriber = await createSubscriber(connecting(options))
    const load = new Receives(subscriber, options.missing, (count) => victim.tell({ send: 'publisher', count }))
    subscriber.topic(honestTopic, Job).subscribe((job) => load.#take(job))
    await subscriber.ready
    return load
  }

  private constructor(peer: Resource, missing: Missing, send: (count: number) => void) {
    super()
    this.missing = missing
    this.order = new HonestOrder((fault) => this.faults.push(fault), missing)
    this.#peer = peer
    this.#send = send
    this.watch(peer)
  }

  override get pending(): number {
    return this.issued - this.order.next
  }

  protected begin(count: number): void {
    this.#send(count)
  }

  #take(job: Job): void {
    if (this.order.take(job)) this.done()
  }

  async close(): Promise<void> {
    await this.#peer.close()
  }
}

/** The honest peer sends, and the victim receives. */
export class Sends extends HonestLoad {
  readonly #send: (job: Job) => void
  readonly #peer: Resource
  #id = 0

  static async push(options: LoadOptions, victim: Victim) {
    const push = await createPush({ schema: Job, ...connecting(options) })
    return new Sends('pull', victim, push, (job) => push.next(job))
  }

  static async publisher(options: LoadOptions, victim: Victim) {
    const publisher = await createPublisher({ ...connecting(options), slowSubscribers: 'wait' })
    const topic = publisher.topic(honestTopic, Job)
    const isSubscribed = new Promise<void>((resolve) => {
      publisher.subscriptions.subscribe(({ prefix }) => prefix === 'a' && resolve())
    })
    const load = new Sends('subscriber', victim, publisher, (job) => topic.next(job))
    await isSubscribed
    return load
  }

  private constructor(pattern: PatternName, victim: Victim, peer: Resource, send: (job: Job) => void) {
    super()
    this.#peer = peer
    this.#send = send
    this.watch(peer)
    victim.onSeen(pattern, (count) => this.done(count))
  }

  protected begin(count: number): void {
    for (let begun = 0; begun < count; begun++) this.#send(HonestOrder.job(this.#id++))
  }

  async close(): Promise<void> {
    await this.#peer.close()
  }
}
