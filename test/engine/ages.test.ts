/** How long messages wait: delays, times to live, and ages, which count from when a message is due. */
import t from 'tap'
import { EngineWorld } from './engine-world.js'

t.test('messages are kept back for as long as their sender says, and not longer than it says', async (t) => {
  const world = EngineWorld.withJobs({ maxAgeMs: 50_000, leaseMs: 1_000_000 })
  const consumer = world.consumer()
  world.send(
    ['a', 'b', 'c', 'd'],
    [
      { index: 1, delayMs: 2000 },
      { index: 2, delayMs: 1000, ttlMs: 1500 },
      { index: 3, ttlMs: 10 },
    ],
  )
  world.run()
  t.strictSame(consumer.texts, ['a', 'd'])
  world.pass(999)
  t.strictSame(consumer.texts, ['a', 'd'])
  world.pass(1)
  t.strictSame(consumer.texts, ['a', 'd', 'c'])
  world.pass(1000)
  t.strictSame(consumer.texts, ['a', 'd', 'c', 'b'])
  t.strictSame(
    consumer.blocks.map(({ positions }) => positions),
    [[1, 4], [3], [2]],
  )
  consumer.attachment.detach()
  world.send(
    ['e', 'f', 'g'],
    [
      { index: 0, ttlMs: 100 },
      { index: 1, delayMs: 60_000 },
    ],
  )
  world.run()
  world.pass(100)
  t.match(world.engine.counts('jobs'), { dropped: { expired: 1 }, ready: 1, delayed: 1 })
  world.pass(50_000)
  t.match(world.engine.counts('jobs'), { dropped: { expired: 2 }, delayed: 1 })
  world.pass(61_000)
  t.match(world.engine.counts('jobs'), { dropped: { expired: 3 } })
})

for (const how of ['release', 'lease-lost', 'nack'] as const) {
  t.test(`a delay does not count as age when a message comes back: ${how}`, async (t) => {
    const world = EngineWorld.withJobs({ maxAgeMs: 1000, leaseMs: 600, keyOrder: true })
    const consumer = world.consumer('c', 1)
    world.send(
      ['first', 'delayed'],
      [
        { index: 0, key: 'k' },
        { index: 1, key: 'k', delayMs: 5000 },
      ],
    )
    world.run()
    consumer.settle({ kind: 'nack', delayMs: 5000 })
    consumer.attachment.grant(1)
    world.run()
    world.pass(5000)
    t.strictSame(consumer.texts, ['first', 'first'])
    // it has waited for its key since it was due
    consumer.settle({ kind: 'ack' })
    consumer.attachment.grant(1)
    world.run()
    t.strictSame(consumer.texts.slice(2), ['delayed'])
    if (how === 'lease-lost') world.pass(600)
    else consumer.settle({ kind: how, delayMs: 0 })
    world.run()
    world.pass(how === 'lease-lost' ? 399 : 999)
    t.match(world.engine.counts('jobs'), { ready: 1, dropped: { expired: undefined } })
    world.pass(1)
    t.match(world.engine.counts('jobs'), { depth: 0, dropped: { expired: 1 } })
  })
}
