/** Sessions in simulated trouble: what was found stays found, and each run looks a little further. */
import t from 'tap'
import { explain, runSeeds } from './seeds.js'
import { briefFrom } from './session-plan.js'
import { simulateSessions } from './session-simulation.js'

/** Seeds that show what once was wrong, when it is made wrong again. */
const regressions: Readonly<Record<number, string>> = {
  5: 'nobody was told of room, after an item had been refused since too much waited',
  53: 'frames of an earlier session, with numbers that fit the present one',
  51: 'an item was given up in part, and its peer held the part for good',
}

/** How long fresh seeds are looked at, in milliseconds. */
const freshMs = 6000

t.test('a seed goes the same way each time', async (t) => {
  for (const seed of [1, 2, 3]) {
    const [one, other] = [simulateSessions(seed), simulateSessions(seed)]
    t.strictSame(one, other)
    t.not(one.hash, simulateSessions(seed + 1).hash)
  }
})

t.test('seeds that once found something', async (t) => {
  for (const [seed, what] of Object.entries(regressions)) {
    const { violation } = simulateSessions(Number(seed))
    t.equal(violation, undefined, `${seed}: ${what}`)
  }
})

t.test('the first hundred seeds', async (t) => {
  const { failures } = await runSeeds(simulateSessions, { from: 1, seeds: 100 })
  t.strictSame(failures.map(explain), [])
})

for (const [kind, first, last] of [
  ['long', 101, briefFrom - 1],
  ['brief', briefFrom, 2 ** 31],
] as const) {
  t.test(`fresh ${kind} seeds`, async (t) => {
    const from = first + Math.floor(Math.random() * (last - first))
    const limits = { from, seeds: Math.min(100_000, last - from), withinMs: freshMs / 2, failures: 1 }
    const { seeds, failures } = await runSeeds(simulateSessions, limits)
    t.comment(`${seeds} seeds from ${from}`)
    t.strictSame(failures.map(explain), [])
  })
}
