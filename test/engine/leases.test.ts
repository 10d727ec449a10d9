/** Leases: who has what, what is said about it, and what happens to those that nobody speaks for. */
import t from 'tap'
import { EngineWorld, textsOf } from './engine-world.js'

const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

t.test('acknowledged messages are gone, when that is safe', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer()
  world.send(letters)
  world.run()
  consumer.settle({ kind: 'ack', index: 2, count: 3 })
  world.step()
  t.strictSame(consumer.outcomes, [], 'not before')
  world.run()
  t.strictSame(consumer.outcomes, [[{ settled: 3, stale: 0 }]])
  t.match(world.engine.counts('jobs'), { depth: 5, bytes: 5, acked: 3, leased: 5 })
  consumer.settle({ kind: 'ack', index: 1, count: 3 })
  world.run()
  t.strictSame(consumer.outcomes[1], [{ settled: 1, stale: 2 }])
  const again = world.reopened()
  const other = again.consumer('c')
  t.strictSame(other.attachment.adopt([1]), [])
  other.settle({ kind: 'ack', lease: 1, index: 0, count: 8 })
  again.run()
  t.strictSame(other.outcomes, [[{ settled: 4, stale: 4 }]])
  t.match(again.engine.counts('jobs'), { depth: 0, bytes: 0, acked: 4, stale: 4, leased: 0 })
  t.strictSame(
    again.store.keys.filter((key) => !/^(01|02|06|09)/.test(key)),
    [],
    'nothing is left',
  )
})

t.test('credit is never exceeded, and the least loaded come first', async (t) => {
  const world = EngineWorld.withJobs()
  const [one, two, three] = [world.consumer('1', 2), world.consumer('2', 10), world.consumer('3', 10)]
  world.send(letters)
  world.run()
  t.strictSame(
    [one, two, three].map(({ texts }) => texts.length),
    [2, 3, 3],
  )
  one.attachment.grant(10)
  world.send(['i', 'j', 'k'], [], 'q')
  world.run()
  t.strictSame(
    [one, two, three].map(({ texts }) => texts.length),
    [3, 4, 4],
  )
  two.settle({ kind: 'ack', lease: two.leaseOf(0) })
  world.run()
  world.send(['l'], [], 'q')
  world.run()
  t.equal(two.texts.at(-1), 'l', 'the one with the least')
})

t.test('a failed message waits, longer each time, and then is a dead letter with its history', async (t) => {
  const world = EngineWorld.withJobs({ maxAttempts: 3, backoff: { initialMs: 100, factor: 3, maxMs: 250 } })
  const consumer = world.consumer('worker')
  world.send(['a', 'b'], [{ index: 1, id: 'x', key: 'k' }])
  world.run()
  consumer.settle({ kind: 'ack', index: 0, count: 1 })
  consumer.settle({ kind: 'nack', index: 1, reason: 'no', stack: 'at'.repeat(5000) })
  world.run()
  t.match(world.engine.counts('jobs'), { delayed: 1, nacked: 1, depth: 1 })
  t.match(world.engine.peek('jobs', 9), [{ state: 'delayed', attempts: 1, due: world.clock.wallNow() + 100, id: 'x' }])
  world.pass(99)
  t.equal(consumer.blocks.length, 1)
  world.pass(1)
  t.match(consumer.blocks[1], { positions: [2], extras: [{ index: 0, attempt: 2, id: 'x', key: 'k' }] })
  consumer.settle({ kind: 'nack' })
  world.run()
  world.pass(249)
  t.equal(consumer.blocks.length, 2)
  world.pass(1)
  consumer.settle({ kind: 'nack', reason: 'never' })
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 0, deadLettered: 1, nacked: 3 })
  t.match(world.engine.counts('jobs.dead'), { depth: 1, ready: 1, bytes: 1 })
  const [letter] = world.engine.peek('jobs.dead', 9)
  t.match(letter, { body: Buffer.from('b'), attempts: 0, id: 'x', key: 'k', origin: { queue: 'jobs', position: 2 } })
  t.match(letter?.history, [
    { attempt: 1, cause: 'nack', consumer: 'worker', reason: 'no', stack: 'at'.repeat(2048) },
    { attempt: 2, cause: 'nack' },
    { attempt: 3, reason: 'never' },
  ])
})

