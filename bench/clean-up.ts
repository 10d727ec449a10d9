/**
 * Leaves nothing behind: folders and programs go when they are done with, and when the benchmark is broken off.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const waiting = new Set<() => void>()
const signals = ['SIGINT', 'SIGTERM'] as const

/** Makes a folder that is removed with everything in it; on a disk, if the folder for temporary files is on one. */
export function makeFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'rivulet-bench-'))
  return { path, [Symbol.dispose]: cleanUp(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 })) }
}

/** Does something once: when it is called for, or when this process ends before, also by a signal. */
export function cleanUp(work: () => void): () => void {
  const perform = (): void => {
    if (!waiting.delete(perform)) return
    if (waiting.size === 0) watchEnd('off')
    work()
  }
  if (waiting.size === 0) watchEnd('on')
  waiting.add(perform)
  return perform
}

function watchEnd(how: 'on' | 'off'): void {
  process[how]('exit', cleanUpAll)
  for (const signal of signals) process[how](signal, endBySignal)
}

/** The last first: a program before the folder that it writes to. */
function cleanUpAll(): void {
  for (const perform of [...waiting].toReversed()) perform()
}

function endBySignal(): never {
  process.exit(1)
}
