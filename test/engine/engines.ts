/** Engines that are held to the contract of `QueueEngine`, and what a test asks of one. */
import type { Test } from 'tap'
import {
  type Attachment,
  defaultSettings,
  type LeasedBlock,
  type MessageExtras,
  openLocalEngine,
  type QueueEngine,
  type QueueSettings,
  type SendOutcome,
  type Settlement,
  type SettleOutcome,
} from '../../src/engine/index.js'
import { stores, temporaryFolder } from '../store/stores.js'
import { until } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { blockOf, schemaId, schemaText, textsOf } from './engine-world.js'

/** Opens an engine, and the same one again when it has been closed. */
export type OpenEngine = (t: Test, clock: VirtualClock) => Promise<() => QueueEngine>

/** All engines. */
export const engines: Readonly<Record<string, OpenEngine>> = Object.fromEntries(
  Object.entries(stores).map(([name, make]) => [
    `the local engine over the ${name} store`,
    async (t, clock) => {
      const store = await make(temporaryFolder(t), 64 * 1_048_576)
      t.teardown(() => store.close())
      return () => openLocalEngine({ store, clock })
    },
  ]),
)

/** An engine with the queue `jobs`, in the hands of a test. */
export class TestEngine {
  readonly clock: VirtualClock
  readonly #reopen: () => QueueEngine
  readonly #settings: QueueSettings
  engine: QueueEngine

  private constructor(clock: VirtualClock, reopen: () => QueueEngine, settings: Partial<QueueSettings>) {
    this.clock = clock
    this.#reopen = reopen
    this.#settings = { ...defaultSettings, ...settings }
    this.engine = this.#open()
  }

  static async open(t: Test, open: OpenEngine, settings: Partial<QueueSettings> = {}): Promise<TestEngine> {
    const clock = new VirtualClock()
    const world = new TestEngine(clock, await open(t, clock), settings)
    t.teardown(() => world.engine.close())
    return world
  }

  /** Closes it, and opens it again. */
  async reopen(): Promise<void> {
    await this.engine.close()
    this.engine = this.#open()
  }

  send(
    sequence: number,
    texts: readonly string[],
    extras: readonly MessageExtras[] = [],
    { producer = 'p', hash = schemaId as Uint8Array, schema = schemaText as string | null } = {},
  ): Promise<SendOutcome> {
    return new Promise((done) =>
      this.engine.send('jobs', producer, sequence, blockOf(texts, extras, hash), schema ?? undefined, done),
    )
  }

  consumer(name: string, credit: number, queue = 'jobs'): EngineConsumer {
    return new EngineConsumer(this.engine, queue, name, credit)
  }

  /** Resolves when the counts are like this. */
  counts(like: Partial<ReturnType<QueueEngine['counts']>>, queue = 'jobs'): Promise<void> {
    return until(() => {
      const counts = this.engine.counts(queue) as unknown as Record<string, unknown>
      return Object.entries(like).every(([name, count]) => counts[name] === count)
    })
  }

  /** Resolves when everything that was asked for so far is stored. */
  settled(): Promise<void> {
    return new Promise((done) => this.engine.settled(done))
  }

  #open(): QueueEngine {
    const engine = this.#reopen()
    engine.declare('jobs', this.#settings)
    return engine
  }
}

/** A consumer that takes down what it gets. */
export class EngineConsumer {
  readonly blocks: LeasedBlock[] = []
  readonly lost: number[] = []
  readonly attachment: Attachment

  constructor(engine: QueueEngine, queue: string, name: string, credit: number) {
    this.attachment = engine.attach(queue, name, {
      deliver: (leased) => void this.blocks.push(leased),
      lost: (lease) => void this.lost.push(lease),
    })
    if (credit > 0) this.attachment.grant(credit)
  }

  get texts(): string[] {
    return this.blocks.flatMap(textsOf)
  }

  /** Resolves with the texts when there are so many. */
  async got(count: number): Promise<string[]> {
    await until(() => this.texts.length >= count)
    return this.texts
  }

  /** Which attempt the last message is. */
  get attempt(): number {
    const block = this.blocks.at(-1) as LeasedBlock
    return block.extras.find(({ index }) => index === block.messages.count - 1)?.attempt ?? 1
  }

  get lease(): number {
    return (this.blocks.at(-1) as LeasedBlock).lease
  }

  /** Settles messages of the last block, all of them unless it is said which. */
  settle(settlement: Partial<Settlement> & Pick<Settlement, 'kind'>): Promise<SettleOutcome> {
    const { lease = this.lease, index = 0 } = settlement
    const block = this.blocks.find((leased) => leased.lease === lease)
    const { count = (block?.messages.count ?? 1) - index } = settlement
    return new Promise((done) =>
      this.attachment.settle([{ ...settlement, lease, index, count }], ([outcome]) => done(outcome as SettleOutcome)),
    )
  }
}
