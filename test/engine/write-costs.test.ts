/** What one write costs: as much as what it changes, not as much for each change as there are others. */
import t from 'tap'
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
