/** Honest peers of listeners of byte streams: what they send comes back, in order. */
import { connectStream, lines, type StreamConnection } from '../../patterns/socket/index.js'
import { Job } from '../support/job.js'
import { HonestLoad, type LoadOptions } from './honest-load.js'
import { HonestOrder } from './honest-order.js'
import type { Victim } from './victim.js'

/** Lines that the victim sends back. */
export class Echoes extends HonestLoad {
  readonly #connection: StreamConnection<string>
  #id = 0
  #next = 0

  static async open({ endpoint }: LoadOptions) {
    return new Echoes(await connectStream({ framing: lines(), connect: endpoint }))
  }

  static async secured({ endpoint }: LoadOptions, { certificates }: Victim) {
    const { honest, ca } = certificates as NonNullable<Victim['certificates']>
    return new Echoes(await connectStream({ framing: lines(), connect: endpoint, tls: { ...honest, ca } }))
  }

  private constructor(connection: StreamConnection<string>) {
    super()
    this.#connection = connection
    this.watch(connection)
    connection.messages.subscribe((line) => {
      if (line !== `line ${this.#next++}`) this.faults.push(`${line} came as line ${this.#next - 1}`)
      this.done()
    })
  }

  protected begin(count: number): void {
    for (let begun = 0; begun < count; begun++) this.#connection.next(`line ${this.#id++}`)
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }
}

/** Messages of a typed stream that the victim sends back. */
export class TypedEchoes extends HonestLoad {
  readonly #connection: StreamConnection<Job>
  readonly #order = new HonestOrder((fault) => this.faults.push(fault))
  #id = 0

  static async open({ endpoint }: LoadOptions) {
    return new TypedEchoes(await connectStream({ schema: Job, connect: endpoint }))
  }

  private constructor(connection: StreamConnection<Job>) {
    super()
    this.#connection = connection
    this.watch(connection)
    connection.messages.subscribe((job) => {
      if (this.#order.take(job)) this.done()
    })
  }

  protected begin(count: number): void {
    for (let begun = 0; begun < count; begun++) this.#connection.next(HonestOrder.job(this.#id++))
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }
}
