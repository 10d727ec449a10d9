/**
 * `npm run soak -- hostile [--attack NAME] [--pattern NAME] [--transport tcp|ipc] [--seconds N] [--seed S] [--scale N] [--secured] [--json]`:
 * each attack of `test/hostile` on each pattern that listens, one after the other, measured. With `--secured` the victims have
 * security, and the attacks are those of peers whose key they do not admit, and those of a peer that is admitted.
 *
 * Held: the victim lives, no work of honest peers is lost, they keep half of their undisturbed rate, 99 of 100 units take at
 * most ten times as long (or 50 ms), timers fire within
 * 50 ms, memory is bounded, and errors are reported together. Rates and delays leave out the time in which the processes
 * waited for a CPU that others had; the column `busy` says how much that was. Measure on a quiet machine where it is above
 * a few per cent. A trial that a known limit of ZeroMQ keeps from holding says `known limit`, what was exceeded and why, and is counted
 * apart; if anything else is wrong in it, too, it has failed.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { plainPath, writePlain } from '../../tools/plain.js'
import { attackerProgram } from '../hostile/attacker.js'
import { attacksOn, patternsOf } from '../hostile/attacks/index.js'
import { allNames, transportNames } from '../hostile/patterns.js'
import { type Trial, tryOut } from '../hostile/trial.js'
import { victimProgram } from '../hostile/victim.js'

const { values } = parseArgs({
  options: {
    attack: { type: 'string' },
    pattern: { type: 'string' },
    transport: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    scale: { type: 'string', default: '4' },
    secured: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

/** The names that are asked for: one, or all. */
function chosen<T extends string>(what: string, name: string | undefined, all: readonly T[]): readonly T[] {
  if (name === undefined) return all
  const one = all.filter((candidate) => candidate === name)
  if (one.length === 0) throw new Error(`there is no ${what} ${name}; there are ${all.join(', ')}`)
  return one
}

const columns = [
  'attack',
  'pattern',
  'over',
  'rate',
  'kept',
  'p99',
  'delay',
  'own (usual)',
  'busy',
  'grown',
  'deeds',
  'counted',
  'reported',
  'verdict',
]
const widths = [19, 11, 5, 7, 5, 10, 8, 13, 5, 7, 15, 9, 9, 0]

const line = (cells: readonly string[]) =>
  cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(' ')
    .trimEnd()

function row({
  attack,
  pattern,
  transport,
  before,
  during,
  kept,
  delayMs,
  ownDelayMs,
  usualDelayMs,
  waited,
  grownMiB,
  deeds,
  counted,
  codes,
  complaints,
  known,
}: Trial): string {
  const wrong = complaints.map((text) => text.split('\n')[0]).join('; ')
  const verdict = known === undefined ? wrong || 'held' : `known limit: ${wrong}`
  return line([
    attack,
    pattern,
    transport,
    `${before.perSecond.toFixed(0)}/s`,
    kept.toFixed(2),
    `${during.p99Ms.toFixed(0)} (${before.p99Ms.toFixed(0)}) ms`,
    `${delayMs.toFixed(0)} ms`,
    `${ownDelayMs.toFixed(0)} (${usualDelayMs.toFixed(0)}) ms`,
    `${(100 * waited).toFixed(0)}%`,
    `${grownMiB.toFixed(0)} MiB`,
    `${deeds.connections}c ${deeds.messages}m`,
    String(counted),
    String(Object.values(codes).reduce((sum, count) => sum + count, 0)),
    verdict,
  ])
}

const plain = writePlain()
try {
  const { secured: isSecured } = values
  const attacks = attacksOn(isSecured)
  const names = chosen(
    'attack',
    values.attack,
    attacks.map(({ name }) => name),
  )
  const patterns = chosen('pattern', values.pattern, allNames)
  const transports = chosen('transport', values.transport, transportNames)
  const programs = { victim: [plainPath(plain, victimProgram)], attacker: [plainPath(plain, attackerProgram)] }
  const [seed, lastingMs, scale] = [Number(values.seed), 1000 * Number(values.seconds), Number(values.scale)]
  let [failed, limited] = [0, 0]
  let tried = 0
  if (!values.json) console.log(line(columns))
  for (const attack of attacks.filter(({ name }) => names.includes(name))) {
    for (const pattern of patterns.filter((one) => patternsOf(attack, isSecured).includes(one))) {
      for (const transport of transports) {
        const trial = await tryOut({
          attack: attack.name,
          pattern,
          transport,
          seed,
          lastingMs,
          scale,
          isSecured,
          programs,
        })
        tried += 1
        if (trial.known !== undefined) limited += 1
        else if (trial.complaints.length > 0) failed += 1
        console.log(values.json ? JSON.stringify(trial) : row(trial))
        if (trial.known !== undefined && !values.json) console.log(`  ${trial.known}`)
      }
    }
  }
  if (!values.json)
    console.log(`${tried} trials with seed ${seed}, ${failed} failed, ${limited} at known limits of ZeroMQ`)
  // what cannot be held is not held, whoever is to blame
  if (failed + limited > 0) process.exitCode = 1
} finally {
  rmSync(plain, { recursive: true })
}
