/**
 * The engine of a simulated host as an onlooker sees it: what it is sent, and what it stores, deals out and settles.
 *
 * Everything passes through; the oracle is told of it.
 */
import type {
  Attachment,
  ConsumerPorts,
  EngineCapabilities,
  LocalEngine,
  MessageBlock,
  QueueCounts,
  QueueEngine,
  QueueSettings,
  SendOutcome,
  Settlement,
  SettleOutcome,
} from '../../src/engine/index.js'
import { schemaIdName } from '../../src/engine/schema-texts.js'
import type { QueueOracle } from './queue-oracle.js'
import { textsOf } from './queue-schemas.js'

/** An engine that is watched. */
export class ObservedEngine implements QueueEngine {
  readonly #engine: LocalEngine
  readonly #oracle: QueueOracle

  constructor(engine: LocalEngine, oracle: QueueOracle) {
    this.#engine = engine
    this.#oracle = oracle
  }

  get capabilities(): EngineCapabilities {
    return this.#engine.capabilities
  }

  get epoch(): string {
    return this.#engine.epoch
  }

  get queues(): readonly string[] {
    return this.#engine.queues
  }

  declare(queue: string, settings: QueueSettings): void {
    this.#engine.declare(queue, settings)
  }

  has(queue: string): boolean {
    return this.#engine.has(queue)
  }

  send(
    queue: string,
    producer: string,
    sequence: number,
    block: MessageBlock,
    schema: string | undefined,
    done: (outcome: SendOutcome) => void,
  ): void {
    const texts = textsOf(block)
    this.#oracle.watch((oracle) => oracle.sent(texts, block.extras))
    this.#engine.send(queue, producer, sequence, block, schema, (outcome) => {
      this.#oracle.watch((oracle) => oracle.blockDone(texts, sequence, outcome))
      done(outcome)
    })
  }

  schemaText(schemaId: Uint8Array): string | undefined {
    return this.#engine.schemaText(schemaId)
  }

  attach(queue: string, consumer: string, ports: ConsumerPorts): Attachment {
    return new ObservedAttachment(this.#engine, this.#oracle, queue, consumer, ports)
  }

  counts(queue: string): QueueCounts {
    return this.#engine.counts(queue)
  }

  onChange(callback: (queue: string) => void): () => void {
    return this.#engine.onChange(callback)
  }

  settled(done: () => void): void {
    this.#engine.settled(done)
  }

  peek(queue: string, limit: number) {
    return this.#engine.peek(queue, limit)
  }

  purge(queue: string, done: (dropped: number, error?: never) => void): void {
    this.#engine.purge(queue, done as (dropped: number) => void)
  }

  redrive(queue: string, limit: number, done: (moved: number, error?: never) => void): void {
    this.#engine.redrive(queue, limit, done as (moved: number) => void)
  }

  close(): Promise<void> {
    return this.#engine.close()
  }
}

/** A consumer at its queue, watched. */
class ObservedAttachment implements Attachment {
  readonly #engine: LocalEngine
  readonly #oracle: QueueOracle
  readonly #consumer: string
  readonly #inner: Attachment
  /** Messages that the engine may still deliver. */
  #credit = 0
  #isSuspended = false
  #isOver = false
  readonly #unreadable = new Set<string>()

  constructor(engine: LocalEngine, oracle: QueueOracle, queue: string, consumer: string, ports: ConsumerPorts) {
    this.#engine = engine
    this.#oracle = oracle
    this.#consumer = consumer
    this.#inner = engine.attach(queue, consumer, {
      ...ports,
      deliver: (leased) => {
        this.#credit -= leased.messages.count
        oracle.watch(() => {
          if (this.#isOver) oracle.fail(`${consumer} is delivered to after it left`)
          if (this.#isSuspended) oracle.fail(`${consumer} is delivered to while it cannot be reached`)
          if (this.#unreadable.has(schemaIdName(leased.messages.schemaId)))
            oracle.fail(`${consumer} is given what it cannot read`)
          if (this.#credit < 0) oracle.fail(`${consumer} was given more than its credit`)
          oracle.dealt(leased, consumer)
        })
        ports.deliver(leased)
      },
    })
  }

  grant(messages: number): void {
    this.#credit += messages
    this.#inner.grant(messages)
  }

  settle(settlements: readonly Settlement[], done: (outcomes: readonly SettleOutcome[]) => void): void {
    const oracle = this.#oracle
    oracle.watch(() => {
      for (const settlement of settlements) oracle.said(settlement)
    })
    this.#inner.settle(settlements, (outcomes) => {
      oracle.watch(() => {
        for (const [at, settlement] of settlements.entries()) oracle.told(settlement, outcomes[at] as SettleOutcome)
      })
      done(outcomes)
    })
  }

  cannotRead(meanings: readonly Uint8Array[]): void {
    this.#inner.cannotRead(meanings)
    // what was being dealt out then is still delivered
    this.#engine.settled(() => {
      for (const meaning of meanings) this.#unreadable.add(schemaIdName(meaning))
    })
  }

  extend(leases: readonly number[]): number[] {
    return this.#inner.extend(leases)
  }

  adopt(leases: readonly number[]): number[] {
    this.#oracle.adopted(this.#consumer, leases)
    return this.#inner.adopt(leases)
  }

  suspend(unsent: readonly number[]): void {
    this.#isSuspended = true
    for (const lease of unsent) this.#credit += this.#oracle.withdrawn(lease)
    this.#inner.suspend(unsent)
  }

  resume(): void {
    this.#isSuspended = false
    this.#inner.resume()
  }

  detach(): void {
    this.#isOver = true
    this.#inner.detach()
  }

  abandon(): void {
    this.#isOver = true
    this.#inner.abandon()
  }
}
