/** Who may open a store: one at a time, whoever died before; what opening and closing leave behind: nothing. */
import { spawn } from 'node:child_process'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inspectDataFile } from '../../src/store/data-file.js'
import { openLmdbStore } from '../../src/store/index.js'
import { root } from '../../tools/build.js'
import { run } from '../child-process.js'
import { bytes, temporaryFolder } from './stores.js'

t.test('a store is open once, in this process and among all', async (t) => {
  const path = temporaryFolder(t)
  const holder = spawnWriter(path)
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  await t.rejects(openLmdbStore({ path }), {
    code: 'RIVULET_STORE_LOCKED',
    retryable: true,
    message: `process ${holder.pid}`,
  })
  holder.stdout.resume()
  const closed = new Promise((resolve) => holder.once('close', resolve))
  holder.kill('SIGKILL')
  await closed
  const store = await openLmdbStore({ path })
  await t.rejects(openLmdbStore({ path }), { code: 'RIVULET_STORE_LOCKED', message: /in this process/ })
  await store.write([{ key: bytes(1), value: bytes(1) }])
  t.ok(store.get(bytes(1)))
  await store.close()
  await (await openLmdbStore({ path })).close()
})

t.test(
  'opening and closing leave no descriptor',
  { skip: process.platform !== 'linux' && 'needs /proc' },
  async (t) => {
    const path = temporaryFolder(t)
    const descriptors = () => readdirSync('/proc/self/fd').length
    let before = 0
    for (let round = 0; round < 12; round++) {
      const store = await openLmdbStore({ path })
      await store.write([{ key: bytes(round), value: bytes(round) }])
      t.equal([...store.range()].length, round + 1)
      await t.rejects(openLmdbStore({ path }))
      await store.close()
      if (round === 1) before = descriptors()
    }
    t.equal(descriptors(), before)
  },
)

t.test('the folder of a closed store can be copied, and does without its lock file', async (t) => {
  const path = temporaryFolder(t)
  const store = await openLmdbStore({ path })
  await store.write([{ key: bytes(1), value: bytes(7) }])
  await store.close()
  t.strictSame(readdirSync(path).sort(), ['data.mdb', 'lock.mdb', 'store'])
  rmSync(join(path, 'lock.mdb'))
  const copy = temporaryFolder(t)
  cpSync(path, copy, { recursive: true })
  for (const folder of [path, copy]) {
    const again = await openLmdbStore({ path: folder })
    t.strictSame(Buffer.from(again.get(bytes(1)) as Uint8Array), bytes(7))
    await again.close()
  }
})

t.test('options are checked, and a folder that cannot be made is told', async (t) => {
  t.throws(() => openLmdbStore({} as never), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => openLmdbStore({ path: '/', durability: 'memory' as never }), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => openLmdbStore({ path: '/', maxBytes: 1 }), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(openLmdbStore({ path: join(temporaryFolder(t), 'no', 'such') }), { code: 'RIVULET_STORE_FAILED' })
})

t.test(
  'a disk that is full refuses batches, loses nothing, and takes others after removals',
  { skip: process.platform === 'win32' && 'needs ulimit' },
  async (t) => {
    const program = join(root, 'test', 'store', 'full-disk.ts')
    // in blocks of 512 bytes
    const script = 'ulimit -f 2000; exec "$0" --import=tsx "$1" "$2"'
    const child = await run('sh', ['-c', script, process.execPath, program, temporaryFolder(t)], {
      cwd: root,
      timeoutMs: 30_000,
    })
    t.equal(child.code, 0, child.stderr)
    t.strictSame(JSON.parse(child.stdout), {
      code: 'RIVULET_STORE_FULL',
      kept: true,
      removed: true,
      written: true,
      failed: 0,
    })
  },
)

t.test('a file that a living process writes is looked at as often as it takes, and is whole', async (t) => {
  const path = temporaryFolder(t)
  const holder = spawnWriter(path)
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  holder.stdout.resume()
  const states = new Set<string>()
  for (let look = 0; look < 3000; look++) states.add(stateOf(join(path, 'data.mdb')))
  const closed = new Promise((resolve) => holder.once('close', resolve))
  holder.kill('SIGKILL')
  await closed
  states.delete('RIVULET_STORE_LOCKED')
  t.strictSame([...states], ['whole'])
})

/** A process that writes without end. */
function spawnWriter(path: string) {
  const program = join(root, 'test', 'store', 'crash-writer.ts')
  const args = ['-u', 'NODE_OPTIONS', process.execPath, '--import=tsx', program, path]
  return spawn('env', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
}

function stateOf(file: string): string {
  try {
    return inspectDataFile(file)
  } catch (error) {
    return (error as { code: string }).code
  }
}
