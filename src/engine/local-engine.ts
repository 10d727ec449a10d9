/**
 * The engine over a store: one write at a time, and all operations that arrive meanwhile are the next one.
 *
 * That is group commit: a write begins at the end of the turn in which something was asked for, or when the one before it
 * is safe. Operations are applied, what is ready is dealt out, and when the write is safe, the results are reported. If it is not
 * there, what it touched is read again, removals are tried again one by one, and the rest is refused.
 */
import type { RivuletError } from '../errors/index.js'
import { LocalAttachment } from './attachment.js'
import { Consumer } from './consumer.js'
import { type Dealt, dispatchAll } from './dispatcher.js'
import type {
  Attachment,
  ConsumerPorts,
  EngineCapabilities,
  MessageBlock,
  PeekedMessage,
  QueueCounts,
  QueueEngine,
  QueueSettings,
  SendOutcome,
} from './engine.js'
import { EngineTime } from './engine-time.js'
import { noOperation, type Operation, purgeOperation, redriveOperation, sendOperation } from './operations.js'
import { peek } from './peek.js'
import { asStoreError, closedError, type EnginePorts } from './ports.js'
import { Queue } from './queue.js'
import { QueueNames } from './queue-names.js'
import { recover } from './queue-recovery.js'
import { SchemaTexts } from './schema-texts.js'
import { checkBlock } from './sending.js'
import { Timers } from './timers.js'
import { Transaction } from './transaction.js'

/** How long nothing is dealt out after a write that failed, unless one succeeds, in milliseconds. */
export const pauseMs = 1000

/** The engine over a store. */
export class LocalEngine implements QueueEngine {
  readonly capabilities: EngineCapabilities
  readonly epoch: string
  readonly #ports: EnginePorts
  readonly #schemas: SchemaTexts
  readonly #names: QueueNames
  readonly #timers: Timers
  readonly #time: EngineTime
  readonly #watchers = new Set<(queue: string) => void>()
  /** What is to be done, in order, and how much of it has gone. */
  #waiting: Operation[] = []
  /** Operations that are tried again one by one, since their common write has failed. */
  #rescues: Operation[][] = []
  /** Queues in which something may be ready. */
  #dispatchable = new Set<Queue>()
  #isWriting = false
  #isPlanned = false
  #isPaused = false
  /** Whether the end of a pause is waited for, which may be one that a write has ended. */
  #isPauseTimed = false
  #closing: Promise<void> | undefined
  #closed: (() => void) | undefined

