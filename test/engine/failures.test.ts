/** Writes that fail: what is refused, what is tried again, and that nothing is lost or told too early. */
import t from 'tap'
import { defaultSettings, openLocalEngine, type SendOutcome } from '../../src/engine/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { createMemoryStore } from '../../src/store/index.js'
import { blockOf, EngineWorld, schemaText } from './engine-world.js'

const failed = new RivuletError('RIVULET_STORE_FAILED', 'the test says so')

t.test('a full store refuses what is sent, and takes acknowledgements', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer()
  world.send(['a', 'b', 'c'])
  world.run()
  world.store.maxBytes = world.store.bytes
  consumer.settle({ kind: 'ack', index: 0, count: 1 })
  world.send(['d'.repeat(100)])
  world.send(['e'])
  consumer.settle({ kind: 'ack', index: 1, count: 1 })
  consumer.settle({ kind: 'reject', index: 2, reason: 'x'.repeat(1000) })
  world.run()
  t.match(world.outcomes.slice(1), [
    { kind: 'refused', expected: 4, error: { code: 'RIVULET_STORE_FULL' } },
    { kind: 'refused', expected: 4, error: { code: 'RIVULET_STORE_FULL' } },
  ])
  t.match(
    consumer.outcomes.sort((one, other) => Number('error' in (one[0] ?? {})) - Number('error' in (other[0] ?? {}))),
    [[{ settled: 1 }], [{ settled: 1 }], [{ settled: 0, stale: 0, error: { code: 'RIVULET_STORE_FULL' } }]],
  )
  t.match(world.engine.counts('jobs'), { depth: 1, leased: 1, acked: 2, stored: 3, deadLettered: 0, nacked: 0 })
  t.match(world.errors, [{ code: 'RIVULET_STORE_FULL' }, { code: 'RIVULET_STORE_FULL' }])
  world.store.maxBytes = Number.POSITIVE_INFINITY
  world.sendAt(4, ['d'])
  consumer.settle({ kind: 'reject', index: 2 })
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 1, deadLettered: 1 })
  t.strictSame(consumer.texts, ['a', 'b', 'c', 'd'])
})

t.test('what cannot be leased is dealt out later, and credit is not lost', async (t) => {
  const world = EngineWorld.withJobs()
  world.send(['a', 'b', 'c'])
  world.run()
  world.store.maxBytes = world.store.bytes
  const consumer = world.consumer('c', 2)
  world.run()
  t.strictSame(consumer.texts, [])
  t.equal(world.errors.length, 1, 'tried once')
  world.pass(999)
  t.equal(world.errors.length, 1)
  world.pass(1)
  t.equal(world.errors.length, 2, 'and once a second')
  world.store.maxBytes = Number.POSITIVE_INFINITY
  world.pass(1000)
  t.strictSame(consumer.texts, ['a', 'b'])
  t.match(world.engine.counts('jobs'), { leased: 2, ready: 1, delivered: 2 })
})

t.test('a producer that nobody knew begins with what was refused', async (t) => {
  const world = EngineWorld.withJobs()
  world.store.maxBytes = world.store.bytes
  world.sendAt(3, ['x'.repeat(99)])
  world.step()
  world.sendAt(4, ['b'])
  world.run()
  world.store.maxBytes = Number.POSITIVE_INFINITY
  world.sendAt(5, ['c'])
  world.run()
  t.match(world.outcomes, Array(3).fill({ kind: 'refused', expected: 3 }))
  world.sendAt(3, ['a', 'b', 'c'])
  world.run()
  t.match(world.outcomes[3], { kind: 'stored', repeated: 0 })
})

t.test('a store that fails refuses everything, with its error', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer('c', 1)
  world.send(['a', 'b'])
  world.run()
  const told: unknown[] = []
  world.send(['c'])
  consumer.settle({ kind: 'ack' })
  world.engine.purge('jobs', (...result) => told.push(result))
  world.engine.redrive('jobs', 1, (...result) => told.push(result))
  world.step()
  world.store.fail(failed)
  world.run()
  t.match(world.outcomes[1], { kind: 'refused', error: failed })
  t.match(consumer.outcomes, [[{ error: failed }]])
  t.strictSame(told, [
    [0, failed],
    [0, failed],
  ])
  t.match(world.engine.counts('jobs'), { depth: 2, leased: 1, acked: 0, dropped: {} })
})

t.test('who waits until the write is over is told so, also if it failed', async (t) => {
  for (const fails of [false, true]) {
    const world = EngineWorld.withJobs()
    let isOver = false
    world.send(['a'])
    world.engine.settled(() => {
      isOver = true
    })
    world.step()
    t.notOk(isOver, 'not before')
    if (fails) world.store.fail(failed)
    world.run()
    t.ok(isOver)
    t.match(world.outcomes, [{ kind: fails ? 'refused' : 'stored' }])
  }
})

