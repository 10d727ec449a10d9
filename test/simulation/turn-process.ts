/**
 * A process of a simulation whose code is that of the package: with a clock, turns that end as real ones do, and sockets that
 * are read in order.
 *
 * What has links is in `simulated-links.ts`, what runs in it its subclass.
 */
import type { Clock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import { type FrameReader, FrameReads, type ReadingProcess } from './frame-reads.js'
import type { Keyring } from './keyring.js'
import type { LinkedProcess } from './link-ends.js'
import type { Listener } from './network.js'
import type { Random } from './random.js'
import { SimulatedProcess } from './simulated-process.js'
import type { RunWorld } from './simulation-run.js'

/** Time of day when a run begins, in milliseconds since 1970. */
export const wallStart = 1_700_000_000_000

/** What all processes of such a simulation share. */
export interface TurnWorld extends RunWorld {
  /** What takes connections at an address now. */
  readonly listeners: Map<string, Listener>
  /** The keys of processes, where links are secured. */
  readonly keyring?: Keyring | undefined
}

/** A process. */
export abstract class TurnProcess extends SimulatedProcess implements ReadingProcess, LinkedProcess {
  declare readonly world: TurnWorld
  readonly random: Random
  readonly clock: Clock
  /** What the wall clock was set by so far, in milliseconds. */
  protected setMs = 0
  readonly #reads = new FrameReads(this)

  constructor(name: string, world: TurnWorld, tickMs: number) {
    super(name, world, tickMs)
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

  /** Begins a life. */
  abstract boot(): void
  /** Ends without a word. */
  abstract crash(): void
  /** Something in it reports an error. */
  abstract report(error: RivuletError): void

  note(what: string, ...numbers: readonly number[]): void {
    this.world.trace.note(this.now, this.name, what, ...numbers)
  }

  /** What the machines of both ends of links need alike. */
  readonly linkPorts = {
    now: () => this.now,
    spend: () => turnBudget.spendShare(),
    report: (error: RivuletError) => this.report(error),
  }

  /** Reads something of a socket, behind what is not read yet. */
  read(reader: FrameReader, take: () => void): void {
    const { life } = this
    this.enqueue(() =>
      this.#reads.read(reader, () => {
        if (life === this.life) take()
      }),
    )
  }

  holds(): void {
    this.note('holds')
  }

  protected override beginTurn(): void {
    this.world.turns.begin(this)
  }

  /** What a turn produced leaves at its end, by `atEndOfTurn`. */
  protected override endTurn(): void {}

  protected override stop(): void {
    super.stop()
    this.#reads.clear()
  }
}
