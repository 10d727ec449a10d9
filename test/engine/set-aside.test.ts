/** Messages that a consumer cannot read: others get them, and where none can, they wait and others pass them. */
import t from 'tap'
import { EngineWorld } from './engine-world.js'
import { ackAll, outdated, refuses, young } from './outdated.js'

const third = Buffer.alloc(16, 9)

t.test('what goes back costs no attempt, and another consumer gets it', async (t) => {
  const world = EngineWorld.withJobs({ maxAttempts: 1 })
  const one = world.consumer('old', 4)
  world.sendOf(young, ['a', 'b', 'c', 'd'])
  world.run()
  t.strictSame(one.texts, ['a', 'b', 'c', 'd'])
  refuses(one, young)
  one.attachment.grant(4)
  const good = world.consumer('good')
  world.run()
  t.strictSame(good.texts, ['a', 'b', 'c', 'd'])
  t.strictSame(good.blocks[0]?.extras, [], 'the first attempt')
  t.equal(one.blocks.length, 1)
  t.match(world.engine.counts('jobs'), { deadLettered: 0, nacked: 0, leased: 4, unreadable: 0 })
})

t.test('others pass what no consumer can read, and it comes first as soon as one can', async (t) => {
  const world = EngineWorld.withJobs()
  const one = outdated(world)
  world.sendOf(young, ['a', 'b'])
  world.send(['c'])
  world.sendOf(young, ['d'], [{ index: 0, delayMs: 10 }])
  world.sendOf(young, ['e'])
  world.send(['f'])
  world.run()
  t.strictSame(one.texts, ['c', 'f'])
  t.match(world.engine.counts('jobs'), { depth: 6, ready: 3, unreadable: 3, delayed: 1, leased: 2, bytes: 6 })
  world.pass(10)
  t.match(world.engine.counts('jobs'), { depth: 6, ready: 4, unreadable: 4, delayed: 0 })
  t.strictSame(
    world.engine.peek('jobs', 9).map(({ state, body, schemaId }) => [state, body.toString(), schemaId[0]]),
    [
      ['ready', 'a', 8],
      ['ready', 'b', 8],
      ['ready', 'e', 8],
      ['ready', 'd', 8],
      ['leased', 'c', 7],
      ['leased', 'f', 7],
    ],
  )
  t.match(world.errors, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: /08080808.*wait/ }], 'once')
  world.send(['g'])
  const good = world.consumer('good')
  t.match(world.engine.counts('jobs'), { unreadable: 0 })
  world.run()
  t.strictSame(good.texts, ['a', 'b', 'e', 'd'])
  ackAll(good)
  ackAll(one)
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0, acked: 7, ready: 0 })
  t.strictSame(
    world.store.keys.filter((key) => !/^(01|02|06|09)/.test(key)),
    [],
    'nothing is left',
  )
})

t.test('a message waits for a consumer that can read it and has no room', async (t) => {
  const world = EngineWorld.withJobs()
  const good = world.consumer('good', 1)
  world.sendOf(young, ['a', 'b'])
  const one = outdated(world)
  world.run()
  world.send(['c'])
  world.run()
  t.strictSame([good.texts, one.texts], [['a'], []])
  t.match(world.engine.counts('jobs'), { ready: 2, unreadable: 0 })
  t.strictSame(
    world.store.keys.filter((key) => /^(0c|0d)/.test(key)),
    [],
    'it is not moved',
  )
  good.attachment.grant(1)
  world.run()
  t.strictSame([good.texts, one.texts], [['a', 'b'], ['c']])
})

t.test('one that has never asked for anything keeps nobody waiting', async (t) => {
  const world = EngineWorld.withJobs()
  const idle = world.consumer('idle', 0)
  const one = outdated(world)
  world.sendOf(young, ['a'])
  world.send(['b'])
  world.run()
  t.strictSame(one.texts, ['b'])
  t.match(world.engine.counts('jobs'), { ready: 1, unreadable: 0 }, 'it could')
  t.strictSame(world.errors, [])
  idle.attachment.grant(5)
  world.run()
  t.strictSame(idle.texts, ['a'])
})

