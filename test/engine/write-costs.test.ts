/** What one write costs: as much as what it changes, not as much for each change as there are others. */
import t from 'tap'
import { table } from '../../src/engine/tables.js'
import { EngineWorld } from './engine-world.js'

/** Counts how often keys are compared while something is done. */
function comparisonsOf(act: () => void): number {
  const { compare } = Buffer
  let count = 0
  Buffer.compare = (one, other) => {
    count += 1
    return compare(one, other)
  }
  try {
    act()
  } finally {
    Buffer.compare = compare
  }
  return count
}

t.test('acknowledging many keys, each with a message that waits for it', async (t) => {
  const keys = 2000
  const world = EngineWorld.withJobs({ keyOrder: true })
  const consumer = world.consumer('c', 3 * keys)
  for (const text of ['first', 'second']) {
    const extras = Array.from({ length: keys }, (_, index) => ({ index, key: `k${index}` }))
    world.send(Array(keys).fill(text), extras)
  }
  world.run()
  t.equal(consumer.texts.length, keys)
  const comparisons = comparisonsOf(() => {
    for (const { lease } of consumer.blocks) consumer.settle({ kind: 'ack', lease })
    world.run()
  })
  t.equal(consumer.texts.filter((text) => text === 'second').length, keys)
  t.ok(comparisons < 50 * keys, `${comparisons} comparisons for ${keys} keys`)
})

/** Counts the looks at blocks on disk from now on. */
function looksAtBlocks({ store }: EngineWorld): { count: number } {
  const looks = { count: 0 }
  const range = store.range.bind(store)
  store.range = (from, ...rest) => {
    if (from[0] === table.block) looks.count += 1
    return range(from, ...rest)
  }
  return looks
}

t.test('giving back messages of one block that have ids', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 1000 })
  const consumer = world.consumer('c', 500)
  const extras = Array.from({ length: 500 }, (_, index) => ({ index, id: `id${index}` }))
  world.send(Array(500).fill('x'), extras)
  world.run()
  const looks = looksAtBlocks(world)
  consumer.settle({ kind: 'nack', index: 0, count: 100, delayMs: 5000 })
  world.run()
  const other = world.consumer('other', 500)
  world.pass(1000)
  t.match(world.engine.counts('jobs'), { nacked: 100, leasesLost: 1 })
  t.equal(other.texts.length, 400)
  t.ok(looks.count < 10, `${looks.count} looks at blocks`)
})

t.test('many messages that take more memory than their bodies do are not all kept there', async (t) => {
  const extras = Array.from({ length: 1000 }, (_, index) => ({ index, key: `k${index}` }))
  for (const which of [[], extras]) {
    const world = EngineWorld.withJobs()
    for (let block = 0; block < 300; block++) world.send(Array(1000).fill(''), which)
    world.run()
    const looks = looksAtBlocks(world)
    world.consumer('c', 300_000)
    world.run()
    t.match(world.engine.counts('jobs'), { leased: 300_000 })
    t.ok(looks.count > 0, `${looks.count} looks at blocks`)
  }
})

t.test('dropping many bytes takes several writes: they are read for it', async (t) => {
  const texts = Array(16).fill('x'.repeat(65_536))
  for (const how of ['purge', 'expire', 'expire before somebody'] as const) {
    const world = EngineWorld.withJobs({ maxAgeMs: 1000 })
    for (let block = 0; block < 40; block++) world.send(texts)
    world.run()
    let writes = 0
    world.store.onWrite = () => {
      writes += 1
    }
    if (how === 'expire before somebody') {
      world.clock.advance(1000)
      world.consumer()
    }
    if (how === 'purge') world.engine.purge('jobs', () => {})
    world.pass(how === 'expire' ? 1000 : 0)
    t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0 })
    t.ok(writes >= 2, `${writes} writes`)
  }
})
