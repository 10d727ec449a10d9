/**
 * What the processes of a simulated directory have in common: a clock, and turns of the event loop that are real ones.
 *
 * They crash without a word, and start again.
 */
import type { conflictsOf } from '../../patterns/directory/announced-lists.js'
import type { MergedViews } from '../../patterns/directory/merged-views.js'
import type { Registry } from '../../patterns/directory/registry.js'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { atEndOfTurn, turnBudget } from '../../src/lifecycle/index.js'
import type { DialerSettings } from '../../src/session/index.js'
import type { DirectoryOracle } from './directory-oracle.js'
import type { Network } from './network.js'
import type { Random } from './random.js'
import { SimulatedProcess, type SimulatedWorld } from './simulated-process.js'
import type { Turns } from './turns.js'

/** The machines that a run is made of; some are broken on purpose. */
export interface DirectoryMachines {
  readonly Registry: typeof Registry
  readonly MergedViews: typeof MergedViews
  readonly conflictsOf: typeof conflictsOf
}

/** How hosts and clients are set up, in milliseconds. */
export const times = { leaseMs: 5000, graceMs: 10_000, staleMs: 30_000 }

/** The settings of all links. */
export const linkSettings: DialerSettings = {
  limits: { itemBytes: 1_048_576, windowBytes: 262_144, streamWindowBytes: 131_072, assemblyBytes: 4_194_304 },
  outboxBytes: 1_048_576,
  heartbeatMs: 500,
  silenceMs: 3000,
  retentionMs: 8000,
  handshakeMs: 1000,
}

/** What all parts of a run share. */
export interface DirectoryWorld extends SimulatedWorld {
  readonly network: Network
  readonly turns: Turns
  readonly oracle: DirectoryOracle
  readonly machines: DirectoryMachines
}

/** Why a connection is gone. */
export const connectionLost = () => new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection was cut')

/** A process of a simulated directory. */
export abstract class DirectoryProcess extends SimulatedProcess {
  declare readonly world: DirectoryWorld
  readonly random: Random
  readonly clock: Clock = {
    now: () => this.now,
    wallNow: () => 1_700_000_000_000 + this.now,
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

  constructor(name: string, world: DirectoryWorld) {
    super(name, world, linkSettings.heartbeatMs)
    this.random = world.random.fork()
  }

  abstract boot(): void
  /** Ends without a word. */
  abstract crash(): void

  override enqueue(event: () => void): void {
    super.enqueue(() => {
      this.world.turns.begin(this)
      event()
    })
  }

  note(what: string, ...numbers: readonly number[]): void {
    this.world.trace.note(this.now, this.name, what, ...numbers)
  }

  protected readonly linkPorts = {
    now: () => this.now,
    spend: () => turnBudget.exceed(),
    report: (error: RivuletError) => this.report(error),
  }

  protected report({ code }: RivuletError): void {
    this.note(code)
  }

  protected flushLater(flush: () => void): void {
    atEndOfTurn(flush)
  }

  protected override endTurn(): void {}
}
