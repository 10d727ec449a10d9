/** `kill -9` in the middle of writing: what was confirmed is there, whole batches only, also at the last flush alone. */
import { rmSync } from 'node:fs'
import t from 'tap'
import { seeded } from '../support/seeded.js'
import { crashRound } from './crash-round.js'
import { temporaryFolder } from './stores.js'

t.test('nothing confirmed is lost in five rounds', async (t) => {
  const seed = Date.now() % 1_000_000
  const random = seeded(seed)
  const folder = `${temporaryFolder(t)}/store`
  let confirmed = 0
  for (let round = 0; round < 5; round++) {
    const result = await crashRound(folder, seed + round, 1 + random() * 600)
    rmSync(`${folder}-flushed`, { recursive: true, force: true })
    t.strictSame(result.faults, [], `seed ${seed}, round ${round}`)
    confirmed += result.confirmed
  }
  t.ok(confirmed > 5, `${confirmed} batches were confirmed`)
})
