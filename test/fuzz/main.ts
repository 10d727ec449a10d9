/**
 * `npm run fuzz -- [--target NAME] [--inputs N] [--seed S] [--json]`: hostile inputs to everything that reads bytes of peers.
 *
 * Without `--target` the inputs are spread over all targets. Every input must come to a value or to an error of this
 * package with a code that its target allows, within a second of processor time, and leave nothing behind. What is found
 * is printed with the command that has it again; the exit code is then 1.
 */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.js'
import { targets } from './targets/index.js'
import { Watchdog } from './watchdog.js'

/** How often the rows of progress come, in milliseconds. */
const progressMs = 10_000

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    json: { type: 'boolean', default: false },
  },
})
const [inputs, seed] = [Number(values.inputs), Number(values.seed)]
const names = values.target === undefined ? Object.keys(targets) : [values.target]
if (names.some((name) => targets[name] === undefined) || !(inputs >= 1) || !Number.isInteger(seed)) {
  console.error(`Usage: npm run fuzz -- [--target NAME] [--inputs N] [--seed S] [--json]\n`)
  console.error(`Targets: ${Object.keys(targets).join(', ')}`)
  process.exitCode = 2
} else {
  const all = names.reduce((sum, name) => sum + (targets[name]?.share ?? 0), 0)
  for (const name of names) await run(name, Math.ceil((inputs * (targets[name]?.share ?? 0)) / all))
}

async function run(name: string, count: number): Promise<void> {
  const target = targets[name]
  if (target === undefined) return
  const again = `npm run fuzz -- --target ${name} --seed ${seed} --inputs ${count}`
  using watchdog = new Watchdog(again)
  const started = performance.now()
  let toldAt = started
  const progress = (input: number): void => {
    watchdog.saw(input)
    if ((input & 1023) !== 0 || performance.now() - toldAt < progressMs) return
    toldAt = performance.now()
    if (!values.json) console.log(`  ${name}: ${input} of ${count}, ${((toldAt - started) / 1000).toFixed(0)} s`)
  }
  const { finding, ...figures } = await fuzz(target, { inputs: count, seed, progress })
  if (finding !== undefined) process.exitCode = 1
  if (values.json) {
    console.log(JSON.stringify({ target: name, seed, ...figures, finding }))
    return
  }
  const outcomes = Object.entries(figures.outcomes).sort(([, a], [, b]) => b - a)
  console.log(
    `${name}: ${figures.inputs} inputs, ${figures.perSecond.toFixed(0)} a second; the slowest took ${figures.slowestMs.toFixed(1)} ms; ` +
      `the heap grew by ${(figures.growthBytes / 1024).toFixed(0)} KiB (seed ${seed})`,
  )
  console.log(outcomes.map(([outcome, times]) => `    ${outcome} ${times}`).join('\n'))
  if (finding !== undefined) console.log(`FOUND: ${finding}\n  ${again}`)
}