t.test('rejected messages are dead letters at once; they are moved back as new ones', async (t) => {
  const world = EngineWorld.withJobs({ maxLength: 3 })
  const consumer = world.consumer('worker', 3)
  world.send(['a', 'b', 'c'])
  world.run()
  consumer.settle({ kind: 'reject', reason: 'bad' })
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 0, deadLettered: 3 })
  const digger = world.consumer('digger', 1, 'jobs.dead')
  world.run()
  digger.settle({ kind: 'reject' })
  world.run()
  t.match(world.engine.counts('jobs.dead'), { depth: 3, delayed: 1 }, 'there is no other place for them')
  digger.attachment.detach()
  const moved: unknown[] = []
  world.send(['d'])
  world.engine.redrive('jobs', 1, (...result) => moved.push(result))
  world.engine.redrive('jobs', 9, (...result) => moved.push(result))
  world.engine.redrive('jobs.dead', 9, (...result) => moved.push(result))
  world.run()
  t.strictSame(moved, [[1], [1], [0]], 'as many as there is room for')
  consumer.attachment.grant(9)
  world.run()
  t.strictSame(consumer.blocks.slice(1).map(textsOf), [['b', 'c', 'd']])
  t.match(consumer.blocks[1], { extras: [], positions: [5, 6, 4] })
})

t.test('dead letters that are moved back push nothing out', async (t) => {
  const world = EngineWorld.withJobs({ maxLength: 2, overflow: 'drop-oldest' })
  const consumer = world.consumer('c', 3)
  for (const text of ['a', 'b', 'c']) {
    world.send([text])
    world.run()
    consumer.settle({ kind: 'reject' })
  }
  world.send(['d'])
  world.run()
  const moved: unknown[] = []
  world.engine.redrive('jobs', 9, (...result) => moved.push(result))
  world.run()
  t.strictSame(moved, [[1]])
  t.match(world.engine.counts('jobs'), { depth: 2, dropped: {} })
  t.match(world.engine.counts('jobs.dead'), { depth: 2 })
})

t.test('released messages are delivered again at once, as if nothing had been', async (t) => {
  const world = EngineWorld.withJobs({ maxAttempts: 1 })
  const consumer = world.consumer('c', 2)
  world.send(['a', 'b', 'c'])
  world.run()
  consumer.settle({ kind: 'release' })
  const other = world.consumer('d')
  world.run()
  t.strictSame(other.blocks, [{ ...other.blocks[0], positions: [1, 2, 3], extras: [] }])
})

t.test('a lease runs out unless it is extended, and goes to whoever wants it', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 1000, maxAttempts: 2 })
  const consumer = world.consumer('c', 3)
  world.send(['a', 'b'])
  world.run()
  world.send(['c'])
  world.run()
  world.pass(600)
  t.strictSame(consumer.attachment.extend([2, 99]), [99])
  const other = world.consumer('d', 2)
  world.pass(400)
  t.strictSame(consumer.lost, [1])
  t.match(other.blocks, [{ positions: [1, 2], extras: [{ attempt: 2 }, { attempt: 2 }] }])
  t.match(world.engine.counts('jobs'), { ready: 0, leased: 3, leasesLost: 1 })
  consumer.settle({ kind: 'ack', lease: 1, count: 2 })
  world.run()
  t.strictSame(consumer.outcomes, [[{ settled: 0, stale: 2 }]])
  consumer.attachment.grant(3)
  world.pass(600)
  t.strictSame(consumer.lost, [1, 2])
  t.match(consumer.blocks[2], { positions: [3], extras: [{ attempt: 2 }] }, 'to its own consumer, too')
  world.pass(400)
  world.pass(600)
  t.match(world.engine.counts('jobs'), { depth: 0, deadLettered: 3 })
  t.match(world.engine.peek('jobs.dead', 1), [
    { history: [{ cause: 'lease-lost' }, { cause: 'lease-lost', attempt: 2 }] },
  ])
})

