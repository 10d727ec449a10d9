/** Damaged files: records that changed on the disk, files that were cut, emptied or never were stores, other formats. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type CorruptRecord, openLmdbStore } from '../../src/store/index.js'
import { bytes, temporaryFolder } from './stores.js'

const maxBytes = 4_194_304

/** A closed store with records of some sizes; their values begin with what they are called. */
async function make(path: string): Promise<Buffer> {
  const store = await openLmdbStore({ path, maxBytes })
  for (let at = 0; at < 10; at++) {
    const values = Array.from({ length: 20 }, (_, index) =>
      Buffer.alloc(index === 7 ? 9000 : 300, `record ${at}.${index} `),
    )
    await store.write(values.map((value, index) => ({ key: bytes(at, index), value })))
  }
  await store.close()
  return readFileSync(join(path, 'data.mdb'))
}

t.test('a record that has changed is reported with its key, and its neighbours are read', async (t) => {
  const path = temporaryFolder(t)
  const file = await make(path)
  for (const [key, text] of [
    [bytes(3, 4), 'record 3.4 '],
    [bytes(5, 7), 'record 5.7 '],
  ] as const) {
    let flipped = 0
    for (let at = file.indexOf(text); at >= 0; at = file.indexOf(text, at + 1)) {
      file[at + 2] = (file[at + 2] as number) ^ 0x10
      flipped++
    }
    t.ok(flipped > 0)
    writeFileSync(join(path, 'data.mdb'), file)
    const met: CorruptRecord[] = []
    const store = await openLmdbStore({ path, maxBytes, onCorrupt: (record) => met.push(record) })
    t.equal(store.get(key), undefined)
    t.strictSame(
      met.map((record) => Buffer.from(record.key)),
      [key],
    )
    t.equal(met[0]?.place, join(path, 'data.mdb'))
    t.not(met[0]?.expected, met[0]?.found)
    t.ok(store.get(bytes(3, 3)) && store.get(bytes(3, 5)) && store.get(bytes(5, 6)) && store.get(bytes(5, 8)))
    met.length = 0
    const count = [...store.range()].length
    t.equal(count + met.length, 200)
    t.ok(met.some((record) => key.equals(record.key)))
    const shown = [...store.range(undefined, undefined, { damaged: true })]
    t.equal(shown.length, 200)
    t.match(
      shown.find((record) => key.equals(record.key)),
      { damaged: true },
    )
    await store.write([{ key, value: Buffer.from('new') }])
    t.strictSame(Buffer.from(store.get(key) as Uint8Array), Buffer.from('new'))
    await store.close()
    readFileSync(join(path, 'data.mdb')).copy(file)
  }
})

t.test('a file that was cut is told from one that has all its pages', async (t) => {
  const path = temporaryFolder(t)
  const file = await make(path)
  const outcomes = new Set<string>()
  for (let cut = 1; cut < file.length; cut += 3571) {
    writeFileSync(join(path, 'data.mdb'), file.subarray(0, cut))
    try {
      const store = await openLmdbStore({ path, maxBytes })
      t.equal([...store.range()].length, 200)
      await store.close()
      outcomes.add('whole')
    } catch (error) {
      outcomes.add((error as { code: string }).code)
    }
  }
  outcomes.delete('whole')
  t.strictSame([...outcomes], ['RIVULET_STORE_CORRUPT'])
})

t.test('a file that is empty or gone is not taken for a new store', async (t) => {
  const path = temporaryFolder(t)
  await make(path)
  writeFileSync(join(path, 'data.mdb'), '')
  await t.rejects(openLmdbStore({ path }), { code: 'RIVULET_STORE_CORRUPT' })
  rmSync(join(path, 'data.mdb'))
  await t.rejects(openLmdbStore({ path }), { code: 'RIVULET_STORE_CORRUPT' })
})

t.test('a process that died before the store was made leaves a folder that can be used', async (t) => {
  const path = join(temporaryFolder(t), 'store')
  mkdirSync(path)
  writeFileSync(join(path, 'data.mdb'), '')
  const store = await openLmdbStore({ path })
  t.strictSame([...store.range()], [])
  await store.close()
})

t.test('other files and other formats are refused', async (t) => {
  const path = temporaryFolder(t)
  const file = await make(path)
  writeFileSync(join(path, 'data.mdb'), Buffer.alloc(20_000, 'garbage'))
  await t.rejects(openLmdbStore({ path }), { code: 'RIVULET_STORE_FORMAT' })
  for (const at of [28, 4096 + 28]) file[at] = 9
  writeFileSync(join(path, 'data.mdb'), file)
  await t.rejects(openLmdbStore({ path }), { code: 'RIVULET_STORE_FORMAT', message: /data version 9/ })
  const foreign = temporaryFolder(t)
  const { open } = await import('lmdb')
  const database = open({ path: foreign, noSubdir: false })
  await database.put('key', 'value')
  await database.close()
  await t.rejects(openLmdbStore({ path: foreign }), { code: 'RIVULET_STORE_FORMAT', message: /no format/ })
})
