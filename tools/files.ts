/**
 * Runs test files, each as a process of its own, and says how each went while others run.
 *
 * It starts plain JavaScript (see `plain.ts`), and judges no assertion: tap does that in the processes, and `tally.ts`
 * counts.
 */
import { spawn } from 'node:child_process'
import { Parser } from 'tap-parser'
import { root } from './build.js'
import { inSources, plainPath } from './plain.js'
import { type Tally, tally } from './tally.js'

/** How long a test may take by tap's clock, in seconds. */
const timeoutSeconds = 120
/** When a process that does not heed that clock, or has given itself more time, is killed, in milliseconds. */
const killMs = 300_000

/** Something to do, and what to say of it when it is done. */
export type Job = () => Promise<void>

/** Does all jobs, so many at a time, in their order. */
export async function inTurn(jobs: readonly Job[], atOnce: number): Promise<void> {
  const waiting = [...jobs]
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await job()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Says in one line how something went that began at `begin`. */
export function tell(ok: boolean, name: string, begin: number, count = ''): void {
  console.log(` ${ok ? 'PASS' : 'FAIL'}  ${name}${count} ${((performance.now() - begin) / 1000).toFixed(1)}s`)
}

/** Runs one test file, of which `folder` holds the plain JavaScript; returns its counts. */
export async function runFile(folder: string, file: string): Promise<Tally> {
  const begin = performance.now()
  const { output, end } = await execute(plainPath(folder, file))
  const words = inSources(folder, output)
  const results = tally(subtest(file, words, end === ''))
  tell(results.failed === 0, file, begin, ` ${results.passed} OK`)
  if (results.failed > 0) console.log(`${words.trimEnd()}\n${end}`)
  return results
}

/** A report with that of a file as its only subtest, as tap's own runner makes it. */
function subtest(file: string, report: string, ended: boolean): string {
  const parser = new Parser()
  parser.end(report)
  const ok = ended && parser.ok
  const nothing = ok && parser.results?.count === 0 ? ' # SKIP no tests found' : ''
  const inner = report.replace(/^(?=.)/gm, '    ')
  return `TAP version 14\n# Subtest: ${file}\n${inner}\n${ok ? 'ok' : 'not ok'} 1 - ${file}${nothing}\n1..1\n`
}

/** Runs a test to its end; says how it ended unless that was with code 0. */
async function execute(path: string): Promise<{ output: string; end: string }> {
  const env = { ...process.env, TAP: '1', TAP_TIMEOUT: String(timeoutSeconds) }
  const child = spawn(process.execPath, [path], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), killMs)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const end = await new Promise<string>((resolve) => {
    child.once('error', ({ message }) => resolve(message))
    child.once('close', (code, signal) => resolve(code === 0 ? '' : `# ended by ${signal ?? `code ${code}`}`))
  })
  clearTimeout(timer)
  return { output, end }
}
