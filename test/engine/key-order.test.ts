/** Order within keys: one message of a key at a time, in the order in which they were sent. */
import t from 'tap'
import { table } from '../../src/engine/tables.js'
import { RivuletError } from '../../src/errors/index.js'
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

/** The first record of a table of the queue. */
function firstKey({ store }: EngineWorld, which: number): Buffer {
  const prefix = Buffer.of(which, 0, 0, 0, 1).toString('hex')
  return Buffer.from(store.keys.find((key) => key.startsWith(prefix)) as string, 'hex')
}

/** A queue with the first message of a key under a lease, and two that wait for it. */
function withParked(): { world: EngineWorld; consumer: ReturnType<EngineWorld['consumer']> } {
  const world = EngineWorld.withJobs({ keyOrder: true, leaseMs: 1000 })
  const consumer = world.consumer()
  for (const text of ['a1', 'a2', 'a3']) world.send([text], keyed('a'))
  world.run()
  return { world, consumer }
}

for (const at of [-1, 42, 50]) {
  t.test(`a parked message whose byte ${at} is damaged is lost alone`, async (t) => {
    for (const how of ['ack', 'no order', 'purge', 'no state'] as const) {
      const { world, consumer } = withParked()
      world.store.damage(firstKey(world, table.parked), at)
      if (how === 'ack') consumer.settle({ kind: 'ack' })
      else if (how === 'no order') world.declare('jobs')
      else if (how === 'purge') world.engine.purge('jobs', () => {})
      else {
        world.store.damage(firstKey(world, table.state), 0)
        world.send(['a4'], keyed('a'))
        world.step()
        world.store.fail(new RivuletError('RIVULET_STORE_FAILED', 'the test says so'))
        world.pass(1000)
      }
      world.run()
      world.pass(1)
      t.match(
        world.errors.slice(-1),
        [{ code: 'RIVULET_STORE_CORRUPT', message: /jobs: a message at position 2/ }],
        how,
      )
      t.match(world.engine.counts('jobs').dropped, { corrupt: 1 }, how)
      if (how === 'ack' || how === 'no order') t.strictSame(consumer.texts, ['a1', 'a3'], how)
      for (let round = 0; round < 4; round++) {
        for (const { lease } of consumer.blocks) consumer.settle({ kind: 'ack', lease })
        world.run()
      }
      t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0 }, how)
    }
  })
}

t.test('where it cannot be read who owns a key, what was parked goes on', async (t) => {
  const { world, consumer } = withParked()
  world.store.damage(firstKey(world, table.keyOwner), -1)
  consumer.settle({ kind: 'ack' })
  world.run()
  t.strictSame(consumer.texts, ['a1', 'a2'])
  consumer.settle({ kind: 'ack' })
  world.run()
  t.strictSame(consumer.texts, ['a1', 'a2', 'a3'])
})

for (const [what, at] of [
  ['body', -6],
  ['block', 16],
] as const) {
  t.test(`where the ${what} of a message is damaged under its lease, the next of its key goes on`, async (t) => {
    const { world, consumer } = withParked()
    world.store.damage(firstKey(world, table.block), at)
    consumer.settle({ kind: 'nack', delayMs: 0 })
    world.run()
    t.strictSame(consumer.texts, ['a1', 'a2'])
    t.match(world.engine.counts('jobs'), { depth: 2, bytes: 4, dropped: { corrupt: 1 } })
  })
}

t.test('a message that is done gives its key back, even if it cannot be read any more', async (t) => {
  const { world, consumer } = withParked()
  const again = world.reopened(0, { keyOrder: true })
  again.store.damage(firstKey(again, table.block), 16)
  const other = again.consumer()
  other.attachment.adopt([consumer.leaseOf()])
  other.settle({ kind: 'ack', lease: consumer.leaseOf(), count: 1 })
  again.run()
  t.strictSame(other.texts, ['a2'])
  t.match(again.engine.counts('jobs'), { depth: 2, bytes: 4 })
})

t.test('a message that failed and is damaged while it waits gives its key back', async (t) => {
  const { world, consumer } = withParked()
  consumer.settle({ kind: 'nack', delayMs: 500 })
  world.run()
  const store = world.store.crashed()
  store.damage(firstKey(world, table.scheduled), -1)
  const again = new EngineWorld(store, world.clock)
  again.declare('jobs', { keyOrder: true })
  const other = again.consumer()
  again.run()
  t.strictSame(other.texts, ['a2'])
  t.match(again.engine.counts('jobs'), { depth: 2, bytes: 4, dropped: { corrupt: 1 } })
})
