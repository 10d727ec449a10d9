/**
 * The process of the crash tests: writes numbered batches of three records until it is killed, and says which are confirmed.
 *
 * Run as `crash-writer.ts FOLDER SEED DURABILITY`. Each batch of number n has the records `a n`, `b n` and `c n`, and takes
 * those of n - 500 away; sizes come from the seed.
 */
import { openLmdbStore } from '../../src/store/index.js'
import { seeded } from '../support/seeded.js'
import { crashKey } from './crash-round.js'

const [path = '', seed = '0', durability = 'flushed'] = process.argv.slice(2)
const random = seeded(Number(seed))
const store = await openLmdbStore({ path, durability: durability as 'flushed' })
const last = [...store.range(crashKey('a', 0), undefined, { limit: 1, reverse: true })][0]
let next = last ? Buffer.from(last.key).readUInt32BE(1) + 1 : 0

async function write(): Promise<never> {
  for (;;) {
    const number = next++
    const value = Buffer.alloc(random() < 0.05 ? 9000 : 20 + random() * 300, number & 0xff)
    await store.write([
      ...['a', 'b', 'c'].map((part) => ({ key: crashKey(part, number), value })),
      ...['a', 'b', 'c'].map((part) => ({ key: crashKey(part, number - 500), value: undefined })),
    ])
    process.stdout.write(`${number}\n`)
  }
}

await Promise.all(Array.from({ length: 20 }, write))