t.test('a lease belongs to one attachment', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 1000 })
  const consumer = world.consumer('c')
  const stranger = world.consumer('d', 0)
  world.send(['a', 'b'])
  world.run()
  stranger.settle({ kind: 'ack', lease: 1, count: 2 })
  world.run()
  t.strictSame(stranger.outcomes, [[{ settled: 0, stale: 2 }]])
  t.strictSame(stranger.attachment.extend([1]), [1])
  t.strictSame(stranger.attachment.adopt([1]), [1])
  world.send(['c'])
  world.run()
  consumer.attachment.detach()
  consumer.attachment.detach()
  consumer.attachment.grant(5)
  const back = world.consumer('c', 0)
  t.strictSame(back.attachment.adopt([2, 7]), [7])
  world.run()
  t.match(world.engine.counts('jobs'), { leased: 1, ready: 2, leasesLost: 0, consumers: 2 }, 'the others are released')
  back.settle({ kind: 'ack', lease: 2, count: 1 })
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 2, acked: 1 })
})

t.test('what was dealt out to one who left before it was safe goes to another', async (t) => {
  const world = EngineWorld.withJobs({ maxAttempts: 1 })
  const consumer = world.consumer('c')
  world.send(['a'])
  world.step()
  consumer.attachment.detach()
  const other = world.consumer('d')
  world.run()
  t.strictSame([consumer.texts, other.texts], [[], ['a']])
})

t.test('one who left while a lease was stored has failed at nothing, however long that took', async (t) => {
  const world = EngineWorld.withJobs({ maxAttempts: 1, leaseMs: 50 })
  const early = world.consumer('early', 1)
  world.send(['a'])
  world.run()
  world.clock.advance(40)
  const leaver = world.consumer('leaver', 1)
  world.send(['b'], [], 'q')
  world.step()
  world.clock.advance(60) // the lease of the first runs out, and the time of the one that is being stored is over, too
  leaver.attachment.detach()
  world.run()
  const other = world.consumer('other')
  world.run()
  t.strictSame([early.texts, early.lost, leaver.texts, other.texts], [['a'], [1], [], ['b']])
  t.match(world.engine.counts('jobs.dead'), { depth: 1 })
})

t.test('after a restart a lease has its whole time again, and counts as an attempt', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 1000 })
  world.consumer('c', 2)
  world.send(letters)
  world.run()
  world.pass(900)
  const again = world.reopened(0, { leaseMs: 1000 })
  const other = again.consumer('d', 8)
  again.pass(999)
  t.strictSame(other.texts, letters.slice(2))
  again.pass(1)
  t.strictSame(other.texts, [...letters.slice(2), 'a', 'b'])
  t.match(other.blocks.at(-1)?.extras, [{ attempt: 2 }, { attempt: 2 }])
  t.ok(
    other.blocks.every(({ lease }) => lease > 1),
    'under a new number',
  )
})

t.test('messages that were read from disk are settled in parts, too', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  world.consumer('c', 5)
  world.send(letters, [
    { index: 3, key: 'k' },
    { index: 4, id: 'i' },
  ])
  world.run()
  const again = world.reopened(0, { keyOrder: true })
  const consumer = again.consumer('c', 0)
  const [lease] = again.engine
    .peek('jobs', 99)
    .filter(({ state }) => state === 'leased')
    .map(() => 1)
  consumer.attachment.adopt([1, 2, 3])
  t.equal(lease, 1)
  for (const number of [1, 2, 3]) consumer.settle({ kind: 'nack', lease: number, index: 1, count: 1, delayMs: 0 })
  again.run()
  for (const number of [1, 2, 3]) consumer.settle({ kind: 'ack', lease: number, index: 0, count: 9 })
  again.run()
  const last = again.consumer('z')
  again.run()
  t.equal(new Set(last.texts).size, last.texts.length)
  t.equal(last.texts.length + again.engine.counts('jobs').acked, 8)
  t.match(again.engine.counts('jobs'), { depth: last.texts.length, bytes: last.texts.length })
})