t.test('consumers that are all outdated, and a good one that joins and leaves', async (t) => {
  const world = EngineWorld.withJobs({ maxAttempts: 1 })
  const one = world.consumer('1', 2)
  const two = world.consumer('2', 2)
  const texts = Array.from({ length: 5000 }, (_, index) => `m${index}`)
  world.sendOf(young, texts)
  world.run()
  refuses(one, young)
  refuses(two, young)
  one.attachment.grant(9)
  two.attachment.grant(9)
  world.run()
  t.match(world.engine.counts('jobs'), { ready: 5000, unreadable: 5000, leased: 0, deadLettered: 0 })
  t.equal(world.errors.length, 1)
  const good = world.consumer('good', 3000)
  world.run()
  t.equal(good.texts.length, 3000)
  t.equal(good.texts[0], 'm0')
  good.attachment.detach()
  const again = world.consumer('good', 9000)
  again.attachment.adopt([])
  world.run()
  t.strictSame(new Set(again.texts), new Set(texts))
  t.equal(again.texts.length, 5000)
  t.ok(
    again.blocks.every(({ extras }) => extras.length === 0),
    'the first attempt of all',
  )
  t.equal(one.texts.length + two.texts.length, 4, 'no more than they had asked for')
})

t.test('each schema goes to those who can read it', async (t) => {
  const world = EngineWorld.withJobs()
  const one = outdated(world, '1', 100, young)
  const two = outdated(world, '2', 100, third)
  for (let index = 0; index < 10; index++) {
    world.sendOf(young, [`y${index}`])
    world.sendOf(third, [`t${index}`])
  }
  world.run()
  t.ok(one.texts.every((text) => text.startsWith('t')))
  t.ok(two.texts.every((text) => text.startsWith('y')))
  t.strictSame([one.texts.length, two.texts.length], [10, 10])
})

t.test('over a restart, what is set aside stays there', async (t) => {
  const world = EngineWorld.withJobs()
  const one = outdated(world)
  world.sendOf(young, ['a', 'b'])
  world.sendOf(third, ['c'])
  one.attachment.cannotRead([third])
  world.run()
  const again = world.reopened()
  t.match(again.engine.counts('jobs'), { depth: 3, ready: 3, unreadable: 3, bytes: 3 })
  again.sendAt(4, ['d'])
  const back = outdated(again)
  again.run()
  t.strictSame(back.texts, ['c', 'd'], 'it has not named the schema of the first yet')
  t.match(again.engine.counts('jobs'), { ready: 2, unreadable: 2, leased: 2 })
  const good = again.consumer('good')
  again.run()
  t.strictSame(good.texts, ['a', 'b'])
  ackAll(good)
  ackAll(back)
  again.run()
  t.match(again.engine.counts('jobs'), { depth: 0, bytes: 0 })
})

t.test('a write that fails changes nothing of that', async (t) => {
  const world = EngineWorld.withJobs()
  const one = outdated(world)
  world.sendOf(young, ['a', 'b'])
  world.store.maxBytes = world.store.bytes + 150
  world.run()
  world.store.maxBytes = Number.POSITIVE_INFINITY
  world.pass(1000)
  world.send(['c'], [], 'q')
  world.pass(1000)
  const { depth, ready, unreadable } = world.engine.counts('jobs')
  t.equal(depth, ready + 1)
  t.equal(ready, unreadable)
  t.strictSame(one.texts, ['c'])
})

t.test('order within a key is kept across schemas', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const one = outdated(world)
  world.sendOf(
    young,
    ['a', 'b'],
    [
      { index: 0, key: 'k' },
      { index: 1, key: 'k' },
    ],
  )
  world.send(
    ['c', 'd'],
    [
      { index: 0, key: 'k' },
      { index: 1, key: 'l' },
    ],
  )
  world.run()
  t.strictSame(one.texts, ['d'])
  const good = world.consumer('good')
  world.run()
  t.strictSame(good.texts, ['a'])
  good.settle({ kind: 'nack', delayMs: 10 })
  world.run()
  world.pass(10)
  t.strictSame(good.texts, ['a', 'a'])
  good.settle({ kind: 'ack' })
  world.run()
  t.strictSame(good.texts, ['a', 'a', 'b'])
  good.settle({ kind: 'ack' })
  world.run()
  t.strictSame([one.texts, good.texts].flat().sort(), ['a', 'a', 'b', 'c', 'd'])
})

