/**
 * Builds `dist` unless it is already the build of these sources, once at a time.
 *
 * `npm run build` runs it, and so do the tests that use the package as its users do. Several processes may call it at
 * once: one builds, the others wait for it. A build lands whole, by renaming; a failed one leaves the old `dist` alone.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The folder of the repository, also for the copy of this file in a folder of plain JavaScript. */
export const root = folderOf('package.json', fileURLToPath(new URL('.', import.meta.url)))

const dist = join(root, 'dist')
const stampFile = join(dist, '.sources')
const lock = join(root, 'dist.lock')
const staging = join(root, 'dist.next')
const pollMs = 50
/** No build takes this long: its process is gone, and its number may be another's. */
const staleMs = 120_000
/** The time in which a process that made the lock has written its number into it. */
const graceMs = 1000

/** Makes `dist` the build of the sources as they are; rejects with the compiler's words if they do not compile. */
export async function build(): Promise<void> {
  if (isFresh()) return
  while (!takeLock()) await delay(pollMs)
  try {
    if (!isFresh()) compile()
  } finally {
    rmSync(lock, { force: true })
  }
}

function folderOf(name: string, start: string): string {
  return existsSync(join(start, name)) ? join(start, '/') : folderOf(name, join(start, '..'))
}

function isFresh(): boolean {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === digest()
}

/** A digest over everything that the build reads. */
function digest(): string {
  const hash = createHash('sha256')
  const files = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'tools/build.ts'].map(
    (name) => join(root, name),
  )
  for (const folder of ['src', 'patterns']) files.push(...filesUnder(join(root, folder)))
  for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Takes the lock, also over from a process that died with it. */
function takeLock(): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  if (isAbandoned()) rmSync(lock, { force: true })
  return false
}

function isAbandoned(): boolean {
  try {
    const ageMs = Date.now() - statSync(lock).mtimeMs
    return ageMs > staleMs || (ageMs > graceMs && !isAlive(Number(readFileSync(lock, 'utf8'))))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function compile(): void {
  const before = digest()
  rmSync(staging, { recursive: true, force: true })
  const compiler = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc')
  const args = [compiler, '-p', 'tsconfig.build.json', '--outDir', staging, '--pretty', 'false']
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (result.status !== 0) {
    rmSync(staging, { recursive: true, force: true })
    throw new Error(`The build failed.\n${result.stdout}${result.stderr}`)
  }
  for (const program of binaries()) {
    const path = join(staging, program)
    if (!existsSync(path)) throw new Error(`package.json names a program that the sources do not make: ${program}`)
    chmodSync(path, 0o755)
  }
  for (const file of filesUnder(staging)) if (file.endsWith('.d.ts')) portDeclarations(file)
  writeFileSync(join(staging, '.sources'), before)
  rmSync(dist, { recursive: true, force: true })
  renameSync(staging, dist)
}

/**
 * Makes a declaration file readable for every compiler from TypeScript 5.4 on, in a project without `types`.
 *
 * Before 5.7, views of bytes took no type argument; the one that is left out is their default. Since 6.0, the types of Node
 * are there only for those that name them.
 */
function portDeclarations(file: string): void {
  const text = readFileSync(file, 'utf8').replace(/\b(Buffer|DataView|Uint8Array)<ArrayBuffer(?:Like)?>/g, '$1')
  writeFileSync(file, `/// <reference types="node" />\n${text}`)
}

/** The programs of the package, relative to `dist`. */
function binaries(): string[] {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> }
  return Object.values(bin).map((path) => relative('dist', path))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await build()
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
