/**
 * `npm run soak -- queue-faults [--resets N] [--holes N] [--job SECONDS] [--lease SECONDS] [--seed S] [--json]`: a durable
 * queue, bad networks and workers that hang.
 *
 * Held: under load no reset and no black hole between the host, its producers and its consumers loses or doubles a message;
 * a worker that is frozen loses its lease, and its late ack is refused; a job far longer than its lease runs once.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { queueFaults } from '../queue-durable/fault-load.js'
import { frozenWorker, longJob } from '../queue-durable/long-work.js'

const count = (fallback: string) => ({ type: 'string', default: fallback }) as const

const { values } = parseArgs({
  options: {
    resets: count('50'),
    holes: count('10'),
    job: count('60'),
    lease: count('5'),
    seed: count(String(Date.now() % 1_000_000)),
    json: { type: 'boolean' },
  },
})

const holeMs = 500
const leaseMs = Number(values.lease) * 1000
const rows: { readonly name: string; readonly figures: string; readonly faults: readonly string[] }[] = []

type Outcome = { readonly figures: string; readonly faults: readonly string[] }

await row('bad networks', networks)
await row('a frozen worker', frozen)
await row('a long job', long)
if (values.json) console.log(JSON.stringify(rows))
if (rows.some(({ faults }) => faults.length > 0)) process.exitCode = 1

async function row(name: string, run: () => Promise<Outcome>): Promise<void> {
  const started = performance.now()
  const { figures, faults } = await run()
  rows.push({ name, figures, faults })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const verdict = faults.length > 0 ? `FAILED: ${faults.slice(0, 5).join('; ')}` : 'ok'
  if (!values.json) console.log(`${name} | ${figures} | ${seconds} s | ${verdict}`)
}

async function networks(): Promise<Outcome> {
  const path = mkdtempSync(join(tmpdir(), 'rivulet-soak-'))
  const [resets, holes, seed] = [Number(values.resets), Number(values.holes), Number(values.seed)]
  const { ledger, leasesLost, connections, faults } = await queueFaults({
    path,
    resets,
    holes,
    holeMs,
    seed,
    between: 200,
  })
  rmSync(path, { recursive: true })
  const { confirmed, acked, deliveries, repeated, deadLetters } = ledger
  const messages = `${confirmed} confirmed, ${acked} acknowledged, ${deadLetters} dead letters`
  const again = `${deliveries} deliveries, ${repeated} of them again, ${leasesLost} leases lost`
  const codes = JSON.stringify(Object.fromEntries(ledger.codes))
  const broken = `${resets} resets, ${holes} holes each way, ${connections} connections, seed ${seed}`
  return { figures: `${broken}; ${messages}; ${again}; ${codes}`, faults }
}

async function frozen(): Promise<Outcome> {
  const { attempt, afterMs, late, leasesLost, acked } = await frozenWorker(leaseMs)
  const faults: string[] = []
  if (!late.endsWith(' RIVULET_LEASE_LOST')) faults.push(`its late ack: ${late}`)
  if (attempt !== 2 || acked !== 1) faults.push(`attempt ${attempt}, ${acked} acknowledged`)
  return { figures: `lease ${leaseMs} ms, delivered again after ${afterMs.toFixed(0)} ms, ${leasesLost} lost`, faults }
}

async function long(): Promise<Outcome> {
  const jobMs = Number(values.job) * 1000
  const { runs, delivered, acked, leasesLost, aborted } = await longJob(jobMs, leaseMs)
  const figures = `${jobMs} ms under ${leaseMs} ms: ${runs} run, ${delivered} delivered, ${leasesLost} leases lost`
  const isWell = runs === 1 && delivered === 1 && acked === 1 && leasesLost === 0 && aborted === 0
  return { figures, faults: isWell ? [] : [`${acked} acknowledged, ${aborted} aborted`] }
}
