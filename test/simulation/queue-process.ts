/**
 * What the processes of a simulated queue have in common: a clock, turns of the event loop, frames that are read in order.
 */
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { atEndOfTurn, turnBudget } from '../../src/lifecycle/index.js'
import type { DialerSettings } from '../../src/session/index.js'
import { FrameReads, type ReadingProcess } from './frame-reads.js'
import type { Connection, Network, NetworkEnd } from './network.js'
import type { QueueOracle } from './queue-oracle.js'
import type { QueuePlan } from './queue-plan.js'
import type { Random } from './random.js'
import { kindOf } from './session-process.js'
import { SimulatedProcess, type SimulatedWorld } from './simulated-process.js'
import type { Turns } from './turns.js'

/** The world that all parts of a run share. */
export interface QueueWorld extends SimulatedWorld {
  readonly network: Network
  readonly oracle: QueueOracle
  readonly plan: QueuePlan
  readonly turns: Turns
}

/** The name of the queue. */
export const queueName = 'jobs'

/** Time of day when a run begins, in milliseconds since 1970. */
const wallStart = 1_700_000_000_000

/** Why a connection is gone. */
export const connectionLost = () => new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection was cut')

/** A process with a link machine, driven as `src/link` does. */
export abstract class QueueProcess extends SimulatedProcess implements NetworkEnd, ReadingProcess {
  declare readonly world: QueueWorld
  readonly random: Random
  readonly clock: Clock
  /** What the wall clock was set by so far, in milliseconds. */
  protected setMs = 0
  protected readonly reads = new FrameReads(this)

  constructor(name: string, world: QueueWorld) {
    super(name, world, world.plan.link.heartbeatMs)
    this.random = world.random.fork()
    this.clock = {
      now: () => this.now,
      wallNow: () => wallStart + this.setMs + this.now,
      setTimer: (callback, delayMs) => {
        let isSet = true
        this.enqueueLater(delayMs, () => isSet && callback())
        return {
          cancel: () => {
            isSet = false
          },
        }
      },
    }
  }

  get settings(): DialerSettings {
    return this.world.plan.link
  }

  abstract arrived(connection: Connection, frame: Buffer): void
  abstract lost(connection: Connection): void
  abstract takeRest(): boolean

  /** Ends without a word. */
  abstract crash(): void

  abstract boot(): void

  override enqueue(event: () => void): void {
    super.enqueue(() => {
      this.world.turns.begin(this)
      event()
    })
  }

  held(): void {
    this.note('holds')
  }

  /** What the two kinds of link machine need alike. */
  protected readonly linkPorts = {
    now: () => this.now,
    spend: () => turnBudget.exceed(),
    report: (error: RivuletError) => this.report(error),
  }

  protected override start(): void {
    super.start()
    this.note('boots')
  }

  protected override stop(): void {
    super.stop()
    this.reads.clear()
    this.note('stops')
  }

  /** What a turn produced leaves at its end, by `atEndOfTurn`. */
  protected override endTurn(): void {}

  protected flushLater(flush: () => void): void {
    atEndOfTurn(flush)
  }

  protected report(error: RivuletError): void {
    this.note(error.code)
    this.world.oracle.reported(this.name, error)
  }

  note(what: string, ...numbers: readonly number[]): void {
    this.world.trace.note(this.now, this.name, what, ...numbers)
  }

  protected noteFrame(what: string, frame: Buffer): void {
    this.note(what, kindOf(frame), frame.length)
  }
}