  constructor(ports: EnginePorts) {
    const { store } = ports
    this.#ports = ports
    this.epoch = Buffer.from(ports.random(16)).toString('hex')
    const can = { deduplicates: true, ordersKeys: true, delays: true, deadLetters: true }
    this.capabilities = Object.freeze({ durability: store.durability, ...can })
    this.#schemas = new SchemaTexts(store)
    this.#names = new QueueNames({
      store,
      intern: this.#schemas.intern,
      report: (error) => ports.report(error),
      deadOf: (queue) => this.#names.deadOf(queue),
      recover,
      now: () => ports.clock.now(),
    })
    this.#timers = new Timers(ports, (operation) => this.#ask(operation))
    this.#names.load(ports.clock.now())
    this.#time = new EngineTime(ports.clock, this.#names.lastWrite)
    for (const queue of this.#names.all) this.#begin(queue)
  }

  get queues(): readonly string[] {
    return [...this.#names.all].map(({ name }) => name)
  }

  declare(name: string, settings: QueueSettings): void {
    this.#mustBeOpen()
    for (const queue of this.#names.declare(name, settings, this.#ports.clock.now())) this.#begin(queue)
    const queue = this.#names.get(name)
    this.#timers.check(queue)
    this.#dispatchable.add(queue)
    this.#wake()
  }

  has(queue: string): boolean {
    return this.#names.has(queue)
  }

  send(
    queue: string,
    producer: string,
    sequence: number,
    block: MessageBlock,
    schema: string | undefined,
    done: (outcome: SendOutcome) => void,
  ): void {
    this.#mustBeOpen()
    checkBlock(sequence, block)
    this.#ask(sendOperation(this.#names.get(queue), this.#schemas, producer, sequence, block, schema, done))
  }

  schemaText(schemaId: Uint8Array): string | undefined {
    return this.#schemas.text(schemaId)
  }

  attach(name: string, consumer: string, ports: ConsumerPorts): Attachment {
    this.#mustBeOpen()
    const queue = this.#names.get(name)
    return new LocalAttachment(queue, new Consumer(consumer, ports), {
      now: () => this.#ports.clock.now(),
      ask: (operation) => {
        if (this.#closing) this.#refuse(operation)
        else this.#ask(operation)
      },
      mayDeal: () => {
        this.#dispatchable.add(queue)
        this.#wake()
      },
      changed: () => this.#changed(queue),
    })
  }

  counts(queue: string): QueueCounts {
    const found = this.#names.get(queue)
    // the changes of the current write cannot be read yet
    if (!this.#isWriting && !this.#closing) found.countDue(this.#newTransaction())
    return found.counts(this.#time.wall)
  }

  onChange(callback: (queue: string) => void): () => void {
    this.#watchers.add(callback)
    return () => this.#watchers.delete(callback)
  }

  settled(done: () => void): void {
    this.#mustBeOpen()
    this.#ask(noOperation(done))
  }

  peek(queue: string, limit: number): PeekedMessage[] {
    return peek(this.#ports.store, this.#names.get(queue), limit, this.#time.wall)
  }

  purge(queue: string, done: (dropped: number, error?: RivuletError) => void): void {
    this.#mustBeOpen()
    this.#ask(purgeOperation(this.#names.get(queue), done))
  }

  redrive(queue: string, limit: number, done: (moved: number, error?: RivuletError) => void): void {
    this.#mustBeOpen()
    this.#ask(redriveOperation(this.#names.get(queue), limit, done))
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#closed = resolve
      this.#timers.close()
      this.#wake()
    })
    return this.#closing
  }

  #begin(queue: Queue): void {
    this.#timers.sweep(queue)
    this.#timers.check(queue)
  }

  #mustBeOpen(): void {
    if (this.#closing) throw closedError()
  }

  #ask(operation: Operation): void {
    this.#waiting.push(operation)
    this.#wake()
  }

  #refuse(operation: Operation): void {
    this.#ports.flushLater(() => operation.fail(this.#newTransaction(), closedError()))
  }

  #newTransaction(): Transaction {
    return new Transaction(this.#ports.store, this.#time.wall, this.#time.now)
  }

  #wake(): void {
    if (this.#isWriting || this.#isPlanned) return
    this.#isPlanned = true
    this.#ports.flushLater(() => {
      this.#isPlanned = false
      if (!this.#isWriting) this.#write()
    })
  }

  /** Begins a write with what waits, if there is anything. */
  #write(): void {
    const { store } = this.#ports
    const rescue = this.#rescues.shift()
    const operations = rescue ?? this.#waiting
    if (!rescue) this.#waiting = []
    const tx = this.#newTransaction()
    const dealt: Dealt[] = []
    const applied: Operation[] = []
    let rest: Operation[] = []
    try {
      for (let at = 0; at < operations.length; at++) {
        const operation = operations[at] as Operation
        applied.push(operation)
        tx.pieces += 1
        if (!operation.apply(tx)) rest.push(operation)
        if (!tx.isFull) continue
        rest = rest.concat(operations.slice(at + 1))
        break
      }
      if (!rescue) this.#deal(tx, dealt)
      for (const participant of tx.touched) participant.flush(tx)
    } catch (cause) {
      this.#waiting = [...operations.slice(applied.length), ...this.#waiting]
      this.#failed(tx, applied, dealt, rescue !== undefined, asStoreError(cause))
      return
    }
    if (rest.length > 0) this.#waiting = [...rest, ...this.#waiting]
    if (tx.changes.length === 0) {
      this.#succeeded(tx, dealt)
      return
    }
    this.#isWriting = true
    store.write(tx.changes, (error) => {
      this.#isWriting = false
      if (error) this.#failed(tx, applied, dealt, rescue !== undefined, error)
      else {
        this.#isPaused = false
        this.#succeeded(tx, dealt)
      }
    })
  }

  /** Deals out what is ready in the queues that changed, or may have more. */
  #deal(tx: Transaction, dealt: Dealt[]): void {
    if (this.#isPaused || this.#closing) {
      // this write may end the pause
      addTouched(tx, this.#dispatchable)
      return
    }
    const dispatchable = this.#dispatchable
    this.#dispatchable = new Set()
    addTouched(tx, dispatchable)
    const living = [...dispatchable].filter(({ dead }) => dead !== undefined)
    const more = dispatchAll(tx, living, dealt)
    // dealing out may make dead letters, too
    addTouched(tx, dispatchable)
    const dead = [...dispatchable].filter(({ dead }) => dead === undefined)
    for (const queue of [...more, ...dispatchAll(tx, dead, dealt)]) this.#dispatchable.add(queue)
    for (const queue of dispatchable) this.#timers.plan(tx, queue)
  }

  #succeeded(tx: Transaction, dealt: readonly Dealt[]): void {
    for (const participant of tx.touched) if (participant instanceof Queue) participant.written()
    for (const complete of tx.completions) complete()
    for (const { queue, consumer, lease, leased } of dealt) {
      if (!consumer.isAttached || consumer.isSuspended) continue
      lease.isDelivered = true
      queue.leases.extend(lease, this.#ports.clock.now() + queue.settings.leaseMs)
      consumer.ports.deliver(leased)
    }
    for (const participant of tx.touched) if (participant instanceof Queue) this.#changed(participant)
    this.#timers.arm()
    this.#continue()
  }

  #failed(
    tx: Transaction,
    operations: readonly Operation[],
    dealt: readonly Dealt[],
    isRescue: boolean,
    error: RivuletError,
  ): void {
    this.#ports.report(error)
    for (const reverse of tx.reversals) reverse()
    for (const { consumer, lease } of dealt) consumer.credit += lease.count
    addTouched(tx, this.#dispatchable)
    for (const participant of tx.touched) if (participant instanceof Queue) this.#reload(participant)
    this.#pause()
    const now = this.#newTransaction()
    const isSaved = ({ rescue }: Operation) => !isRescue && error.code === 'RIVULET_STORE_FULL' && rescue !== 'refuse'
    const saved = operations.filter((operation) => isSaved(operation) && operation.rescue !== 'forget')
    // what was not finished with this write is in `#waiting`, where it would be tried twice
    const tried = new Set(operations)
    this.#waiting = this.#waiting.filter((operation) => !tried.has(operation))
    const removals = saved.filter(({ rescue }) => rescue === 'remove')
    if (removals.length > 0) this.#rescues.push(removals)
    for (const operation of saved) if (operation.rescue === 'settle') this.#rescues.push([operation])
    for (const operation of operations) {
      if (saved.includes(operation)) continue
      operation.fail(now, error)
    }
    this.#continue()
  }

  #reload(queue: Queue): void {
    try {
      queue.reload()
    } catch (cause) {
      this.#ports.report(asStoreError(cause))
    }
  }

  /** Deals nothing out for a while: what could not be written a moment ago cannot be now. */
  #pause(): void {
    this.#isPaused = true
    if (this.#isPauseTimed) return
    this.#isPauseTimed = true
    this.#timers.after(pauseMs, () => {
      this.#isPauseTimed = this.#isPaused = false
      for (const queue of this.#names.all) this.#timers.check(queue)
      this.#wake()
    })
  }

  #continue(): void {
    const mayDeal = this.#dispatchable.size > 0 && !this.#isPaused && !this.#closing
    if (this.#waiting.length > 0 || this.#rescues.length > 0 || mayDeal) this.#wake()
    else if (!this.#isPlanned) this.#closed?.()
  }

  #changed(queue: Queue): void {
    for (const watcher of this.#watchers) watcher(queue.name)
  }
}

/** Adds the queues that a write touches. */
function addTouched(tx: Transaction, queues: Set<Queue>): void {
  for (const participant of tx.touched) if (participant instanceof Queue) queues.add(participant)
}
