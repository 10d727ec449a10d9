/**
 * Every attack on every pattern that listens, a little of each: the victim lives, counts, and its honest peers lose nothing.
 *
 * One victim has all patterns, and one attacker makes all attacks. Rates and delays are for the soak to measure:
 * `npm run soak -- hostile`.
 */
import type { Test } from 'tap'
import { attacksOn } from './attacks/index.js'
import { countedOf, type Settled, type SiegeKeys } from './orders.js'
import type { PatternName } from './patterns.js'
import { Siege } from './siege.js'

const seed = 11

/** Units of work of each honest peer during an attack, and after it. */
const during = 20
const after = 5

/** Errors of one code that a pattern may report of one attack: those at once, and once more if it lasts. */
const mostReports = 64

/** What the handlers of the victim do wrong is reported each. */
const ofHandlers = ['RIVULET_INTERNAL', 'RIVULET_HANDLER_FAILED']

/** What the memory of the victim may grow by, over all attacks, in MiB. */
const mostMiB = 256

/** Besieges a victim with all patterns, with security or without. */
export async function besiege(t: Test, keys?: SiegeKeys): Promise<void> {
  // the codes that generate readers and the buffers of the library come with the first work
  const overZmq = {
    rpc: 'tcp',
    push: 'ipc',
    pull: 'tcp',
    queue: 'ipc',
    publisher: 'tcp',
    subscriber: 'ipc',
    peer: 'tcp',
    directory: 'ipc',
  } as const
  const siege = await Siege.start({
    // byte streams have TLS, and the option `security` is not for them
    honest: keys === undefined ? { ...overZmq, lines: 'ipc', tls: 'tcp', typed: 'tcp' } : overZmq,
    keys,
  })
  await siege.work(during)
  const first = await siege.victim.report()
  t.teardown(() => siege.end())

  /** Patterns that may have more links than honest peers from here on. */
  const stay = new Set<PatternName>()

  for (const attack of attacksOn(keys !== undefined)) {
    const { known } = attack
    if (known && attack.patterns.every((pattern) => known.patterns.includes(pattern))) {
      t.comment(`not made: ${attack.name}, ${known.why}`)
      continue
    }
    await t.test(attack.name, async (t) => {
      const before = await siege.victim.report()
      const [deeds] = await Promise.all([
        siege.attack({ name: attack.name, transports: ['tcp', 'ipc'], seed, scale: 1, lastingMs: 0 }),
        siege.work(during),
      ])
      await siege.work(after)
      for (const pattern of attack.stays ?? []) stay.add(pattern)
      const settled: Partial<Record<PatternName, Settled>> = {}
      for (const [pattern, counts] of siege.patterns(before)) {
        const surely = deeds[pattern] !== undefined && attack.counted.includes(pattern) ? 1 : 0
        settled[pattern] = {
          counted: countedOf(counts) + Math.max(surely, deeds[pattern]?.refused ?? 0),
          connected: stay.has(pattern) ? Number.MAX_SAFE_INTEGER : (first.patterns[pattern]?.connected ?? 0),
        }
      }
      const report = await siege.victim.report(settled)
      t.strictSame(siege.faults(report), [], 'honest peers have nothing to complain of')
      for (const [pattern, { connections, refused }] of Object.entries(deeds)) {
        const name = pattern as PatternName
        t.ok(connections > 0, `${pattern} was attacked`)
        const counted = (report.patterns[name]?.refused ?? 0) - (before.patterns[name]?.refused ?? 0)
        if (refused > 0) t.equal(counted, refused, `${pattern} counts the connections that it refuses`)
        for (const [code, count] of Object.entries(report.patterns[name]?.codes ?? {})) {
          const reports = count - (before.patterns[name]?.codes[code] ?? 0)
          if (!ofHandlers.includes(code)) t.ok(reports <= mostReports, `${pattern} reports ${reports} of ${code}`)
        }
      }
    })
  }

  await t.test('memory', async (t) => {
    const { peakRssMiB } = await siege.victim.report()
    const grown = peakRssMiB - first.rssMiB
    t.ok(grown < mostMiB, `the victim grew by ${grown.toFixed(0)} MiB`)
  })
}
