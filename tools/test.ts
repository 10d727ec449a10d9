/**
 * `npm test`: format and lint, types, build, then every test; the last line is `N passed, N failed`.
 *
 * Names of test files as arguments run those alone. The counts are those of tap's own report (see `tally.ts`); a check
 * before the tests that fails counts as one failure. Nothing is tried twice.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, root } from './build.js'
import { tally } from './tally.js'

const tool = (path: string): string => join(root, 'node_modules', path)

/** Runs a program of node_modules with this terminal's output and no input; tells whether it succeeded. */
function run(program: string, ...args: string[]): boolean {
  const env = { ...process.env }
  // A parent that is itself under tap would make tap print its raw report.
  delete env.TAP
  // Without a terminal, tap's progress is lines instead of redrawn ones.
  if (!process.stdout.isTTY) env.CI = 'true'
  const { status } = spawnSync(process.execPath, [tool(program), ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return status === 0
}

async function builds(): Promise<boolean> {
  try {
    await build()
    return true
  } catch (error) {
    console.log((error as Error).message)
    return false
  }
}

const files = process.argv.slice(2)
const checks: ReadonlyArray<readonly [name: string, check: () => boolean | Promise<boolean>]> = [
  ['format and lint', () => run('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.')],
  ['types', () => run('typescript/bin/tsc', '--noEmit')],
  ['build', builds],
  // without it, the first run in a fresh clone starts every test with a plugin that .taprc leaves out
  ['test runner', () => run('tap/dist/esm/run.mjs', 'build')],
]

const failures: string[] = []
if (files.length === 0) {
  for (const [name, check] of checks) {
    console.log(`# ${name}`)
    if (!(await check())) failures.push(`${name} failed`)
  }
}

console.log('# tests')
const folder = mkdtempSync(join(tmpdir(), 'rivulet-test-'))
const reportFile = join(folder, 'report.tap')
const succeeded = run('tap/dist/esm/run.mjs', '--reporter=base', `--output-file=${reportFile}`, ...files)
const count = tally(existsSync(reportFile) ? readFileSync(reportFile, 'utf8') : '')
rmSync(folder, { recursive: true })

failures.push(...count.remarks)
let failed = count.failed + failures.length - count.remarks.length
if (failed === 0 && !succeeded) {
  failures.push('the test runner failed')
  failed = 1
}
if (failed === 0 && count.passed === 0) {
  failures.push('no test ran')
  failed = 1
}
console.log('')
for (const failure of failures) console.log(`FAILED: ${failure}`)
if (count.skipped > 0) console.log(`${count.skipped} skipped`)
console.log(`${count.passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
