/** What the processes of a simulated queue have in common. */
import type { RivuletError } from '../../src/errors/index.js'
import { addressOf, type SimulatedLinkOptions } from './link-ends.js'
import type { QueueOracle } from './queue-oracle.js'
import type { QueuePlan } from './queue-plan.js'
import { TurnProcess, type TurnWorld } from './turn-process.js'

/** The world that all parts of a run share. */
export interface QueueWorld extends TurnWorld {
  readonly oracle: QueueOracle
  readonly plan: QueuePlan
}

/** The name of the queue, and where its host listens. */
export const queueName = 'jobs'
export const hostAddress = addressOf('host')

/** A process with links. */
export abstract class QueueProcess extends TurnProcess {
  declare readonly world: QueueWorld

  constructor(name: string, world: QueueWorld) {
    super(name, world, world.plan.link.heartbeatMs)
  }

  protected get linkOptions(): SimulatedLinkOptions {
    return { link: this.world.plan.link, waitMs: [1, 20] }
  }

  protected override start(): void {
    super.start()
    this.note('boots')
  }

  protected override stop(): void {
    super.stop()
    this.note('stops')
  }

  override report(error: RivuletError): void {
    this.note(error.code)
    this.world.oracle.reported(this.name, error)
  }
}
