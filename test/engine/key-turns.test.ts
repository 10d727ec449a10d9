/** Turns within keys: what was delayed or comes back from the dead letters does not overtake what the log holds. */
import t from 'tap'
import { keyOf, table } from '../../src/engine/tables.js'
import { EngineWorld, type TestConsumer } from './engine-world.js'

const a = (index: number, delayMs = 0) => ({ index, key: 'a', ...(delayMs > 0 ? { delayMs } : undefined) })

/** Acknowledges one message after the other until none comes, and gives back what was delivered. */
function drained(world: EngineWorld, consumer: TestConsumer): string[] {
  for (let at = 0; at < consumer.blocks.length; at++) {
    consumer.settle({ kind: 'ack', lease: consumer.leaseOf(at) })
    world.run()
  }
  return consumer.texts
}

/** A queue whose log has two messages of a key that were stored before a third one was due, and one that was stored after. */
function withHeld(): { world: EngineWorld; consumer: TestConsumer } {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const consumer = world.consumer('c', 0)
  world.send(['due 50', 'at 0'], [a(0, 50), a(1)])
  world.run()
  world.pass(20)
  world.send(['at 20'], [a(0)])
  world.run()
  world.pass(40)
  world.send(['at 60'], [a(0)])
  consumer.attachment.grant(1)
  world.run()
  return { world, consumer }
}

const turns = ['at 0', 'at 20', 'due 50', 'at 60']

/** The records of messages that wait for the log. */
const heldKeys = ({ store }: EngineWorld) => {
  const prefix = Buffer.of(table.parked, 0, 0, 0, 1, 0xfe).toString('hex')
  return store.keys.filter((key) => key.startsWith(prefix))
}

t.test('a message comes back from the dead letters behind those that were stored meanwhile', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const consumer = world.consumer('c', 1)
  world.send(['4'], [a(0)])
  world.run()
  consumer.settle({ kind: 'reject' })
  world.run()
  world.send(['1', '2', '3'], [a(0), a(1), a(2)])
  world.run()
  world.engine.redrive('jobs', 1, () => {})
  world.run()
  world.send(['5'], [a(0)])
  consumer.attachment.grant(9)
  world.run()
  t.strictSame(drained(world, consumer), ['4', '1', '2', '3', '4', '5'])
})

t.test('a delayed message has its turn by when it is due, whenever it is dealt out', async (t) => {
  const { world, consumer } = withHeld()
  t.equal(heldKeys(world).length, 1)
  t.match(world.engine.counts('jobs'), { depth: 4, ready: 3, delayed: 0, leased: 1 })
  consumer.attachment.grant(9)
  t.strictSame(drained(world, consumer), turns)
  t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0 })
})

t.test('turns are the same after a restart', async (t) => {
  const { world } = withHeld()
  const again = world.reopened(0, { keyOrder: true })
  const other = again.consumer('c', 0)
  other.attachment.adopt([])
  other.attachment.grant(9)
  again.run()
  t.strictSame(drained(again, other), turns)
  t.match(again.engine.counts('jobs'), { depth: 0, bytes: 0 })
})

t.test('a message that waits for the log waits for its key then', async (t) => {
  const { world, consumer } = withHeld()
  consumer.settle({ kind: 'nack', delayMs: 100 })
  consumer.attachment.grant(9)
  world.run()
  t.strictSame(consumer.texts, ['at 0'])
  world.pass(100)
  t.strictSame(drained(world, consumer), ['at 0', ...turns])
})

t.test('messages that wait for the log do not keep it from being read', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const consumer = world.consumer('c', 1)
  const delayed = Array.from({ length: 10_001 }, (_, index) => `d${index}`)
  world.send(
    delayed,
    delayed.map((key, index) => ({ index, key, delayMs: 1 })),
  )
  world.send(['x', 'y'])
  world.pass(1)
  t.strictSame(consumer.texts, ['x'])
  consumer.attachment.grant(1)
  world.pass(1)
  t.strictSame(consumer.texts, ['x', 'y'])
  t.equal(heldKeys(world).length, 10_001)
  consumer.attachment.grant(20_000)
  world.run()
  t.strictSame(consumer.texts, ['x', 'y', ...delayed])
})

for (const how of ['no order', 'purge', 'drop-oldest'] as const) {
  t.test(`messages that wait for the log go with the others: ${how}`, async (t) => {
    const { world, consumer } = withHeld()
    if (how === 'no order') world.declare('jobs')
    else if (how === 'purge') world.engine.purge('jobs', () => {})
    else {
      world.declare('jobs', { keyOrder: true, maxLength: 1, overflow: 'drop-oldest' })
      world.send(['last'], [a(0)])
    }
    world.run()
    world.pass(1)
    t.strictSame(heldKeys(world), [])
    consumer.attachment.grant(9)
    world.run()
    const texts = drained(world, consumer)
    if (how === 'no order') t.strictSame(texts.sort(), [...turns].sort())
    else t.strictSame(texts, ['at 0'])
    t.match(world.engine.counts('jobs'), { depth: 0, ready: 0, bytes: 0 })
  })
}

t.test('a damaged message that waits for the log is lost alone', async (t) => {
  const { world, consumer } = withHeld()
  world.store.damage(Buffer.from(heldKeys(world)[0] as string, 'hex'), -1)
  consumer.attachment.grant(9)
  t.strictSame(drained(world, consumer), ['at 0', 'at 20', 'at 60'])
  t.match(world.errors, [{ code: 'RIVULET_STORE_CORRUPT', message: /jobs: a message at position 1/ }])
  t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0, dropped: { corrupt: 1 } })
})

/** The world after a crash that damaged the state of the queue. */
function withoutState(world: EngineWorld): { again: EngineWorld; consumer: TestConsumer } {
  const store = world.store.crashed()
  store.damage(keyOf(table.state, 1), 0)
  const again = new EngineWorld(store, world.clock)
  again.declare('jobs', { keyOrder: true })
  const consumer = again.consumer('c', 9)
  again.run()
  return { again, consumer }
}

t.test('where the state is made out, each message has one turn, and in the same order', async (t) => {
  const { world, consumer } = withHeld()
  consumer.attachment.grant(9)
  world.run()
  const { again, consumer: other } = withoutState(world)
  t.strictSame(drained(again, other), turns)
  t.match(again.engine.counts('jobs'), { depth: 0, bytes: 0, dropped: { corrupt: undefined } })
  t.strictSame(
    again.store.keys.filter((key) => /^0[345ab]/.test(key)),
    [],
  )
})

t.test('where the state is made out, a message that failed has its key still', async (t) => {
  const { world, consumer } = withHeld()
  consumer.settle({ kind: 'nack', delayMs: 5000 })
  consumer.attachment.grant(9)
  world.run()
  const { again, consumer: other } = withoutState(world)
  again.pass(4999)
  t.strictSame(other.texts, [])
  again.pass(1)
  t.strictSame(drained(again, other), turns)
  t.match(other.blocks[0]?.extras, [{ attempt: 2 }])
})
