/**
 * The host of a simulated queue: the engine and the serving side of the package, over an acceptor and a store whose writes
 * take time. It crashes with writes under way, and closes in good order.
 */

import type { ConsumeSession } from '../../patterns/queue/durable/consume-session.js'
import { type ProduceSession, unknownQueue } from '../../patterns/queue/durable/produce-session.js'
import { type QueueServingHost, serveConsumer, serveProducer } from '../../patterns/queue/durable/serving.js'
import { type ConsumeRequest, type ProduceRequest, QueueService } from '../../patterns/queue/durable/wire.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { type CallHandler, CallHost, type CallStream, callerConnectionOf } from '../../src/call/index.js'
import { ExclusiveSessions, ServedStreams } from '../../src/conversation/index.js'
import { LocalEngine } from '../../src/engine/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { atEndOfTurn } from '../../src/lifecycle/index.js'
import { HeldStore } from '../engine/held-store.js'
import { ObservedEngine } from './observed-engine.js'
import { hostAddress, QueueProcess, queueName } from './queue-process.js'
import { SimulatedLinks } from './simulated-links.js'

/** The largest message that the host takes, in bytes. */
const maxMessageBytes = 100_000

/** How long consumers have to say what they have settled before the host closes, in milliseconds. */
const lastWordsMs = 500

/** A client in the process of the host. */
export interface Guest {
  readonly isAlive: boolean
  boot(): void
  crash(): void
  closeWithHost(waitMs: number): Promise<void>
}

/** The host. */
export class QueueHost extends QueueProcess {
  engine: LocalEngine | undefined
  store = new HeldStore()
  /** Whether nothing goes wrong any more: writes are quick. */
  isCalm = false
  #links: SimulatedLinks | undefined
  #calls: CallHost | undefined
  /** What serves producers and consumers, while it is up. */
  serving: (QueueServingHost & { isOpen: boolean; isServing: boolean }) | undefined
  /** Clients in its process. */
  readonly guests = new Set<Guest>()
  /** What the wall clock was set by at the last opening, in milliseconds. */
  #setBeforeMs = 0

  override boot(): void {
    const { oracle } = this.world
    oracle.skipped(Math.max(0, this.setMs - this.#setBeforeMs))
    this.#setBeforeMs = this.setMs
    this.start()
    this.enqueue(() => this.#open())
  }

  override crash(): void {
    this.#stop(this.random.below(this.store.held + 1))
  }

  /** Closes in good order, and starts again; what is not written by then is lost, and nobody was told that it is there. */
  close(): void {
    this.enqueue(() => void this.#close())
  }

  /** Somebody moves dead letters back. */
  redrive(): void {
    this.enqueue(() => {
      const limit = this.random.pick([1, 3, Number.MAX_SAFE_INTEGER])
      this.note('redrives', limit)
      this.world.oracle.redriven()
      this.engine?.redrive(queueName, limit, () => {})
    })
  }

  /** Somebody sets the wall clock. */
  setClock(byMs: number): void {
    this.note('has its clock set', byMs)
    this.setMs += byMs
  }

  protected override tick(): void {
    this.#links?.tick()
  }

  #open(): void {
    const { clock, world } = this
    const { plan } = world
    const engine = this.#openEngine()
    const serving = {
      engine: new ObservedEngine(engine, world.oracle),
      maxMessageBytes,
      clock,
      isOpen: true,
      isServing: true,
      streams: new ServedStreams(),
      consumers: new ExclusiveSessions<ConsumeSession>(),
      producers: new ExclusiveSessions<ProduceSession>(),
      enter(queue: string) {
        if (!engine.has(queue)) throw unknownQueue(queue)
      },
      leaseMsOf: () => plan.settings.leaseMs,
      report: (error: RivuletError) => this.report(error),
    }
    const handlers = new Map<string, CallHandler>([
      ['produce', (items) => serveProducer(serving, items as CallStream<ProduceRequest>)],
      [
        'consume',
        (items, context) => serveConsumer(serving, items as CallStream<ConsumeRequest>, callerConnectionOf(context)),
      ],
    ])
    const report = (error: RivuletError) => this.report(error)
    const calls = new CallHost([{ codec: serviceOf(QueueService), handlers }], { clock, report })
    this.serving = serving
    this.#calls = calls
    this.#links = new SimulatedLinks(this, this.linkOptions, [calls])
    this.#links.listen(hostAddress)
    for (const guest of this.guests) if (!guest.isAlive) guest.boot()
  }

  #openEngine(): LocalEngine {
    const { store, clock, world, random } = this
    this.note('opens', store.bytes)
    store.onWrite = (changes) => {
      this.note('writes', changes.length)
      this.enqueueLater(this.isCalm ? 0 : random.below(world.plan.flushMs + 1), () => store.settle())
    }
    const engine = new LocalEngine({
      clock,
      store,
      random: (bytes) => random.bytes(bytes),
      report: (error) => this.report(error),
      flushLater: atEndOfTurn,
      nextTurn: (callback) => this.enqueue(callback),
    })
    engine.declare(queueName, world.plan.settings)
    this.engine = engine
    return engine
  }

  async #close(): Promise<void> {
    const serving = this.serving
    if (!serving?.isOpen) return
    const { life, clock } = this
    this.note('closes')
    serving.isOpen = false
    void this.#calls?.drain()
    this.#links?.announceDrain()
    const patience = new Promise<void>((resolve) => void clock.setTimer(resolve, lastWordsMs))
    const drained = serving.streams.drain(patience)
    const waitMs = this.random.pick([0, 200])
    await Promise.all([...this.guests].map((guest) => guest.closeWithHost(waitMs)))
    serving.isServing = false
    await drained
    await this.#calls?.drain()
    if (life !== this.life) return
    const closed = new RivuletError('RIVULET_CLOSED', 'the host was closed')
    await this.#calls?.stopAll(closed)
    this.#links?.sayGoodbye()
    // what was said leaves at the end of this turn
    this.enqueueLater(0, () => {
      this.#stop(this.store.held)
      this.world.scheduler.after(this.random.below(100), () => this.isAlive || this.boot())
    })
  }

  /** Loses everything but what is safe, and the first writes of those under way. */
  #stop(kept: number): void {
    this.note('keeps', kept)
    for (const guest of this.guests) if (guest.isAlive) guest.crash()
    this.#links?.drop()
    this.#links = undefined
    this.#calls = undefined
    this.serving = undefined
    this.world.oracle.crashed()
    this.engine = undefined
    this.store = this.store.crashed(kept)
    this.stop()
  }
}
