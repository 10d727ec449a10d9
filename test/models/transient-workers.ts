/** Workers of a transient queue beside a model: they read in one of the ways that users have, or badly. */
import { Subscription } from 'rxjs'
import { createPull, type Pull } from '../../patterns/queue/index.js'
import { defineSchema, type Schema } from '../../src/avro/index.js'
import { total, turn } from '../support/events.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'

/** Versions of the schema that a worker may have: that of the producer, a later one, one that cannot read it. */
export const versions = {
  same: Job as Schema<unknown, unknown>,
  later: defineSchema({
    type: 'record',
    name: 'Job',
    namespace: 'test',
    fields: [
      { name: 'id', type: 'long' },
      { name: 'extra', type: ['null', 'string'], default: null },
    ],
  }) as Schema<unknown, unknown>,
  other: defineSchema({
    type: 'record',
    name: 'Job',
    namespace: 'test',
    fields: [{ name: 'id', type: 'string' }],
  }) as Schema<unknown, unknown>,
}

/** How a worker takes messages. */
export const readings = ['subscribe', 'process', 'failing', 'iterate', 'nothing'] as const

/** One of them. */
export type Reading = (typeof readings)[number]

/** A worker, and what it was given. */
export class Worker {
  readonly pull: Pull<unknown>
  readonly version: keyof typeof versions
  readonly got: number[] = []
  left = false
  /** Whether `got` has the order in which messages were handed out: an iterator that was left has taken one later. */
  inOrder = true
  readonly #lab: Lab
  #reading = new Subscription()
  #iterates = false

  constructor(lab: Lab, pull: Pull<unknown>, version: keyof typeof versions) {
    this.#lab = lab
    this.pull = pull
    this.version = version
  }

  static async open(
    lab: Lab,
    place: { bind: string } | { connect: string },
    version: keyof typeof versions,
    reading: Reading,
  ): Promise<Worker> {
    const pull = await createPull({ runtime: lab.runtime, schema: versions[version], ...place })
    const worker = new Worker(lab, lab.watch(pull), version)
    worker.read(reading)
    return worker
  }

  /** Takes messages in this way from now on. */
  read(reading: Reading): void {
    this.#reading.unsubscribe()
    if (this.#iterates) this.inOrder = false
    this.#iterates = reading === 'iterate'
    const subscription = new Subscription()
    this.#reading = subscription
    const take = (value: unknown) => void this.got.push((value as { id: number }).id)
    const { messages } = this.pull
    if (reading === 'subscribe') subscription.add(messages.subscribe(take))
    else if (reading === 'iterate') void this.#iterate(subscription, take)
    else if (reading !== 'nothing') {
      const work = async (value: unknown) => {
        take(value)
        await turn()
        if (reading === 'failing') throw new Error('as it was told to')
      }
      subscription.add(messages.process(work, { concurrency: 1 + (this.got.length % 3) }).subscribe())
    }
  }

  leave(drain: boolean): void {
    this.left = true
    this.#lab.close(this.pull, { drain, timeoutMs: 50 })
  }

  /** Checks the counts. */
  check(): void {
    const { received, delivered, pending, dropped } = this.pull.stats()
    const sum = delivered + pending + total(dropped)
    this.#lab.expect(received === sum, () => `a worker: ${JSON.stringify(this.pull.stats())}`)
  }

  /** Checks what it was given, when nothing is in flight. */
  checkAtRest(): void {
    const { delivered } = this.pull.stats()
    this.#lab.expect(delivered === this.got.length, () => `a worker counts ${delivered}, and has ${this.got.length}`)
  }

  async #iterate(subscription: Subscription, take: (value: unknown) => void): Promise<void> {
    const iterator = this.pull.messages[Symbol.asyncIterator]()
    subscription.add(() => void iterator.return?.())
    for (;;) {
      const { done, value } = await iterator.next()
      if (done) break
      take(value)
    }
  }
}
