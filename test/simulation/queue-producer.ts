/** A producer in simulated trouble: it keeps messages until they are confirmed, and sends them again after each cut. */
import type { MessageExtras, SendOutcome } from '../../src/engine/index.js'
import { blockOf, schemaText } from '../engine/engine-world.js'
import { Connection, type QueueHost, type QueueWorld, queueName } from './queue-host.js'

/** A message that is not confirmed. */
interface Unconfirmed {
  readonly text: string
  readonly extras: Omit<MessageExtras, 'index'> | undefined
}

/** The hash of a schema. */
export const schemaIdOf = (schema: number): Buffer => Buffer.alloc(16, 7 + schema)

/** How long it waits after a refusal, in milliseconds. */
const patienceMs = 40

/** A producer. */
export class SimulatedProducer {
  readonly name: string
  readonly #world: QueueWorld
  readonly #host: QueueHost
  #connection: Connection | undefined
  #outbox: Unconfirmed[] = []
  /** The number of the first in the outbox, and of the next to be sent. */
  #first = 1
  #next = 1
  #made = 0
  #isWaiting = false

  constructor(name: string, world: QueueWorld, host: QueueHost) {
    this.name = name
    this.#world = world
    this.#host = host
    host.peers.push(this)
  }

  get pending(): number {
    return this.#outbox.length
  }

  connect(): void {
    this.cut()
    this.#connection = new Connection(this.#world, this.#host)
    this.#next = this.#first
    this.#isWaiting = false
    this.#sendSome()
  }

  cut(): void {
    if (this.#connection) this.#connection.isOpen = false
    this.#connection = undefined
  }

  /** Loses its connection for a while. */
  lose(ms: number): void {
    this.cut()
    this.#world.scheduler.after(ms, () => this.#host.engine && !this.#connection && this.connect())
  }

  /** Makes some messages. */
  act(): void {
    const { random, plan, oracle } = this.#world
    const { blockMessages, ids, keys, delays, ttls } = plan.habits
    for (let count = random.between(1, 2 * blockMessages); count > 0; count--) {
      const text = `${this.name}:${++this.#made}`
      const extras = {
        ...(random.chance(ids) ? { id: `i${random.below(20)}` } : undefined),
        ...(random.chance(keys) ? { key: `k${random.below(3)}` } : undefined),
        ...(random.chance(delays) ? { delayMs: random.between(1, 400) } : undefined),
        ...(random.chance(ttls) ? { ttlMs: random.between(1, 1000) } : undefined),
      }
      oracle.made(text, extras)
      this.#outbox.push({ text, extras: Object.keys(extras).length > 0 ? extras : undefined })
    }
    this.#sendSome()
  }

  #sendSome(): void {
    const { random, plan } = this.#world
    const connection = this.#connection
    if (!connection || this.#isWaiting) return
    while (this.#next < this.#first + this.#outbox.length) {
      const from = this.#next - this.#first
      const batch = this.#outbox.slice(from, from + random.between(1, plan.habits.blockMessages))
      const sequence = this.#next
      this.#next += batch.length
      const extras = batch.flatMap((message, index) => (message.extras ? [{ index, ...message.extras }] : []))
      const block = blockOf(
        batch.map(({ text }) => text),
        extras,
        schemaIdOf(random.below(plan.schemas)),
      )
      connection.send(() => {
        this.#host.engine?.send(queueName, this.name, sequence, block, schemaText, (outcome) => {
          connection.send(() => this.#told(connection, sequence, batch, outcome))
        })
      })
    }
  }

  #told(connection: Connection, sequence: number, batch: readonly Unconfirmed[], outcome: SendOutcome): void {
    if (connection !== this.#connection) return
    const { repeated, position, duplicates } = outcome
    const stored =
      outcome.kind === 'stored' ? batch.length : Math.max(0, Math.min(batch.length, outcome.expected - sequence))
    let place = position
    for (let index = 0; index < stored; index++) {
      const duplicate = duplicates.find((one) => one.index === index)
      const isNew = index >= repeated && !duplicate
      this.#confirm(sequence + index, isNew && position > 0 ? place++ : undefined, duplicate !== undefined)
    }
    if (outcome.kind === 'stored') return
    if (outcome.expected < this.#first) this.#world.oracle.fail(`${this.name} is asked for ${outcome.expected} again`)
    while (this.#first < outcome.expected) this.#confirm(this.#first, undefined, false)
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#world.scheduler.after(patienceMs, () => {
      if (connection !== this.#connection) return
      this.#isWaiting = false
      this.#next = this.#first
      this.#sendSome()
    })
  }

  #confirm(sequence: number, position: number | undefined, isDuplicate: boolean): void {
    if (sequence < this.#first) return
    if (sequence > this.#first) this.#world.oracle.fail(`${this.name} is told of ${sequence} before ${this.#first}`)
    const { text } = this.#outbox.shift() as Unconfirmed
    this.#first += 1
    this.#next = Math.max(this.#next, this.#first)
    this.#world.oracle.confirmed(text, position, isDuplicate)
  }
}
