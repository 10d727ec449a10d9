/**
 * `npm run soak -- queue-kills [--rounds N] [--seed S] [--events N] [--compare N] [--json]`: a durable queue whose
 * processes are killed.
 *
 * Held: under load, with `kill -9` of host, producers and consumers at random moments, no confirmed message is lost, none is
 * delivered after its ack was confirmed, none is in the queue twice, one of each id is stored, each has its own options, and
 * the dead letters are exactly those that earned it; so too in the folder of a host that was killed, and at its last flushed
 * transaction alone, compared at every Nth kill of the host (`--compare N`). Messages are sent in bursts, by `send` and `sendAll`:
 * small and large, plain and with ids, keys, delays and times to live.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { plainPath, writePlain } from '../../tools/plain.js'
import { killRounds } from '../queue-durable/kill-rounds.js'
import { queueProgram } from '../support/queue-child.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    events: { type: 'string', default: '3000' },
    compare: { type: 'string', default: '10' },
    json: { type: 'boolean' },
  },
})
const seed = Number(values.seed)
const folder = mkdtempSync(join(tmpdir(), 'rivulet-soak-'))
// without a loader, so that a process that was killed is back soon
const plain = writePlain()
const started = performance.now()
const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`

const { ledger, kills, compared, older } = await killRounds({
  path: join(folder, 'queues'),
  rounds: Number(values.rounds),
  seed,
  program: [plainPath(plain, queueProgram)],
  compareEvery: Number(values.compare),
  mostEvents: Number(values.events),
  progress(round, { confirmed, acked, faults }) {
    if (values.json || (round % 10 > 0 && faults.length === 0)) return
    console.log(`round ${round}: ${confirmed} confirmed, ${acked} acknowledged, ${seconds()}`)
  },
})
rmSync(plain, { recursive: true })
const { confirmed, acked, deliveries, repeated, deadLetters, wornOut, faults } = ledger
const codes = Object.fromEntries(ledger.codes)
if (values.json) {
  const figures = { confirmed, acked, deliveries, repeated, deadLetters, wornOut }
  console.log(JSON.stringify({ seed, kills, compared, older, ...figures, codes, faults }))
} else {
  const killed = `killed: host ${kills.host}, producers ${kills.producer}, consumers ${kills.consumer}`
  console.log(
    `${killed}; folders compared ${compared}, ${older} with commits behind the last flush, seed ${seed}, ${seconds()}`,
  )
  console.log(`${confirmed} confirmed, ${acked} acknowledged, ${deliveries} deliveries, ${repeated} of them again`)
  console.log(`${deadLetters} dead letters, ${wornOut} of them lost every attempt; ${JSON.stringify(codes)}`)
  console.log(faults.length > 0 ? `FAILED: ${faults.join('; ')}` : 'ok')
}
if (faults.length === 0) rmSync(folder, { recursive: true })
else console.log(`the folder is left: ${folder}`)
process.exitCode = faults.length > 0 ? 1 : 0
