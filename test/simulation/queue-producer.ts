/**
 * A process with a producer in simulated trouble: it sends messages with all kinds of options in one turn, and takes down
 * what it is told of each.
 */
import { DurableSender } from '../../patterns/queue/durable/durable-sender.js'
import type { SendOptions } from '../../patterns/queue/durable/options.js'
import { producerOf } from '../../patterns/queue/durable/serving.js'
import type { RivuletError } from '../../src/errors/index.js'
import { QueueClient } from './queue-client.js'
import { queueName } from './queue-process.js'
import { type Job, jobOf, writerSchemas } from './queue-schemas.js'

/** Padding of messages that are large, in bytes. */
const large = [3000, 30_000, 90_000]

/** A process with a producer. */
export class SimulatedProducer extends QueueClient {
  #sender: DurableSender<Job> | undefined
  #version = 0
  #made = 0
  /** Messages of this life whose outcome is not known. */
  readonly #open = new Set<string>()

  override get pending(): number {
    return this.#open.size
  }

  /** Sends some messages. */
  act(): void {
    this.enqueue(() => {
      const sender = this.#sender
      if (sender === undefined || !this.isOpen) return
      const { random } = this
      const { habits } = this.world.plan
      for (let count = random.between(1, 2 * habits.together); count > 0; count--) {
        if (random.chance(habits.sendAlls)) this.#sendAll(sender, random.between(1, habits.together))
        else this.#send(sender)
      }
    })
  }

  protected override begin(): void {
    const { plan } = this.world
    const { outboxBytes, overflow } = plan.habits
    this.#version = this.random.below(plan.schemas)
    this.#sender = new DurableSender<Job>(
      {
        queue: queueName,
        schema: writerSchemas[this.#version] as (typeof writerSchemas)[number],
        maxMessageBytes: 200_000,
        outboxBytes,
        overflow,
      },
      this.portsOf('produce', producerOf),
    )
    this.#sender.hostStream.start()
  }

  protected override async finish(deadline: number): Promise<void> {
    await this.#sender?.finish(deadline)
  }

  protected override ended(): void {
    this.#sender = undefined
    this.world.oracle.watch((oracle) => oracle.abandoned(this.#open))
    this.#open.clear()
  }

  #make(options: SendOptions): Job {
    const { random, world } = this
    const text = `${this.name}:${++this.#made}`
    world.oracle.made(text, {
      ...(options.id !== undefined && { id: options.id }),
      ...(options.key !== undefined && { key: options.key }),
      ...(options.delayMs !== undefined && { delayMs: options.delayMs }),
      ...(options.ttlMs !== undefined && { ttlMs: options.ttlMs }),
    })
    this.#open.add(text)
    const padding = random.chance(world.plan.habits.large) ? random.pick(large) : random.below(20)
    return jobOf(text, padding, this.#version)
  }

  #send(sender: DurableSender<Job>): void {
    const options = this.#options()
    const job = this.#make(options)
    const { text } = job
    const told = this.#tells(() => this.#open.delete(text))
    const isPlain = Object.keys(options).length === 0
    sender.send(job, isPlain ? undefined : options).then(
      (result) => told((oracle) => oracle.confirmed(text, result)),
      (error: RivuletError) => told((oracle) => oracle.failed(text, error)),
    )
  }

  #sendAll(sender: DurableSender<Job>, count: number): void {
    const jobs = Array.from({ length: count }, () => this.#make({}))
    const texts = jobs.map(({ text }) => text)
    const told = this.#tells(() => {
      for (const text of texts) this.#open.delete(text)
    })
    sender.sendAll(jobs).then(
      ({ sent }) => told((oracle) => oracle.allConfirmed(texts, sent)),
      (error: RivuletError) => told((oracle) => oracle.abandoned(error.code === 'RIVULET_CLOSED' ? texts : [])),
    )
  }

  /** What it is told is noted, in the life in which it was asked for. */
  #tells(done: () => void) {
    const { life, world } = this
    return (look: (oracle: typeof world.oracle) => void) => {
      if (life !== this.life) return
      done()
      world.oracle.watch(look)
    }
  }

  #options(): SendOptions {
    const { random } = this
    const { ids, keys, delays, ttls, impatient } = this.world.plan.habits
    const isImpatient = !this.isTame && random.chance(impatient)
    return {
      ...(random.chance(ids) && { id: `i${random.below(20)}` }),
      ...(random.chance(keys) && { key: `k${random.below(3)}` }),
      ...(random.chance(delays) && { delayMs: random.between(1, 400) }),
      ...(random.chance(ttls) && { ttlMs: random.between(1, 1000) }),
      ...(isImpatient && (random.chance(0.5) ? { timeoutMs: random.below(300) } : { signal: this.#signal() })),
    }
  }

  #signal(): AbortSignal {
    const controller = new AbortController()
    this.enqueueLater(this.random.below(100), () => controller.abort())
    return controller.signal
  }
}
