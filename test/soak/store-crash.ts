/**
 * `npm run soak -- store-crash [--rounds N] [--seed S] [--json]`: a process writes to a store on disk and is killed, again and again.
 *
 * Held: every confirmed write is there after each kill, also at the last flushed transaction alone, and no batch is there in
 * part.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crashRound } from '../store/crash-round.js'
import { seeded } from '../support/seeded.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'boolean' },
  },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
const random = seeded(seed)
const folder = mkdtempSync(join(tmpdir(), 'rivulet-soak-'))
const faults: string[] = []
let confirmed = 0
for (let round = 0; round < rounds; round++) {
  const result = await crashRound(join(folder, 'store'), seed + round, 1 + random() * 2000)
  rmSync(join(folder, 'store-flushed'), { recursive: true, force: true })
  faults.push(...result.faults.map((fault) => `round ${round}: ${fault}`))
  confirmed += result.confirmed
  if (!values.json && process.stdout.isTTY) process.stdout.write(`\rround ${round} of ${rounds}`)
}
rmSync(folder, { recursive: true })
if (values.json) console.log(JSON.stringify({ rounds, seed, confirmed, faults }))
else {
  console.log(`\r${rounds} rounds, seed ${seed}, ${confirmed} batches confirmed`)
  console.log(faults.length > 0 ? `FAILED: ${faults.join('; ')}` : 'ok')
}
process.exitCode = faults.length > 0 ? 1 : 0
