/** A host, a producer and consumers of one durable queue, as the model of a consumer sees them. */
import {
  createProducer,
  createQueueHost,
  type Producer,
  type QueueHost,
  type QueueOptions,
  type SendOptions,
  type SendResult,
} from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import { type Handed, type Ledger, QueueWorker, type Reading } from './queue-workers.js'
import type { versions } from './transient-workers.js'

/** Options of the host. */
export interface Setup {
  /** Whether messages are on disk: then the host restarts. */
  readonly isOnDisk: boolean
  readonly queue: Pick<QueueOptions, 'maxAttempts' | 'leaseMs' | 'backoff' | 'keyOrder' | 'unreadable'>
}

/** A message that was sent, and what became of it. */
export interface Sent {
  readonly own: SendOptions
  result?: SendResult
  error?: RivuletError
  /** Its deliveries, in order. */
  readonly handed: Handed[]
}

/** How a worker is opened. */
export interface Joining {
  readonly isLocal: boolean
  readonly version: keyof typeof versions
  readonly reading: Reading
  readonly concurrency: number
  readonly options: { readonly prefetch?: number; readonly name?: string }
}

/** What rounding makes of times, in milliseconds. */
const clockMs = 3
const defaultLeaseMs = 30_000
const defaultAttempts = 5

/** What the model knows. */
export class World implements Ledger {
  readonly lab: Lab
  readonly setup: Setup
  readonly workers: QueueWorker[] = []
  readonly sent = new Map<number, Sent>()
  /** Messages by key, in the order of their first deliveries. */
  readonly turns = new Map<string, Handed[]>()
  host!: QueueHost
  producer!: Producer<{ id: number; note?: string }>
  bind: string
  /** What the time of day of the host is ahead of the clock: it is read when the host is opened. */
  aheadMs = 0
  /** Messages in the queue when its host was opened, and those of them that consumers had. */
  depthBefore = 0
  leasedBefore = 0
  /** Whether something happened that may cost a lease: a restart, a cut, a thread that was blocked. */
  isDisturbed = false
  /** Whether messages may be dead letters since consumers came that cannot read them. */
  buriesUnread = false
  ids = 0

  constructor(lab: Lab, setup: Setup) {
    this.lab = lab
    this.setup = setup
    this.bind = lab.endpoint()
    this.isDisturbed = lab.transport !== 'inproc'
  }

  get maxAttempts(): number {
    return this.setup.queue.maxAttempts ?? defaultAttempts
  }

  get leaseMs(): number {
    return this.setup.queue.leaseMs ?? defaultLeaseMs
  }

  /** Whether no lease can be lost of what is settled in time: steps of time are short beside it. */
  get isCalm(): boolean {
    return !this.isDisturbed && this.leaseMs >= defaultLeaseMs && !this.workers.some(({ leftLate }) => leftLate)
  }

  /** Messages in hand that nothing was said of. */
  get inHand(): Handed[] {
    return this.workers.flatMap(({ handed }) => handed.filter(({ said }) => said === undefined))
  }

  async openHost(): Promise<void> {
    const { lab, setup } = this
    const store = setup.isOnDisk
      ? ({ path: `${lab.folder()}/queues`, durability: 'committed' } as const)
      : ({ store: 'memory' } as const)
    const queues = { jobs: setup.queue }
    this.host = lab.watch(await createQueueHost({ runtime: lab.runtime, bind: this.bind, queues, ...store }))
    this.bind = this.host.endpoint
    this.aheadMs = Math.max(this.aheadMs, lab.clock.wallNow() - lab.clock.now())
    const { depth, leased } = this.host.queue('jobs').stats()
    this.depthBefore = depth
    this.leasedBefore = leased
  }

  async openProducer(): Promise<void> {
    const { lab, host } = this
    this.producer = lab.watch(await createProducer({ runtime: lab.runtime, host, queue: 'jobs', schema: Job }))
  }

