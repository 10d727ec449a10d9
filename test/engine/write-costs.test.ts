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

t.test('giving back messages of one block that have ids', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 1000 })
  const consumer = world.consumer('c', 500)
  const extras = Array.from({ length: 500 }, (_, index) => ({ index, id: `id${index}` }))
  world.send(Array(500).fill('x'), extras)
  world.run()
  let reads = 0
  const range = world.store.range.bind(world.store)
  world.store.range = (from, ...rest) => {
    if (from[0] === table.block) reads += 1
    return range(from, ...rest)
  }
  consumer.settle({ kind: 'nack', index: 0, count: 100, delayMs: 5000 })
  world.run()
  world.pass(1000)
  t.match(world.engine.counts('jobs'), { nacked: 100, leasesLost: 1, leased: 0 })
  t.ok(reads < 10, `${reads} looks at blocks`)
})
