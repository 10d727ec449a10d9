/**
 * `npm run soak -- models [--resource NAME] [--sequences N] [--seed S] [--transport inproc|ipc|tcp] [--workers N]
 * [--json]`: random sequences of public calls against the models of `test/models`.
 *
 * Without `--resource` every model has its turn; without `--transport` most sequences are over inproc, a share over ipc,
 * and over tcp with cuts and kills. Held: what each model promises, see `test/models/model.ts`. A failed seed is printed with its
 * shortened calls; `--seed S --sequences 1` has it again.
 */
import { readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../../tools/build.js'
import { plainPath, writePlain } from '../../tools/plain.js'
import { type PoolTally, runPool, workerProgram } from '../models/worker-pool.js'
import { type Transport, transports } from '../support/transports.js'

/** How often the rows of progress come, in milliseconds. */
const progressMs = 10_000
/** Failures of one model after which the next has its turn. */
const mostFailures = 5

const { values } = parseArgs({
  options: {
    resource: { type: 'string' },
    sequences: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    transport: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
})
const names = readdirSync(join(root, 'test', 'models'))
  .filter((name) => name.endsWith('-model.ts') && name !== 'planted-model.ts')
  .map((name) => name.slice(0, -'-model.ts'.length))
  .sort()
const resources = values.resource === undefined ? names : [values.resource]
const transport = transports.find((one) => one === values.transport)
const unknown = resources.find((name) => !names.includes(name))
if (unknown !== undefined || (values.transport !== undefined && transport === undefined)) {
  console.log(
    `There is no ${unknown ?? values.transport}; models: ${names.join(', ')}; transports: ${transports.join(', ')}`,
  )
  process.exitCode = 1
} else {
  // without a loader, so that a worker is soon there
  const plain = writePlain()
  try {
    for (const name of resources) await run(name, transport, [plainPath(plain, workerProgram)])
  } finally {
    rmSync(plain, { recursive: true })
  }
}

async function run(model: string, transport: Transport | undefined, program: readonly string[]): Promise<void> {
  const from = Number(values.seed)
  const count = Number(values.sequences)
  const started = performance.now()
  let toldAt = started
  const rate = ({ sequences }: PoolTally) => ((sequences * 1000) / (performance.now() - started)).toFixed(0)
  const tally = await runPool({
    model,
    from,
    count,
    workers: Math.min(count, Number(values.workers)),
    transport,
    program,
    mostFailures,
    progress(tally) {
      if (values.json || performance.now() - toldAt < progressMs) return
      toldAt = performance.now()
      const { sequences, failed } = tally
      console.log(`${model}: ${sequences} of ${count} sequences, ${rate(tally)} a second, ${failed.length} failed`)
    },
  })
  const { sequences, cpuMs, rssMiB, failed } = tally
  const seconds = (performance.now() - started) / 1000
  if (values.json) console.log(JSON.stringify({ model, from, sequences, seconds, cpuMs, rssMiB, failed }))
  else {
    const over = transport === undefined ? '' : ` --transport ${transport}`
    for (const { seed, text } of failed) {
      console.log(`${model}, seed ${seed}: ${text}`)
      console.log(`  npm run soak -- models --resource ${model}${over} --sequences 1 --seed ${seed}`)
    }
    const cost = `${(cpuMs / Math.max(1, sequences)).toFixed(1)} ms of CPU each, at most ${rssMiB.toFixed(0)} MiB`
    console.log(
      `${model}: ${sequences} sequences from ${from}, ${failed.length} failed; ${seconds.toFixed(0)} s, ${rate(tally)} a second, ${cost}`,
    )
  }
  if (failed.length > 0) process.exitCode = 1
}
