/** Leases that have run out: whose messages they are, and what their consumer may still say of them. */
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { EngineWorld, textsOf } from './engine-world.js'

const settings = { leaseMs: 1000, maxAttempts: 2 }

t.test('what nobody else wants may be acknowledged after its time', async (t) => {
  const world = EngineWorld.withJobs({ ...settings, maxAttempts: 1 })
  const consumer = world.silentConsumer('c', 64)
  world.send(['a', 'b', 'c'])
  world.run()
  world.pass(30_000)
  t.match(world.engine.counts('jobs'), { ready: 3, leased: 0, leasesLost: 0, deadLettered: 0 })
  t.match(world.engine.peek('jobs', 9), Array(3).fill({ state: 'ready', attempts: 1 }))
  consumer.heard()
  consumer.settle({ kind: 'ack', count: 2 })
  consumer.settle({ kind: 'nack', index: 2 })
  world.run()
  t.strictSame(consumer.outcomes, [[{ settled: 2, stale: 0 }], [{ settled: 1, stale: 0 }]])
  t.match(world.engine.counts('jobs'), { depth: 0, acked: 2, nacked: 1, deadLettered: 1, delivered: 3 })
})

t.test('a lease that is extended after its time goes on as if it had been in time', async (t) => {
  const world = EngineWorld.withJobs(settings)
  const consumer = world.silentConsumer('c', 64)
  world.send(['a'])
  world.run()
  world.pass(5500)
  consumer.heard()
  t.strictSame(consumer.attachment.extend([1]), [])
  t.match(world.engine.counts('jobs'), { leased: 1, ready: 0 })
  const other = world.consumer('d', 64)
  world.pass(999)
  t.strictSame([consumer.lost, other.texts], [[], []])
  world.pass(1)
  t.strictSame([consumer.lost, other.texts], [[1], ['a']])
  t.match(other.blocks, [{ extras: [{ attempt: 2 }] }])
})

t.test('what has lapsed goes to the first other consumer that wants it, and then it is too late', async (t) => {
  const world = EngineWorld.withJobs(settings)
  const consumer = world.silentConsumer('c', 64)
  world.send(['a'])
  world.run()
  world.pass(1000)
  const other = world.consumer('d', 0)
  world.pass(1000)
  t.strictSame(consumer.lost, [])
  other.attachment.grant(1)
  world.run()
  t.strictSame([consumer.lost, other.texts], [[1], ['a']])
  consumer.heard()
  t.strictSame(consumer.attachment.extend([1]), [1])
  consumer.settle({ kind: 'ack' })
  world.run()
  t.strictSame(consumer.outcomes, [[{ settled: 0, stale: 1 }]])
  other.settle({ kind: 'ack' })
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 0, acked: 1, stale: 1, leasesLost: 1 })
})

t.test('of a lease that has ended, what was not dealt out since may be acknowledged', async (t) => {
  const world = EngineWorld.withJobs({ ...settings, keyOrder: true })
  const consumer = world.silentConsumer('c', 3)
  world.send(
    ['a', 'b', 'c', 'd'],
    [
      { index: 1, key: 'k' },
      { index: 3, key: 'k' },
    ],
  )
  world.run()
  t.strictSame(consumer.texts, ['a', 'b', 'c'])
  const other = world.consumer('d', 1)
  world.pass(1000)
  t.strictSame([consumer.lost, other.texts], [[1], ['a']])
  consumer.settle({ kind: 'nack', lease: 1, index: 1, count: 1 })
  consumer.settle({ kind: 'ack', lease: 1, index: 0, count: 3 })
  consumer.settle({ kind: 'ack', lease: 1, index: 0, count: 3 })
  other.settle({ kind: 'ack', lease: 1, index: 1, count: 1 })
  world.run()
  t.strictSame(consumer.outcomes, [[{ settled: 0, stale: 1 }], [{ settled: 2, stale: 1 }], [{ settled: 0, stale: 3 }]])
  t.strictSame(other.outcomes, [[{ settled: 0, stale: 1 }]])
  other.attachment.grant(9)
  world.run()
  t.strictSame(other.texts, ['a', 'd'], 'the next of the key has its turn')
  t.match(world.engine.counts('jobs'), { depth: 2, acked: 2, ready: 0, bytes: 2 })
})

t.test('what failed since at another consumer is not acknowledged by a former one', async (t) => {
  const world = EngineWorld.withJobs({ ...settings, maxAttempts: 9, backoff: { initialMs: 0, factor: 1, maxMs: 0 } })
  const consumer = world.silentConsumer('c', 1)
  world.send(['a'])
  world.run()
  const other = world.consumer('d', 1)
  world.pass(1000)
  other.settle({ kind: 'nack' })
  world.run()
  consumer.settle({ kind: 'ack', lease: 1 })
  world.run()
  t.strictSame(consumer.outcomes, [[{ settled: 0, stale: 1 }]])
})

t.test('a silent consumer is dealt nothing more, and everything again when it is heard of', async (t) => {
  const world = EngineWorld.withJobs(settings)
  const consumer = world.silentConsumer('c', 64)
  world.send(['a'])
  world.run()
  world.pass(3000)
  world.send(['b'])
  world.pass(3000)
  t.strictSame(consumer.texts, ['a'])
  consumer.heard()
  consumer.attachment.extend([1])
  world.run()
  t.strictSame(consumer.texts, ['a', 'b'])
})