  async join({ isLocal, version, reading, concurrency, options }: Joining): Promise<void> {
    if (version === 'other' && this.setup.queue.unreadable === 'dead-letter') this.buriesUnread = true
    const way = isLocal ? '' : await this.lab.way(this.bind)
    const place = isLocal ? { host: this.host } : { connect: way }
    const worker = await QueueWorker.open(this, place, version, options)
    worker.way = way
    this.workers.push(worker)
    worker.read(reading, concurrency)
  }

  send(own: SendOptions, bytes: number): void {
    const id = this.ids++
    const sent: Sent = { own, handed: [] }
    this.sent.set(id, sent)
    const { producer } = this
    const value = bytes > 0 ? { id, note: 'n'.repeat(bytes) } : { id }
    const sending = () =>
      producer.send(value, Object.keys(own).length > 0 ? own : undefined).then(
        (result) => {
          sent.result = result
        },
        (error: RivuletError) => {
          sent.error = error
          throw error
        },
      )
    this.lab.call(`send ${id}`, sending, { rejects: ['RIVULET_CLOSED', 'RIVULET_UNKNOWN_OUTCOME'] })
  }

  /** Checks a delivery against those before it. */
  took(handed: Handed): void {
    const { lab } = this
    const { number, delivery, attempt } = handed
    const sent = this.sent.get(number)
    if (!sent) {
      lab.expect(false, `message ${number} was never sent`)
      return
    }
    const { own } = sent
    const last = sent.handed.at(-1)
    const text = (what: string) => () => `attempt ${attempt} of message ${number}: ${what}`
    lab.expect(delivery.id === own.id && delivery.key === own.key, text(`id ${delivery.id}, key ${delivery.key}`))
    lab.expect(attempt > (last?.attempt ?? 0), text(`after attempt ${last?.attempt}`))
    lab.expect(attempt <= this.maxAttempts, text(`${this.maxAttempts} are allowed`))
    if (this.isCalm) lab.expect(attempt === sent.handed.length + 1, text(`after ${sent.handed.length} deliveries`))
    const isAcked = sent.handed.some(({ said, outcome, isUnsure }) => said === 'ack' && outcome === 'done' && !isUnsure)
    lab.expect(!isAcked, text('it was acknowledged'))
    lab.expect(last === undefined || last.delivery.position === delivery.position, text('it has another place'))
    if (last !== undefined && this.isCalm && lab.clock.now() - last.since < this.leaseMs / 2)
      lab.expect(last.delivery.settled, text('it is in the hands of another consumer'))
    const early = delivery.time.getTime() + (own.delayMs ?? 0) - (this.aheadMs + lab.clock.now())
    lab.expect(early <= clockMs, text(`${early} ms early`))
    if (own.key !== undefined && last === undefined) {
      const before = this.turns.get(own.key)
      if (before) before.push(handed)
      else this.turns.set(own.key, [handed])
    }
    sent.handed.push(handed)
  }

  /** Checks what holds at all times. */
  check(): void {
    const { lab, host, depthBefore, leasedBefore } = this
    for (const worker of this.workers) worker.check()
    if (host.closed) return
    const stats = host.queue('jobs').stats()
    const { depth, ready, unreadable, delayed, leased } = stats
    const { stored, acked, nacked, deadLettered, delivered, dropped } = stats
    const text = () => `the queue: ${JSON.stringify(stats)}`
    lab.expect(depth === ready + delayed + leased && unreadable <= ready, text)
    lab.expect(depthBefore + stored === depth + acked + deadLettered + total(dropped), text)
    lab.expect(acked + nacked <= delivered + leasedBefore, text)
    lab.expect(total(dropped) === 0, text)
    const dead = host.queue('jobs.dead').stats()
    lab.expect(dead.stored === deadLettered, () => `${text()}; dead letters: ${JSON.stringify(dead)}`)
    const all = host.stats()
    lab.expect(all.depth === depth + dead.depth && all.stored === stored + dead.stored, () => JSON.stringify(all))
  }
}
