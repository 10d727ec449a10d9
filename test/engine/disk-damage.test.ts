/** A message that changed on the disk is dropped alone and reported with its place, and those beside it go on. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { defaultSettings, type LeasedBlock, openLocalEngine } from '../../src/engine/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { type CorruptRecord, openLmdbStore } from '../../src/store/index.js'
import { temporaryFolder } from '../store/stores.js'
import { until } from '../support/events.js'
import { blockOf, schemaText, textsOf } from './engine-world.js'

const texts = Array.from({ length: 100 }, (_, index) => `message ${String(index).padStart(3, '0')} of one block`)
const maxBytes = 4_194_304

t.test('one message of a hundred that were sent at once', async (t) => {
  const path = temporaryFolder(t)
  const store = await openLmdbStore({ path, maxBytes })
  const engine = openLocalEngine({ store })
  engine.declare('jobs', defaultSettings)
  let stored = 0
  engine.send('jobs', 'producer', 1, blockOf(texts), schemaText, () => stored++)
  engine.send('jobs', 'producer', 101, blockOf(['the block behind it']), schemaText, () => stored++)
  await until(() => stored === 2)
  await engine.close()
  await store.close()

  const file = join(path, 'data.mdb')
  const bytes = readFileSync(file)
  let flipped = 0
  for (let at = bytes.indexOf('message 042'); at >= 0; at = bytes.indexOf('message 042', at + 1), flipped++) {
    bytes[at] = (bytes[at] as number) ^ 0x20
  }
  t.ok(flipped > 0)
  writeFileSync(file, bytes)

  const met: CorruptRecord[] = []
  const again = await openLmdbStore({ path, maxBytes, onCorrupt: (record) => met.push(record) })
  t.teardown(() => again.close())
  const errors: RivuletError[] = []
  const reopened = openLocalEngine({ store: again, report: (error) => errors.push(error) })
  const blocks: LeasedBlock[] = []
  const consumer = reopened.attach('jobs', 'consumer', { deliver: (block) => blocks.push(block), lost: () => {} })
  consumer.grant(1000)
  const received = () => blocks.flatMap(textsOf)
  await until(() => received().length === 100)
  t.strictSame(received(), [...texts.filter((text) => !text.includes('042')), 'the block behind it'])
  t.match(errors, [{ code: 'RIVULET_STORE_CORRUPT', message: /queue jobs.*position 43/ }])
  t.ok(met.every(({ place }) => place === file) && met.length > 0)
  t.match(reopened.counts('jobs'), { depth: 100, leased: 100, dropped: { corrupt: 1 } })
  await reopened.close()
})
