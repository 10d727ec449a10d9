/** One round of the crash tests: a process writes, is killed at some moment, and the store must have what was confirmed. */
import { spawn } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { openLmdbStore } from '../../src/store/index.js'
import { root } from '../../tools/build.js'

/** The key of one part of a batch; batches before the first have keys, too, which are never written. */
export function crashKey(part: string, number: number): Buffer {
  const key = Buffer.alloc(5, number < 0 ? '!' : part)
  key.writeUInt32BE(Math.max(number, 0), 1)
  return key
}

/** What a round found. */
export interface CrashRound {
  readonly confirmed: number
  readonly faults: readonly string[]
}

/**
 * Writes until `lines` batches are confirmed, kills the process with `kill -9` and looks at what is left.
 *
 * Every third seed writes with the durability `committed`, whose promise does not hold at the last flush alone.
 */
export async function crashRound(folder: string, seed: number, lines: number): Promise<CrashRound> {
  const durability = seed % 3 === 0 ? 'committed' : 'flushed'
  const confirmed = await writeAndKill(folder, seed, durability, lines)
  const faults: string[] = []
  for (const flushedOnly of durability === 'flushed' ? [true, false] : [false]) {
    // the store is opened twice from the same state: opening at the last flush gives up what came after it
    const path = flushedOnly ? `${folder}-flushed` : folder
    if (flushedOnly) cpSync(folder, path, { recursive: true })
    const where = flushedOnly ? 'flushed only' : 'as it is'
    const onCorrupt = () => faults.push(`${where}: a corrupt record`)
    const store = await openLmdbStore({ path, flushedOnly, onCorrupt })
    const counts = new Map<number, number>()
    for (const { key } of store.range()) {
      const number = Buffer.from(key).readUInt32BE(1)
      counts.set(number, (counts.get(number) ?? 0) + 1)
    }
    await store.close()
    for (const [number, count] of counts) if (count !== 3) faults.push(`${where}: ${count} of 3 records of ${number}`)
    const newest = Math.max(-1, ...counts.keys())
    for (const number of confirmed) {
      if (number > newest - 500 && !counts.has(number)) faults.push(`${where}: ${number} was confirmed and is gone`)
    }
  }
  return { confirmed: confirmed.length, faults }
}

async function writeAndKill(folder: string, seed: number, durability: string, lines: number): Promise<number[]> {
  const program = join(root, 'test', 'store', 'crash-writer.ts')
  const child = spawn(
    'env',
    ['-u', 'NODE_OPTIONS', process.execPath, '--import=tsx', program, folder, String(seed), durability],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      said += text
      if (said.split('\n').length > lines) child.kill('SIGKILL')
    })
    child.once('close', (code) => {
      // the last line may have been cut in the middle
      if (code === null) resolve(said.split('\n').slice(0, -1).map(Number))
      else reject(new Error(`the writer ended by itself with ${code}`))
    })
  })
}