t.test('a consumer that is heard of and says nothing of a message has lost it, and gets it again', async (t) => {
  const world = EngineWorld.withJobs(settings)
  const consumer = world.silentConsumer('c', 1)
  world.send(['a'])
  world.run()
  world.pass(1000)
  world.pass(500)
  consumer.heard()
  world.pass(499)
  t.strictSame(consumer.lost, [])
  world.pass(1)
  t.strictSame(consumer.lost, [1])
  t.match(world.engine.counts('jobs'), { ready: 1, leasesLost: 1 })
  consumer.attachment.grant(1)
  world.run()
  t.match(consumer.blocks[1]?.extras, [{ attempt: 2 }])
})

t.test('one that wants more, and is not silent, gets at once what it has not settled in time', async (t) => {
  const world = EngineWorld.withJobs({ ...settings, leaseMs: 10_000 })
  const consumer = world.silentConsumer('c', 2)
  world.send(['a'])
  world.run()
  world.pass(9000)
  consumer.heard()
  world.pass(1000)
  t.strictSame([consumer.lost, consumer.texts], [[1], ['a', 'a']])
})

t.test('a consumer that cannot be reached keeps what has lapsed, unless it does not come back', async (t) => {
  const world = EngineWorld.withJobs(settings)
  const consumer = world.silentConsumer('c', 1)
  world.send(['a'])
  world.run()
  consumer.attachment.suspend([])
  world.pass(5000)
  t.match(world.engine.counts('jobs'), { ready: 1, leasesLost: 0 })
  consumer.heard()
  consumer.attachment.resume()
  consumer.settle({ kind: 'ack' })
  world.run()
  t.strictSame(consumer.outcomes, [[{ settled: 1, stale: 0 }]])
  consumer.attachment.grant(1)
  world.send(['b'])
  world.run()
  world.pass(1000)
  consumer.attachment.abandon()
  world.run()
  t.match(world.engine.counts('jobs'), { ready: 1, leasesLost: 1 })
  t.match(world.engine.peek('jobs', 1), [{ attempts: 1, history: [{ cause: 'lease-lost' }] }])
})

t.test('what has lapsed is purged with what waits', async (t) => {
  const world = EngineWorld.withJobs(settings)
  const consumer = world.silentConsumer('c', 1)
  world.send(['a', 'b'])
  world.run()
  world.pass(1000)
  const purged: unknown[] = []
  world.engine.purge('jobs', (...result) => purged.push(result))
  world.run()
  t.strictSame([purged, consumer.lost], [[[2]], [1]])
  t.match(world.engine.counts('jobs'), { depth: 0, dropped: { purged: 2 } })
})

t.test('a write that fails leaves what has lapsed as it was', async (t) => {
  const world = EngineWorld.withJobs(settings)
  const consumer = world.silentConsumer('c', 1)
  world.send(['a'])
  world.run()
  world.pass(1000)
  world.send(['b'])
  world.step()
  world.store.fail(new RivuletError('RIVULET_STORE_FULL', 'full'))
  world.run()
  t.match(world.engine.counts('jobs'), { ready: 1, leased: 0 })
  consumer.settle({ kind: 'ack' })
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 0, acked: 1 })
})

t.test('how many leases are remembered is bounded', async (t) => {
  const world = EngineWorld.withJobs({ ...settings, leaseMs: 100, maxAttempts: Number.POSITIVE_INFINITY })
  const consumer = world.silentConsumer('c', 20_000)
  world.send(Array(20_000).fill('x'), [], 'p')
  world.run()
  const other = world.consumer('d', 20_000)
  world.pass(100)
  other.attachment.detach()
  consumer.heard()
  const again = world.silentConsumer('d', 0)
  again.attachment.adopt([])
  world.run()
  t.match(world.engine.counts('jobs'), { ready: 20_000 })
  const leases = consumer.blocks.map(({ lease }) => lease)
  consumer.settle({ kind: 'ack', lease: leases.at(-1) as number })
  consumer.settle({ kind: 'ack', lease: leases[0] as number })
  world.run()
  t.match(consumer.outcomes, [[{ stale: 0 }], [{ stale: 0 }]], 'a block that is whole is one segment')
})

t.test('deliveries that block the event loop: consumers of it extend their leases before those run out', async (t) => {
  const world = EngineWorld.withJobs(settings)
  const { clock, engine } = world
  const { leaseMs } = settings
  const lost: number[] = []
  const runs: string[] = []
  for (const name of ['a', 'b']) {
    const leases: number[] = []
    const attachment = engine.attach('jobs', name, {
      deliver: (leased) => {
        leases.push(leased.lease)
        runs.push(...textsOf(leased))
        clock.setTimer(() => attachment.extend(leases), leaseMs / 4)
        clock.block(1.5 * leaseMs)
      },
      lost: (lease) => void lost.push(lease),
    })
    attachment.grant(2)
  }
  world.send(['0'])
  world.send(['1'])
  world.run()
  world.pass(0)
  t.strictSame(runs, ['0', '1'])
  t.strictSame(lost, [])
})
