/**
 * `npm run soak -- <name> [options]`: runs `test/soak/<name>.ts` with its options; without a name it lists them.
 *
 * Each soak describes itself and its options: `npm run soak -- <name> --help` prints the comment that opens its file.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { root } from './build.js'
import { openingComment } from './opening.js'

const folder = join(root, 'test', 'soak')
const names = existsSync(folder)
  ? readdirSync(folder)
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.slice(0, -'.ts'.length))
      .sort()
  : []

/** Joins a simulation into one plain file: translated module by module as it is loaded, it takes about twice the time. */
function joined(source: string, name: string): string {
  const outfile = join(root, 'node_modules', '.cache', 'soak', `${name}.mjs`)
  buildSync({
    entryPoints: [source],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
  return outfile
}

/** Runs a soak and ends as it does. */
function run(name: string, source: string, options: readonly string[]): void {
  const isSimulation = name.endsWith('simulation')
  const args = [...(isSimulation ? [joined(source, name)] : ['--import=tsx', source]), ...options]
  process.exitCode = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1
}

const [name, ...options] = process.argv.slice(2)
if (name !== undefined && names.includes(name)) {
  const source = join(folder, `${name}.ts`)
  if (options.includes('--help')) console.log(openingComment(readFileSync(source, 'utf8')))
  else run(name, source, options)
} else {
  if (name !== undefined) console.error(`There is no soak named ${name}.`)
  console.log(`Usage: npm run soak -- <name> [options]\n\nSoaks: ${names.join(', ') || 'none yet'}`)
  process.exitCode = name === undefined ? 0 : 1
}