t.test('a late acknowledgement counts for what was set aside since', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 100 })
  const good = world.consumer('good', 5)
  world.sendOf(young, ['a', 'b'])
  world.run()
  good.attachment.detach()
  const one = outdated(world)
  world.pass(100)
  t.match(world.engine.counts('jobs'), { unreadable: 2, leasesLost: 1 })
  const back = world.consumer('good', 0)
  back.settle({ kind: 'ack', lease: good.leaseOf(), index: 1, count: 1 })
  world.run()
  t.strictSame(back.outcomes, [[{ settled: 1, stale: 0 }]])
  t.match(world.engine.counts('jobs'), { depth: 1, ready: 1, bytes: 1 })
  back.attachment.grant(5)
  world.run()
  t.strictSame([one.texts, back.texts], [[], ['a']])
})

t.test('a lease lapses although one is there that could not read its messages', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 100, maxAttempts: 1 })
  const good = world.silentConsumer('good', 5)
  world.sendOf(young, ['a'])
  world.run()
  const one = outdated(world)
  world.pass(250)
  t.match(world.engine.counts('jobs'), { leasesLost: 0, deadLettered: 0 })
  good.settle({ kind: 'ack' })
  world.run()
  t.strictSame(good.outcomes, [[{ settled: 1, stale: 0 }]])
  t.strictSame(one.texts, [])
})

t.test('counts of a queue that was opened again know what has been dealt out of what was set aside', async (t) => {
  const world = EngineWorld.withJobs()
  const one = outdated(world, 'old', 1)
  world.sendOf(young, ['a'], [{ index: 0, key: 'k' }])
  world.send(['z'], [{ index: 0, delayMs: 80 }], 'q')
  world.run()
  const good = world.consumer('good', 1)
  world.run()
  t.strictSame([one.texts, good.texts], [[], ['a']])
  const again = new EngineWorld(world.store.crashed(), world.clock)
  again.declare('jobs')
  const counts = { ready: 0, delayed: 1, leased: 1, depth: 2, bytes: 2 }
  t.match(again.engine.counts('jobs'), counts)
  again.run()
  t.match(again.engine.counts('jobs'), counts)
})

t.test('single values that a consumer cannot read go to others, and it gets the rest of the schema', async (t) => {
  const world = EngineWorld.withJobs({ maxAttempts: 1 })
  const one = world.consumer('1', 3)
  world.sendOf(young, ['a', 'hard', 'b'])
  world.run()
  one.settle({ kind: 'release', unreadable: true, index: 1, count: 1 })
  one.settle({ kind: 'ack', index: 0, count: 1 })
  one.settle({ kind: 'ack', index: 2, count: 1 })
  one.attachment.grant(3)
  world.run()
  t.strictSame(one.outcomes, [[{ settled: 1, stale: 0 }], [{ settled: 1, stale: 0 }], [{ settled: 1, stale: 0 }]])
  t.match(world.engine.counts('jobs'), { depth: 1, ready: 1, unreadable: 1, deadLettered: 0, nacked: 0 })
  t.match(world.errors, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: /some values of the schema 0808/ }])
  world.sendOf(young, ['c'])
  world.run()
  t.strictSame(one.texts, ['a', 'hard', 'b', 'c'])
  const old = outdated(world, 'old', 9)
  world.run()
  t.strictSame(old.texts, [], 'one that cannot read the schema cannot read its values')
  const again = world.reopened()
  const back = again.consumer('1', 0)
  back.attachment.adopt([])
  const two = again.consumer('2', 9)
  again.run()
  t.ok(two.texts.includes('hard'))
  t.ok(
    two.blocks.every(({ extras }) => extras.length === 0),
    'the first attempt of all',
  )
})
