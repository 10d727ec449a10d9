/** The hosts of one folder, one after the other, and who sends to them and consumes from them. */
import type { Subscription } from 'rxjs'
import {
  type Consumer,
  createConsumer,
  createProducer,
  createQueueHost,
  type Producer,
  type QueueHost,
  type QueueHostOptions,
  type SendResult,
} from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { CloseOptions } from '../../src/lifecycle/index.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'

/** The queues that are used: one that is always named, one sometimes, and others that a host may make. */
export const names = ['named', 'sometimes', 'made/1', 'made/2'] as const

/** Options of one life of the host. */
export interface HostOptions
  extends Pick<QueueHostOptions, 'queues' | 'defaults' | 'autoCreate' | 'maxQueues' | 'outboxBytes'> {
  readonly isBound: boolean
}

/** Options. */
export interface Setup {
  readonly isOnDisk: boolean
  readonly host: HostOptions
}

/** Which queue, and on which way. */
export interface Place {
  readonly queue: string
  readonly isLocal: boolean
}

interface Sent {
  readonly queue: string
  readonly text: string
  result?: SendResult
  error?: RivuletError
  /** What was said of its deliveries. */
  isAcked: boolean
  /** Whether something was said of which nobody knows whether it counts. */
  isUnsure: boolean
}

type Word = 'ack' | 'nack' | 'reject'

/** What the model knows. */
export class HostWorld {
  readonly lab: Lab
  readonly setup: Setup
  readonly path: string
  readonly sent = new Map<number, Sent>()
  readonly clients: (Producer<{ id: number; note?: string }> | Consumer<Job>)[] = []
  host!: QueueHost
  /** Where it is bound, if it is. */
  way = ''
  /** Whether nobody closes it. */
  isOpen = false
  #options!: HostOptions
  #bind: string
  #proxied = ''
  #before = new Map<string, number>()
  readonly #producers = new Map<string, Producer<{ id: number; note?: string }>>()
  readonly #consumers = new Map<string, Consumer<Job>>()
  /** The last who took deliveries of each. */
  readonly #readings = new Map<Consumer<Job>, Subscription>()
  #ids = 0

  constructor(lab: Lab, setup: Setup) {
    this.lab = lab
    this.setup = setup
    this.#bind = lab.endpoint()
    this.path = `${lab.folder()}/queues`
  }

