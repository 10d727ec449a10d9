/**
 * Runs of the demonstration for its tests: a tree of files whose account is known, and the program as users start it.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Summary } from '../../examples/demo/summary.js'
import { root } from '../../tools/build.js'
import { type Ended, loader, modulePath, run } from '../child-process.js'

/** What is in a generated tree. */
export interface Tree {
  /** Relative paths. */
  readonly files: ReadonlySet<string>
  readonly bytes: number
  readonly distinctContents: number
}

const filesPerDirectory = 50

/** Fills a folder with small files, one larger than a single read, one empty, one twice, and a link to be left alone. */
export function growTree(folder: string, smallFiles: number): Tree {
  const files = new Set<string>()
  let bytes = 0
  const write = (path: string, content: Buffer) => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), content)
    files.add(path)
    bytes += content.length
  }
  for (let i = 0; i < smallFiles; i++) {
    write(join(`d${Math.floor(i / filesPerDirectory)}`, `small-${i}`), Buffer.from(`content ${i}`))
  }
  write('large', Buffer.alloc(700_000, 'large'))
  write('empty', Buffer.alloc(0))
  write(join('deep', 'er', 'twin'), Buffer.from('content 0'))
  symlinkSync(join(folder, 'large'), join(folder, 'link'))
  return { files, bytes, distinctContents: files.size - 1 }
}

/** Runs a program of `examples` as `npm start` does, from its source. */
export function runSource(program: string, ...args: string[]): Promise<Ended> {
  const path = join(root, 'examples', program)
  return run(process.execPath, ['--import', 'tsx', path, ...args], { cwd: root, timeoutMs: 60_000 })
}

/** Runs a program of `examples`. */
export function runExample(program: string, ...args: string[]): Promise<Ended> {
  const path = modulePath(`examples/${program}`)
  return run(process.execPath, [...loader, path, ...args], { cwd: root, timeoutMs: 60_000 })
}

/** Runs the demonstration with `--json`; its whole output must be one document. */
export async function summaryOf(...args: string[]): Promise<Ended & { readonly summary: Summary }> {
  const ended = await runExample('demo/main.ts', '--json', ...args)
  return { ...ended, summary: JSON.parse(ended.stdout) }
}

/** Whether a process runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
