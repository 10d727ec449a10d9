/**
 * An engine with its world in the hands of a test: time, the store, and the end of each turn.
 *
 * Nothing happens by itself: `run` lets all that is to be written become safe, `step` begins one write.
 */
import { crc32 } from '../../src/checksum/index.js'
import type {
  Attachment,
  LeasedBlock,
  MessageBlock,
  MessageExtras,
  QueueSettings,
  SendOutcome,
  Settlement,
  SettleOutcome,
} from '../../src/engine/index.js'
import { defaultSettings, LocalEngine } from '../../src/engine/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { HeldStore } from './held-store.js'

export const schemaId = Buffer.alloc(16, 7)
export const schemaText = '"string"'

/** A block of texts. */
export function blockOf(
  texts: readonly string[],
  extras: readonly MessageExtras[] = [],
  hash: Uint8Array = schemaId,
): MessageBlock {
  const bodies = texts.map((text) => Buffer.from(text))
  const checks = Buffer.alloc(4 * texts.length)
  for (const [index, body] of bodies.entries()) checks.writeUInt32BE(crc32(body, 0, body.length), 4 * index)
  return {
    count: texts.length,
    schemaId: hash,
    lengths: bodies.map(({ length }) => length),
    checks,
    bodies: Buffer.concat(bodies),
    extras,
  }
}

/** The texts of a block. */
export function textsOf({ messages }: Pick<LeasedBlock, 'messages'>): string[] {
  let at = 0
  return messages.lengths.map((length, index) => {
    const body = Buffer.from(messages.bodies.subarray(at, at + length))
    at += length
    const check = Buffer.from(messages.checks).readUInt32BE(4 * index)
    if (crc32(body, 0, body.length) !== check) throw new Error(`message ${index} is not what was sent`)
    return body.toString()
  })
}

/** A consumer that takes down what it gets. */
export class TestConsumer {
  readonly blocks: LeasedBlock[] = []
  readonly lost: number[] = []
  readonly outcomes: (readonly SettleOutcome[])[] = []
  readonly attachment: Attachment

  constructor(engine: LocalEngine, queue: string, name: string, credit = 0, silentMs?: () => number) {
    this.attachment = engine.attach(queue, name, {
      deliver: (leased) => void this.blocks.push(leased),
      lost: (lease) => void this.lost.push(lease),
      ...(silentMs && { silentMs }),
    })
    if (credit > 0) this.attachment.grant(credit)
  }

  /** All that it got, in order. */
  get texts(): string[] {
    return this.blocks.flatMap(textsOf)
  }

  /** The lease of a block. */
  leaseOf(at = this.blocks.length - 1): number {
    return (this.blocks.at(at) as LeasedBlock).lease
  }

  settle(settlement: Partial<Settlement> & Pick<Settlement, 'kind'>): void {
    const { lease = this.leaseOf(), index = 0 } = settlement
    const block = this.blocks.find((leased) => leased.lease === lease)
    const { count = (block?.messages.count ?? 1) - index } = settlement
    this.attachment.settle([{ ...settlement, lease, index, count }], (outcomes) => void this.outcomes.push(outcomes))
  }
}

/** An engine and its world. */
export class EngineWorld {
  readonly clock: VirtualClock
  readonly store: HeldStore
  readonly errors: RivuletError[] = []
  engine: LocalEngine
  readonly outcomes: SendOutcome[] = []
  #turn: (() => void)[] = []
  #sequences = new Map<string, number>()
  #epochs = 0

  constructor(store = new HeldStore(), clock = new VirtualClock()) {
    this.store = store
    this.clock = clock
    this.engine = this.#open()
  }

  /** A world in which the queue `jobs` is declared. */
  static withJobs(settings: Partial<QueueSettings> = {}): EngineWorld {
    const world = new EngineWorld()
    world.declare('jobs', settings)
    world.run()
    return world
  }

  declare(queue: string, settings: Partial<QueueSettings> = {}): void {
    this.engine.declare(queue, { ...defaultSettings, ...settings })
  }

  /** Sends texts as one block of a producer that numbers them. */
  send(
    texts: readonly string[],
    extras: readonly MessageExtras[] = [],
    producer = 'p',
    queue = 'jobs',
    hash: Uint8Array = schemaId,
  ): void {
    const sequence = (this.#sequences.get(producer) ?? 0) + 1
    this.#sequences.set(producer, sequence + texts.length - 1)
    this.sendAt(sequence, texts, extras, producer, queue, hash)
  }

  /** Sends texts of another schema. */
  sendOf(hash: Uint8Array, texts: readonly string[], extras: readonly MessageExtras[] = []): void {
    this.send(texts, extras, 'p', 'jobs', hash)
  }

  /** Sends texts under a number. */
  sendAt(
    sequence: number,
    texts: readonly string[],
    extras: readonly MessageExtras[] = [],
    producer = 'p',
    queue = 'jobs',
    hash: Uint8Array = schemaId,
  ): void {
    this.engine.send(queue, producer, sequence, blockOf(texts, extras, hash), schemaText, (outcome) => {
      this.outcomes.push(outcome)
    })
  }

  consumer(name = 'c', credit = 1000, queue = 'jobs'): TestConsumer {
    return new TestConsumer(this.engine, queue, name, credit)
  }

  /** A consumer whose event loop may be blocked: nothing comes from it from now on, until `heard` is called. */
  silentConsumer(name = 'c', credit = 1000): TestConsumer & { heard(): void } {
    let receivedAt = this.clock.now()
    const consumer = new TestConsumer(this.engine, 'jobs', name, credit, () => this.clock.now() - receivedAt)
    return Object.assign(consumer, {
      heard: () => {
        receivedAt = this.clock.now()
      },
    })
  }

  /** Ends the turn: a write begins, if there is something to write. */
  step(): void {
    for (const callback of this.#turn.splice(0)) callback()
  }

  /** Ends turns and lets writes be safe until nothing is left to do. */
  run(): void {
    for (let count = 0; count < 10_000; count++) {
      this.step()
      if (!this.store.settle() && this.#turn.length === 0) return
    }
    throw new Error('the engine does not come to rest')
  }

  /** Lets time pass, and does what is due. */
  pass(ms: number): void {
    this.clock.advance(ms)
    this.run()
  }

  /** Crashes, with the first so many writes under way kept, and opens anew. */
  reopened(kept = 0, settings?: Partial<QueueSettings>): EngineWorld {
    const world = new EngineWorld(this.store.crashed(kept), this.clock)
    if (settings) world.declare('jobs', settings)
    world.#sequences = new Map(this.#sequences)
    world.run()
    return world
  }

  #open(): LocalEngine {
    return new LocalEngine({
      clock: this.clock,
      store: this.store,
      random: (bytes) => Buffer.alloc(bytes, ++this.#epochs),
      report: (error) => void this.errors.push(error),
      flushLater: (callback) => void this.#turn.push(callback),
    })
  }
}
