/**
 * `npm test`: format and lint, types, build, and every test; the last line is `N passed, N failed`.
 *
 * Names of test files as arguments run those alone. The counts are those of tap's own reports (see `tally.ts`); a check
 * that fails counts as one failure. Nothing is tried twice.
 */
import { spawn } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root } from './build.js'
import { writeBundles } from './bundles.js'
import { inTurn, type Job, runFile, tell } from './files.js'
import { writePlain } from './plain.js'
import type { Tally } from './tally.js'

/** What takes longest begins first, so that nothing runs alone at the end. */
const longest = [
  'test/repository/site',
  'test/examples/orders',
  'test/examples/demo',
  'test/socket/flood-reset',
  'test/hostile/',
  'test/repository/snippets',
  'test/repository/package',
  'test/simulation/session',
  'test/socket/link-silence',
  'test/queue-durable/blocked-loops',
  'test/repository/',
  'test/avro/cli',
  'test/simulation/',
  'test/examples/',
]

const checks: ReadonlyArray<readonly [name: string, program: string, ...args: string[]]> = [
  ['build', 'tsx/dist/cli.mjs', join('tools', 'build.ts')],
  ['types', 'typescript-7/bin/tsc', '--noEmit'],
  ['format and lint', '@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
]

/** What no test file counts. */
const failures: string[] = []
const total: Tally = { passed: 0, failed: 0, skipped: [], remarks: [] }

/** For each reason to skip a test, the files of those tests, once for each test. */
const skips = new Map<string, string[]>()

function add(file: string, { passed, failed, skipped, remarks }: Tally): void {
  total.passed += passed
  total.failed += failed
  total.remarks.push(...remarks)
  for (const reason of skipped) skips.set(reason, [...(skips.get(reason) ?? []), file])
}

/** Runs a program of node_modules, without input; shows what it said if it fails. */
async function check(name: string, program: string, ...args: string[]): Promise<void> {
  const begin = performance.now()
  const path = join(root, 'node_modules', program)
  const child = spawn(process.execPath, [path, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const code = await new Promise((resolve) => child.once('error', resolve).once('close', resolve))
  tell(code === 0, name, begin)
  if (code === 0) return
  console.log(output.trimEnd())
  failures.push(`${name} failed`)
}

function allFiles(): string[] {
  const names = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).sort()
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join('test', name))
}

/** The place of a file in the order. */
function rank(file: string): number {
  const index = longest.findIndex((prefix) => file.startsWith(prefix))
  return index === -1 ? longest.length : index
}

const named = process.argv.slice(2)
const files = (named.length > 0 ? named : allFiles()).sort((a, b) => rank(a) - rank(b))

let folder = ''
try {
  const compile: Job = async () => {
    folder = writePlain()
    // to join all modules takes longer than a few test files save by it
    if (named.length === 0 || named.length > 20 || named.some((file) => file.includes('examples'))) writeBundles(folder)
  }
  // the compiler works here while the build runs beside
  const [build, types, format] =
    named.length > 0
      ? []
      : checks.map(
          (args): Job =>
            () =>
              check(...args),
        )
  const tests = files.map(
    (file): Job =>
      async () =>
        add(file, await runFile(folder, file)),
  )
  const jobs = [build, compile, types, format, ...tests].filter((job) => job !== undefined)
  // one more than can run, since many tests wait for what takes its time
  await inTurn(jobs, availableParallelism() + 1)
} catch (error) {
  failures.push(String(error))
} finally {
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
}

if (failures.length === 0 && total.failed === 0 && total.passed === 0) failures.push('no test ran')
const failed = total.failed + failures.length
console.log('')
for (const failure of [...total.remarks, ...failures]) console.log(`FAILED: ${failure}`)
for (const [reason, tests] of skips) {
  console.log(`SKIPPED: ${tests.length} tests in ${new Set(tests).size} files: ${reason}`)
}
console.log(`${total.passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
