/** What all parts of a simulated directory share: machines, some of which are broken on purpose, times, and the settings of links. */
import type { conflictsOf } from '../../patterns/directory/announced-lists.js'
import type { MergedViews } from '../../patterns/directory/merged-views.js'
import type { Registry } from '../../patterns/directory/registry.js'
import type { DirectoryOracle } from './directory-oracle.js'
import type { SimulatedLinkOptions } from './link-ends.js'
import type { TurnWorld } from './turn-process.js'

/** The machines that a run is made of; some are broken on purpose. */
export interface DirectoryMachines {
  readonly Registry: typeof Registry
  readonly MergedViews: typeof MergedViews
  readonly conflictsOf: typeof conflictsOf
}

/** How hosts and clients are set up, in milliseconds. */
export const times = { leaseMs: 5000, graceMs: 10_000, staleMs: 30_000 }

/** All links. */
export const linkOptions: SimulatedLinkOptions = {
  link: {
    limits: { itemBytes: 1_048_576, windowBytes: 262_144, streamWindowBytes: 131_072, assemblyBytes: 4_194_304 },
    outboxBytes: 1_048_576,
    heartbeatMs: 500,
    silenceMs: 3000,
    retentionMs: 8000,
    handshakeMs: 1000,
  },
  waitMs: [50, 1000],
}

/** What all parts of a run share. */
export interface DirectoryWorld extends TurnWorld {
  readonly oracle: DirectoryOracle
  readonly machines: DirectoryMachines
}