t.test('a store that cannot be read refuses everything, and is read anew when it can', async (t) => {
  const world = EngineWorld.withJobs()
  world.send(['a'])
  world.run()
  const consumer = world.consumer('c', 5)
  world.step()
  world.store.isBroken = true
  world.store.fail(failed)
  world.send(['b'])
  world.run()
  t.match(world.outcomes[1], { kind: 'refused', error: { code: 'RIVULET_STORE_FAILED' } })
  world.store.isBroken = false
  world.pass(1000)
  t.strictSame(consumer.texts, ['a'])
  world.sendAt(2, ['b'])
  world.run()
  t.strictSame(consumer.texts, ['a', 'b'])
  t.strictSame(
    consumer.blocks.map(({ positions }) => positions),
    [[1], [2]],
  )
})

t.test('an engine that closes finishes what it was asked for, and takes nothing more', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer('c', 1)
  world.send(['a', 'b'])
  world.run()
  world.send(['c'])
  let isClosed = false
  const closing = world.engine.close()
  void closing.then(() => {
    isClosed = true
  })
  t.equal(world.engine.close(), closing)
  t.throws(() => world.send(['d']), { code: 'RIVULET_CLOSED' })
  t.throws(() => world.consumer(), { code: 'RIVULET_CLOSED' })
  consumer.settle({ kind: 'ack' })
  consumer.attachment.grant(9)
  consumer.attachment.detach()
  t.notOk(isClosed)
  world.run()
  await closing
  t.match(world.outcomes[1], { kind: 'stored' })
  t.match(consumer.outcomes, [[{ error: { code: 'RIVULET_CLOSED' } }]])
  t.strictSame(consumer.texts, ['a'])
  t.equal(world.clock.timers, 0)
})

t.test('an engine with nothing to do closes at once', async () => {
  const world = EngineWorld.withJobs()
  const closing = world.engine.close()
  world.run()
  await closing
})

t.test(
  'writes that fail and succeed in turns are followed by one look at the queues, not by one for each',
  async (t) => {
    const world = EngineWorld.withJobs()
    const consumer = world.consumer()
    world.send(Array(50).fill('a'))
    world.run()
    const { timers } = world.clock
    for (let index = 0; index < 50; index++) {
      world.sendAt(51, ['b'])
      world.step()
      world.store.fail(new RivuletError('RIVULET_STORE_FULL', 'the test says so'))
      world.run()
      consumer.settle({ kind: 'ack', index, count: 1 })
      world.run()
    }
    t.match(world.engine.counts('jobs'), { acked: 50, depth: 0 })
    t.ok(world.clock.timers <= timers + 1, `${world.clock.timers - timers} timers more`)
    world.pass(1000)
    t.equal(world.clock.timers, timers)
  },
)

t.test('a write that succeeds ends the pause also for the queue that it is about', async (t) => {
  const world = EngineWorld.withJobs()
  world.declare('others')
  const consumer = world.consumer('c', 10, 'others')
  world.run()
  world.send(['a'])
  world.step()
  world.store.fail(failed)
  world.run()
  world.send(['b'], [], 'q', 'others')
  world.run()
  t.strictSame(consumer.texts, ['b'])
})

t.test('leases that were read anew run out in their order', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 1000 })
  const consumer = world.consumer('c', 1)
  world.send(['a', 'b'])
  world.run()
  world.pass(400)
  consumer.attachment.grant(1)
  world.run()
  world.pass(300)
  consumer.attachment.extend([1])
  world.send(['c'])
  world.step()
  world.store.fail(failed)
  world.run()
  world.consumer('other')
  world.pass(700)
  t.strictSame(consumer.lost, [2])
  world.pass(300)
  t.strictSame(consumer.lost, [2, 1])
})

t.test('leases are those of their consumers still when a store that could not be read can be', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer('c', 1)
  world.send(['a', 'b'])
  world.run()
  world.send(['c'])
  world.step()
  world.store.isBroken = true
  world.store.fail(failed)
  world.send(['d'])
  world.run()
  world.store.isBroken = false
  consumer.settle({ kind: 'ack' })
  world.run()
  t.match(consumer.outcomes, [[{ settled: 1, stale: 0 }]])
})

t.test('a store that throws has failed, too', async (t) => {
  const store = createMemoryStore()
  const errors: RivuletError[] = []
  const engine = openLocalEngine({ store, report: (error) => errors.push(error) })
  engine.declare('jobs', defaultSettings)
  const { write } = store
  store.write = () => {
    store.write = write
    throw new TypeError('the test says so')
  }
  const send = () =>
    new Promise<SendOutcome>((resolve) => engine.send('jobs', 'p', 1, blockOf(['a']), schemaText, resolve))
  t.match(await send(), { kind: 'refused', expected: 1, error: { code: 'RIVULET_STORE_FAILED' } })
  t.match(errors, [{ code: 'RIVULET_STORE_FAILED' }])
  t.match(await send(), { kind: 'stored' })
  await engine.close()
  await store.close()
})
