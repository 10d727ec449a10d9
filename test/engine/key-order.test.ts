/** Order within keys: one message of a key at a time, in the order in which they were sent. */
import t from 'tap'
import { EngineWorld } from './engine-world.js'

const keyed = (...keys: (string | undefined)[]) =>
  keys.flatMap((key, index) => (key === undefined ? [] : [{ index, key }]))

t.test('the next of a key comes when the one before it is done, others come meanwhile', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true, backoff: { initialMs: 100, factor: 1, maxMs: 100 } })
  const consumer = world.consumer()
  world.send(['a1', 'a2', 'b1', 'x', 'a3', 'b2'], keyed('a', 'a', 'b', undefined, 'a', 'b'))
  world.run()
  t.strictSame(consumer.texts, ['a1', 'b1', 'x'])
  t.match(world.engine.counts('jobs'), { depth: 6, ready: 3, leased: 3, bytes: 11 })
  t.strictSame(
    world.engine.peek('jobs', 3).map(({ state, key }) => [state, key]),
    [
      ['ready', 'a'],
      ['ready', 'a'],
      ['ready', 'b'],
    ],
  )
  consumer.settle({ kind: 'ack', lease: 1, index: 1, count: 2 })
  world.run()
  t.strictSame(consumer.texts.slice(3), ['b2'])
  consumer.settle({ kind: 'nack', lease: 1, index: 0, count: 1 })
  world.run()
  t.equal(consumer.texts.length, 4, 'a failed message keeps its key')
  world.pass(100)
  t.equal(consumer.texts.at(-1), 'a1')
  consumer.settle({ kind: 'reject' })
  world.run()
  t.equal(consumer.texts.at(-1), 'a2', 'a dead letter does not')
  const again = world.reopened(0, { keyOrder: true })
  const other = again.consumer('c')
  const [lost] = [other.attachment.adopt([consumer.leaseOf()])]
  t.strictSame(lost, [])
  again.run()
  t.strictSame(other.texts, ['b2'], 'what was not adopted is released, and has its key still')
  other.settle({ kind: 'ack', lease: consumer.leaseOf(), count: 1 })
  again.run()
  t.strictSame(other.texts, ['b2', 'a3'])
})

t.test('a message that is delayed takes its place when it is due', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const consumer = world.consumer()
  world.send(
    ['a1', 'a2'],
    [
      { index: 0, key: 'a', delayMs: 100 },
      { index: 1, key: 'a' },
    ],
  )
  world.run()
  world.pass(100)
  t.strictSame(consumer.texts, ['a2'])
  consumer.settle({ kind: 'ack' })
  world.run()
  t.strictSame(consumer.texts, ['a2', 'a1'])
})

t.test('where order is given up, what was parked goes', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const consumer = world.consumer()
  world.send(['a1', 'a2', 'a3'], keyed('a', 'a', 'a'))
  world.run()
  t.strictSame(consumer.texts, ['a1'])
  world.declare('jobs', { keyOrder: false })
  world.pass(0)
  world.pass(1)
  t.strictSame(consumer.texts, ['a1', 'a2', 'a3'])
  for (const { lease } of consumer.blocks) consumer.settle({ kind: 'ack', lease })
  world.run()
  t.strictSame(
    world.store.keys.filter((key) => /^0[ab]|^0[345]/.test(key)),
    [],
  )
})

t.test('only so many are parked, and then the log waits', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const consumer = world.consumer('c', 100)
  for (let count = 0; count < 11; count++) {
    world.send(
      Array(1000).fill('a'),
      Array.from({ length: 1000 }, (_, index) => ({ index, key: 'a' })),
    )
  }
  world.send(['b'])
  world.run()
  t.strictSame(consumer.texts, ['a'])
  t.equal(world.store.keys.filter((key) => key.startsWith('0a')).length, 10_000)
  t.match(world.engine.counts('jobs'), { depth: 11_001, ready: 11_000 })
})
