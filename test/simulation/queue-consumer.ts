/**
 * A process with a consumer in simulated trouble: it is slow, fails, forgets, leaves and comes back, in each of the ways in
 * which messages can be taken.
 */
import type { Subscription } from 'rxjs'
import { DurableReceiver } from '../../patterns/queue/durable/durable-receiver.js'
import { consumerOf } from '../../patterns/queue/durable/serving.js'
import type { Delivery } from '../../src/delivery/delivery.js'
import type { RivuletError } from '../../src/errors/index.js'
import { QueueClient } from './queue-client.js'
import type { QueueHost } from './queue-host.js'
import { type QueueWorld, queueName } from './queue-process.js'
import { type Job, readerSchema } from './queue-schemas.js'

/** What a settlement may fail with. */
const expected = ['RIVULET_LEASE_LOST', 'RIVULET_UNKNOWN_OUTCOME', 'RIVULET_STORE_FULL', 'RIVULET_CLOSED']

/** A process with a consumer. */
export class SimulatedConsumer extends QueueClient {
  readonly #version: number
  readonly #isPicky: boolean
  #receiver: DurableReceiver<Job> | undefined
  /** Its name at the host. */
  #fullName = ''
  /** Settlements of this life whose outcome is not known. */
  #open = 0
  /** Deliveries of this life that were handed out and not settled. */
  readonly #held = new Set<Delivery<Job>>()
  /** Takes no more messages; `undefined` if it takes none. */
  #leave: (() => void) | undefined
  #isLeaving = false

  /** @param isOutdated - Whether it cannot read some schemas, or some values. */
  constructor(name: string, world: QueueWorld, host: QueueHost, isLocal: boolean, isOutdated: boolean) {
    super(name, world, host, isLocal)
    const { random, plan } = world
    const isOld = () => isOutdated && random.chance(plan.outdated)
    this.#version = isOld() ? random.below(plan.schemas) : 0
    this.#isPicky = isOld()
  }

  override get pending(): number {
    return this.#open
  }

  /** Extends its leases, or takes messages again. */
  act(): void {
    this.enqueue(() => {
      if (!this.isOpen) return
      if (this.#leave === undefined) this.#take()
      for (const delivery of this.#held) {
        if (this.random.chance(this.world.plan.habits.extends)) this.#note(delivery.extend())
      }
    })
  }

  /** Settles all that it has, and takes whatever comes. */
  finishWork(): void {
    this.enqueue(() => {
      if (!this.isOpen) return
      for (const delivery of this.#held) this.#settle(delivery)
      if (this.#leave === undefined) this.#take()
    })
  }

  protected override begin(): void {
    const ports = this.portsOf('consume', consumerOf)
    this.#fullName = `${this.name}/${ports.identity}`
    this.#receiver = new DurableReceiver<Job>(
      {
        queue: queueName,
        schema: readerSchema(this.#version, this.#isPicky),
        prefetch: this.world.plan.habits.prefetch,
        name: this.name,
      },
      ports,
    )
    this.#receiver.hostStream.start()
    this.#take()
  }

  protected override async finish(deadline: number): Promise<void> {
    await this.#receiver?.finish(deadline)
  }

  protected override ended(): void {
    this.#receiver = undefined
    this.#open = 0
    this.#held.clear()
    this.#leave = undefined
  }

  /** Takes messages in one of the ways that there are. */
  #take(): void {
    const receiver = this.#receiver as DurableReceiver<Job>
    const how = this.isTame ? 0 : this.random.below(3)
    if (how === 0) {
      const subscription = receiver.deliveries.subscribe((delivery) => this.#work(delivery))
      this.#leave = () => this.#unsubscribe(subscription)
    } else if (how === 1) {
      const concurrency = this.random.pick([1, 3, 100])
      const results = receiver.process((_, delivery) => this.#process(delivery), { concurrency })
      const subscription = results.subscribe()
      this.#leave = () => this.#unsubscribe(subscription)
    } else {
      this.#isLeaving = false
      this.#leave = () => {
        this.#isLeaving = true
      }
      void this.#iterate(receiver)
    }
  }

  #unsubscribe(subscription: Subscription): void {
    this.#leave = undefined
    subscription.unsubscribe()
  }

  async #iterate({ deliveries }: DurableReceiver<Job>): Promise<void> {
    const { life } = this
    for await (const delivery of deliveries) {
      this.#work(delivery)
      await new Promise<void>((resolve) => this.enqueueLater(this.random.below(20), resolve))
      if (this.#isLeaving) break
    }
    if (life === this.life) this.#leave = undefined
  }

  #handed(delivery: Delivery<Job>): void {
    const { oracle, plan } = this.world
    oracle.watch(() => {
      oracle.handed(this.#fullName, delivery.value.text, delivery)
      const { pending = 0, unsettled = 0 } = this.#receiver?.stats() ?? {}
      if (pending + unsettled > plan.habits.prefetch) oracle.fail(`${this.name} has ${pending + unsettled} messages`)
    })
  }

  #work(delivery: Delivery<Job>): void {
    const { random } = this
    const { workMs, forgets } = this.world.plan.habits
    this.#handed(delivery)
    this.#held.add(delivery)
    if (this.isTame) this.#settle(delivery)
    else if (!random.chance(forgets)) this.enqueueLater(random.below(workMs + 1), () => this.#settle(delivery))
  }

  /** Says what became of a message, unless that was said. */
  #settle(delivery: Delivery<Job>): void {
    if (!this.#held.delete(delivery)) return
    const { random } = this
    const { nacks, rejects, leaves } = this.world.plan.habits
    const { text } = delivery.value
    const draw = this.isTame ? 1 : random.below(1000) / 1000
    if (draw < nacks) this.#note(delivery.nack(random.chance(0.3) ? { delayMs: random.below(300) } : { reason: 'no' }))
    else if (draw < nacks + rejects) this.#note(delivery.reject('never'))
    else this.#ack(delivery, text)
    if (this.isTame || !random.chance(leaves)) return
    this.#leave?.()
  }

  /** Works on a message within `process`: what it returns settles it. */
  #process(delivery: Delivery<Job>): Promise<void> | undefined {
    const { random } = this
    const { workMs, nacks } = this.world.plan.habits
    this.#handed(delivery)
    const fails = !this.isTame && random.chance(nacks)
    const { text } = delivery.value
    const done = () => {
      if (fails) throw new Error('no')
      this.world.oracle.watch((oracle) => oracle.acks(text))
    }
    if (this.isTame || random.chance(0.2)) {
      done()
      return undefined
    }
    return new Promise<void>((resolve) => this.enqueueLater(random.below(workMs + 1), resolve)).then(done)
  }

  #ack(delivery: Delivery<Job>, text: string): void {
    this.world.oracle.watch((oracle) => oracle.acks(text))
    this.#note(delivery.ack(), text)
  }

  /** Takes down what is told of a settlement; of an ack, that of which message. */
  #note(outcome: Promise<void>, acked?: string): void {
    const { life, world } = this
    this.#open += 1
    outcome.then(
      () => {
        if (life !== this.life) return
        this.#open -= 1
        if (acked !== undefined) world.oracle.watch((oracle) => oracle.acked(acked))
      },
      (error: RivuletError) => {
        if (life !== this.life) return
        this.#open -= 1
        const { code } = error
        if (!expected.includes(code)) world.oracle.watch((oracle) => oracle.fail(`${this.name} is told ${error.stack}`))
      },
    )
  }
}
