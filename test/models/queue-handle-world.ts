/** Queues with limits, and who sends to them and consumes from them, as the model of a queue handle sees them. */
import { Subscription } from 'rxjs'
import {
  type Consumer,
  createConsumer,
  createProducer,
  createQueueHost,
  type Delivery,
  type Producer,
  type QueueHandle,
  type QueueHost,
  type QueueOptions,
  type QueueStats,
  type SendOptions,
  type SendResult,
} from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import type { Watched } from './outcomes.js'

/** The queues. */
export const queueNames = ['one', 'two'] as const

/** Options of the queues. */
export interface Setup {
  readonly isOnDisk: boolean
  readonly queues: readonly QueueOptions[]
}

/** A message that was sent, and when. */
export interface Sent {
  readonly number: number
  readonly own: SendOptions
  readonly calledAt: number
  settledAt?: number
  result?: SendResult
  error?: RivuletError
  /** Whether it was acknowledged, and that is stored; or may be. */
  acked?: boolean
  maybeAcked?: boolean
}

/** What calls of one kind came to, and how many are open. */
export interface Calls {
  count: number
  pending: number
}

/** One queue. */
export interface OneQueue {
  readonly options: QueueOptions
  readonly handle: QueueHandle
  readonly dead: QueueHandle
  readonly producer: Producer<{ id: number; note?: string }>
  readonly consumer: Consumer<Job>
  readonly held: Delivery<Job>[]
  /** The last who took deliveries. */
  reading: Subscription
  readonly sent: Map<number, Sent>
  readonly purged: Calls
  readonly purgedDead: Calls
  readonly redriven: Calls
}

type Word = 'ack' | 'nack' | 'reject'

/** The shortest time between two changes, in milliseconds, less what timers of the system may be early. */
const changesMs = 98

/** What the model knows. */
export class World {
  readonly lab: Lab
  readonly host: QueueHost
  readonly queues: OneQueue[] = []
  readonly watches: { readonly one: OneQueue; readonly watched: Watched<QueueStats> }[] = []
  /** What the time of day of the host is ahead of the clock. */
  readonly #aheadMs: number
  #ids = 0

  private constructor(lab: Lab, host: QueueHost) {
    this.#aheadMs = lab.clock.wallNow() - lab.clock.now()
    this.lab = lab
    this.host = host
  }

  static async open(lab: Lab, { isOnDisk, queues }: Setup): Promise<World> {
    const { runtime } = lab
    const store = isOnDisk
      ? ({ path: `${lab.folder()}/queues`, durability: 'committed' } as const)
      : ({ store: 'memory' } as const)
    const named = Object.fromEntries(queueNames.map((name, at) => [name, queues[at] ?? {}]))
    const host = lab.watch(await createQueueHost({ runtime, queues: named, ...store }))
    const world = new World(lab, host)
    for (const [at, queue] of queueNames.entries()) {
      const producer = lab.watch(await createProducer({ runtime, host, queue, schema: Job }))
      const consumer = lab.watch(await createConsumer({ runtime, host, queue, schema: Job, prefetch: 1 + 7 * at }))
      const nothing = () => ({ count: 0, pending: 0 })
      const one: OneQueue = {
        options: queues[at] ?? {},
        handle: host.queue(queue),
        dead: host.queue(`${queue}.dead`),
        producer,
        consumer,
        held: [],
        reading: new Subscription(),
        sent: new Map(),
        purged: nothing(),
        purgedDead: nothing(),
        redriven: nothing(),
      }
      world.queues.push(one)
    }
    return world
  }

  /** The time of day as the host counts it. */
  get hostTime(): number {
    return this.#aheadMs + this.lab.clock.now()
  }

  queueAt(at: number): OneQueue {
    return this.queues[at % this.queues.length] as OneQueue
  }

  send(one: OneQueue, own: SendOptions, bytes: number): void {
    const { lab } = this
    const number = this.#ids++
    const sent: Sent = { number, own, calledAt: lab.clock.now() }
    one.sent.set(number, sent)
    const value = { id: number, note: 'n'.repeat(bytes) }
    const settle = () => {
      sent.settledAt = lab.clock.now()
    }
    const sending = () =>
      one.producer.send(value, own).then(
        (result) => {
          settle()
          sent.result = result
        },
        (error: RivuletError) => {
          settle()
          sent.error = error
          throw error
        },
      )
    lab.call('send', sending, { rejects: ['RIVULET_QUEUE_FULL'] })
  }

  /** Settles what is held, and as many more as come in this turn. */
  consume(one: OneQueue, count: number, word: Word): void {
    const { consumer, held } = one
    one.reading.unsubscribe()
    for (const delivery of held.splice(0)) this.#settle(one, delivery, word)
    let left = count
    const reading = consumer.deliveries.subscribe((delivery) => {
      left -= 1
      if (left >= 0) this.#settle(one, delivery, word)
      else held.push(delivery)
    })
    one.reading = reading
    setImmediate(() => setImmediate(() => reading.unsubscribe()))
  }

  /** Peeks, and checks what is shown. */
  look(handle: QueueHandle, limit: number): void {
    const { lab } = this
    const looking = async () => {
      const found = await handle.peek(limit, { schema: Job })
      lab.expect(found.length <= limit, `${found.length} messages shown of ${limit}`)
      const order = ['ready', 'delayed', 'leased']
      const states = found.map(({ state }) => order.indexOf(state))
      lab.expect(
        states.every((state, at) => at === 0 || state >= (states[at - 1] as number)),
        `states ${states}`,
      )
      const places = new Set(found.map(({ position }) => position))
      lab.expect(places.size === found.length, () => `places ${found.map(({ position }) => position)}`)
    }
    lab.call('peek', looking)
  }

  watch(one: OneQueue): void {
    const { lab, watches } = this
    const from = lab.clock.now()
    let told = 0
    const watched = lab.observe('changes', one.handle.changes, {}, ({ depth, ready, delayed, leased }) => {
      told += 1
      const most = 1 + (lab.clock.now() - from) / changesMs
      lab.expect(told <= most, () => `${told} changes within ${lab.clock.now() - from} ms`)
      lab.expect(depth === ready + delayed + leased, `changes: ${depth}, ${ready}, ${delayed}, ${leased}`)
    })
    watches.push({ one, watched })
  }

  /** The host adds up its queues. */
  checkHost(): void {
    const { lab, host } = this
    const all = host.stats()
    const each = host.queues.map((name) => host.queue(name).stats())
    for (const name of ['depth', 'stored', 'delivered', 'acked'] as const) {
      const sum = each.reduce((sum, stats) => sum + stats[name], 0)
      lab.expect(all[name] === sum, () => `the host has ${name} ${all[name]}, its queues ${sum}`)
    }
  }

  #settle({ sent }: OneQueue, delivery: Delivery<Job>, word: Word): void {
    const { id } = delivery.value
    const one = sent.get(id)
    const rejects = ['RIVULET_LEASE_LOST', 'RIVULET_CLOSED', 'RIVULET_UNKNOWN_OUTCOME'] as const
    const settling = () =>
      delivery[word]().then(
        () => {
          if (one && word === 'ack') one.acked = true
        },
        (error: RivuletError) => {
          if (one && word === 'ack') one.maybeAcked ||= error.code === 'RIVULET_UNKNOWN_OUTCOME'
          throw error
        },
      )
    this.lab.call(word, settling, { rejects })
  }
}