  async open(options: HostOptions): Promise<void> {
    const { lab, setup, path } = this
    const { isBound, ...rest } = options
    const store = setup.isOnDisk ? ({ path, durability: 'committed' } as const) : ({ store: 'memory' } as const)
    const place = isBound ? { bind: this.#bind } : {}
    this.host = lab.watch(await createQueueHost({ runtime: lab.runtime, ...rest, ...store, ...place }))
    this.#options = options
    this.isOpen = true
    this.way = ''
    if (isBound) {
      this.#bind = this.host.endpoint
      if (this.#proxied === '') this.#proxied = await lab.way(this.#bind)
      this.way = this.#proxied
    }
    this.#before = new Map(this.host.queues.map((name) => [name, this.host.queue(name).stats().depth]))
    for (const name of Object.keys(options.queues ?? {})) {
      lab.expect(this.host.queues.includes(name) && this.host.queues.includes(`${name}.dead`), `${name} is not there`)
    }
  }

  close(options: CloseOptions): void {
    if (this.isOpen) this.lab.close(this.host, options)
    this.isOpen = false
  }

  /** Closes the host if it is open, and opens the next one. */
  async reopen(options: HostOptions): Promise<void> {
    const { lab } = this
    this.close({})
    await lab.until(() => this.host.closed, 'the host closes')
    // a memory that is gone took everything with it
    if (!this.setup.isOnDisk) return this.open(this.#forgetAll(options))
    await this.open(options)
  }

  async send(place: Place, count: number, bytes: number): Promise<void> {
    const producer = await this.#client(place, this.#producers, (options) => createProducer(options))
    if (!producer) return
    const { queue } = place
    for (let at = 0; at < count; at++) {
      const id = this.#ids++
      const text = `${queue} ${'n'.repeat(bytes)}`
      const sent: Sent = { queue, text, isAcked: false, isUnsure: false }
      this.sent.set(id, sent)
      const sending = () =>
        producer.send({ id, note: text }).then(
          (result) => {
            sent.result = result
          },
          (error: RivuletError) => {
            sent.error = error
            throw error
          },
        )
      const rejects = [
        'RIVULET_CLOSED',
        'RIVULET_UNKNOWN_OUTCOME',
        'RIVULET_UNKNOWN_QUEUE',
        'RIVULET_TOO_MANY_QUEUES',
      ] as const
      this.lab.call('send', sending, { rejects })
    }
  }

  async work(place: Place, count: number, word: Word): Promise<void> {
    const consumer = await this.#client(place, this.#consumers, (options) => createConsumer(options))
    if (!consumer) return
    let left = count
    this.#readings.get(consumer)?.unsubscribe()
    const reading = consumer.deliveries.subscribe((delivery) => {
      const sent = this.sent.get(delivery.value.id)
      const isOwn = sent?.queue === place.queue && sent.text === delivery.value.note
      this.lab.expect(isOwn && !sent.isAcked, () => `message ${delivery.value.id} of ${sent?.queue} in ${place.queue}`)
      if (!sent || left <= 0) return
      left -= 1
      if (word === 'ack') sent.isUnsure = true
      const rejects = ['RIVULET_LEASE_LOST', 'RIVULET_CLOSED', 'RIVULET_UNKNOWN_OUTCOME'] as const
      const settling = () =>
        delivery[word]().then(() => {
          if (word === 'ack') sent.isAcked = true
        })
      this.lab.call(word, settling, { rejects })
    })
    this.#readings.set(consumer, reading)
    setImmediate(() => setImmediate(() => reading.unsubscribe()))
  }

  /** Resolves when each message has its outcome, as far as there is a way for it. */
  async settleSends(): Promise<void> {
    if (this.way === '') return
    await this.lab.until(() => ![...this.lab.open].some(({ label }) => label === 'send'), 'sends that settle')
  }

  /** Checks what holds at all times. */
  check(): void {
    const { lab, host } = this
    if (!this.isOpen || host.status !== 'open') return
    const all = host.stats()
    let [depth, stored] = [0, 0]
    for (const name of host.queues) {
      const stats = host.queue(name).stats()
      const before = this.#before.get(name) ?? 0
      const sum = stats.depth + stats.acked + stats.deadLettered + total(stats.dropped)
      lab.expect(before + stats.stored === sum, () => `${name}, with ${before} before: ${JSON.stringify(stats)}`)
      depth += stats.depth
      stored += stats.stored
    }
    lab.expect(all.depth === depth && all.stored === stored, () => `${depth}, ${stored}: ${JSON.stringify(all)}`)
    const { maxQueues = 1024, autoCreate } = this.#options
    const made = host.queues.filter((name) => !name.endsWith('.dead'))
    const named = Object.keys(this.#options.queues ?? {})
    const more = made.filter((name) => !named.includes(name) && !this.#before.has(name))
    lab.expect(more.length === 0 || (autoCreate === true && made.length <= maxQueues), () => `queues ${made}`)
  }

  /** All that was confirmed and not done is there once, where it was sent, or a dead letter of that. */
  async checkContents(): Promise<void> {
    const { lab, host, sent } = this
    const there = new Map<number, string>()
    for (const queue of host.queues) {
      const found = await lab.within(host.queue(queue).peek(10_000, { schema: Job }), 'peek')
      for (const { value } of found) {
        const id = value?.id ?? -1
        const one = sent.get(id)
        lab.expect(!there.has(id), `message ${id} is in ${there.get(id)} and ${queue}`)
        const isOwn = one !== undefined && (queue === one.queue || queue === `${one.queue}.dead`)
        lab.expect(isOwn && one.text === value?.note, `message ${id} of ${one?.queue} is in ${queue}`)
        there.set(id, queue)
      }
    }
    for (const [id, { queue, result, error, isAcked, isUnsure }] of sent) {
      if (isAcked) lab.expect(!there.has(id), `message ${id} was acknowledged, and is in ${there.get(id)}`)
      if (error?.executed === 'no') lab.expect(!there.has(id), `message ${id} was refused, and is in ${queue}`)
      if (result && !isUnsure) lab.expect(there.has(id), `message ${id} of ${queue} is lost`)
    }
  }

  #forgetAll(options: HostOptions): HostOptions {
    for (const one of this.sent.values()) one.isUnsure = true
    return options
  }

  /** The producer or consumer of a place, opened if it is not open. */
  async #client<C extends HostWorld['clients'][number]>(
    { queue, isLocal }: Place,
    all: Map<string, C>,
    create: (options: {
      readonly runtime: Lab['runtime']
      readonly queue: string
      readonly schema: typeof Job
      readonly host?: QueueHost
      readonly connect?: string
    }) => Promise<unknown>,
  ): Promise<C | undefined> {
    const { lab, host } = this
    const mayBeLocal = this.isOpen && host.status === 'open'
    if (isLocal ? !mayBeLocal : this.#proxied === '') return undefined
    const key = `${queue} ${isLocal}`
    const known = all.get(key)
    if (known?.status === 'open') return known
    const place = isLocal ? { host } : { connect: this.#proxied }
    const client = lab.watch((await create({ runtime: lab.runtime, queue, schema: Job, ...place })) as C)
    all.set(key, client)
    this.clients.push(client)
    return client
  }
}
