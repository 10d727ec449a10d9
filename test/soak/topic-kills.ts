/**
 * `npm run soak -- topic-kills [--rounds N] [--seed S] [--json]`: a publisher whose history is on disk, killed again and again.
 *
 * Held: after each `kill -9`, every message that `flush` had confirmed and every message that a subscriber had got is replayed
 * under its number; no number of a topic is given to two messages, and none is left out.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createRuntime } from '../../src/runtime/index.js'
import { keptKills } from '../pubsub/kept-kills.js'
import { OwnScope } from '../support/scope.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'boolean' },
  },
})
const seed = Number(values.seed)
const folder = mkdtempSync(join(tmpdir(), 'rivulet-soak-'))
const runtime = createRuntime()
const scope = new OwnScope()
const counts = await keptKills(scope, {
  runtime,
  folder,
  seed,
  rounds: Number(values.rounds),
  progress(round, { confirmed, live, faults }) {
    if (!values.json && (round % 10 === 0 || faults.length > 0))
      console.log(`round ${round}: ${confirmed} confirmed, ${live} live`)
  },
})
await scope.end()
await runtime.close({ drain: false })
rmSync(folder, { recursive: true })
const { confirmed, live, replayed, faults } = counts
if (values.json) console.log(JSON.stringify({ seed, ...counts }))
else {
  console.log(`${values.rounds} rounds, seed ${seed}: ${confirmed} confirmed, ${live} live, ${replayed} replayed`)
  console.log(faults.length > 0 ? `FAILED: ${faults.slice(0, 20).join('; ')}` : 'ok')
}
if (faults.length > 0) process.exitCode = 1
