/** The directory in simulated trouble, and machines that are broken on purpose, which must be found out. */
import t from 'tap'
import { MergedViews } from '../../patterns/directory/merged-views.js'
import { Registry } from '../../patterns/directory/registry.js'
import type { PeerRecord } from '../../src/discovery/index.js'
import { type DirectoryRunOutcome, simulateDirectory } from './directory-simulation.js'
import type { DirectoryMachines } from './directory-world.js'
import { explainAs, runSeeds } from './seeds.js'

/** How long fresh seeds are looked at, in milliseconds. */
const freshMs = 1500

const explain = explainAs('directory-simulation')

t.test('a seed goes the same way each time', async (t) => {
  const [one, other] = [await simulateDirectory(1), await simulateDirectory(1)]
  t.strictSame(one, other)
  t.not(one.hash, (await simulateDirectory(2)).hash)
})

t.test('the first hundred seeds', async (t) => {
  const outcomes: DirectoryRunOutcome[] = []
  const simulate = async (seed: number) => {
    const outcome = await simulateDirectory(seed)
    outcomes.push(outcome)
    return outcome
  }
  const { failures } = await runSeeds(simulate, { from: 1, seeds: 100 })
  t.strictSame(failures.map(explain), [])
  t.ok(outcomes.filter(({ isMild }) => isMild).length > 20)
  t.ok(outcomes.filter(({ isMild }) => !isMild).length > 20)
})

t.test('fresh seeds', async (t) => {
  const from = 101 + Math.floor(Math.random() * 2 ** 30)
  const limits = { from, seeds: 10_000, withinMs: freshMs, failures: 1 }
  const { seeds, failures } = await runSeeds((seed) => simulateDirectory(seed), limits)
  t.comment(`${seeds} seeds from ${from}`)
  t.strictSame(failures.map(explain), [])
})

type RegistryParameters = ConstructorParameters<typeof Registry>

/** A host that has no grace period. */
class Hasty extends Registry {
  constructor(settings: RegistryParameters[0], clock: RegistryParameters[1]) {
    super({ ...settings, graceMs: 0 }, clock)
  }
}

/** A host that ends announcements with the connection. */
class Impatient extends Registry {
  constructor(settings: RegistryParameters[0], clock: RegistryParameters[1]) {
    super({ ...settings, leaseMs: 1 }, clock)
  }
}

/** A host that never ends what the dead have announced. */
class Endless extends Registry {
  constructor(settings: RegistryParameters[0], clock: RegistryParameters[1]) {
    super({ ...settings, leaseMs: 1_000_000 }, clock)
  }
}

/** A client that takes what a host in its grace period does not know as absent. */
class Credulous extends MergedViews {
  override opened(...[knowledge, host]: Parameters<MergedViews['opened']>): void {
    super.opened(knowledge, host, true)
  }
}

/** A client that never learns that a grace period has ended, and so believes what is stale. */
class Stale extends MergedViews {
  override settled(): void {}
}

/** A winner by the order in which peers are known. */
const byOrder: DirectoryMachines['conflictsOf'] = (peers) => {
  const names = [...new Set(peers.map(({ name }) => name))]
  return names.flatMap((name) => {
    const [winner, ...losers] = peers.filter((peer) => peer.name === name) as [PeerRecord, ...PeerRecord[]]
    return losers.length > 0 ? [{ name, winner, losers }] : []
  })
}

const broken: Readonly<Record<string, Partial<DirectoryMachines>>> = {
  'a host without a grace period': { Registry: Hasty },
  'a host without leases': { Registry: Impatient },
  'a host that keeps the dead': { Registry: Endless },
  'a client that believes hosts in their grace period': { MergedViews: Credulous },
  'a client that believes what is stale': { MergedViews: Stale },
  'a winner by chance': { conflictsOf: byOrder },
}

for (const [name, machines] of Object.entries(broken)) {
  t.test(`${name} is found`, async (t) => {
    const simulate = (seed: number) => simulateDirectory(seed, { machines })
    const { failures, seeds } = await runSeeds(simulate, { from: 1, seeds: 300, failures: 1 })
    t.equal(failures.length, 1, `within ${seeds} seeds`)
    t.comment(failures[0]?.violation)
  })
}
