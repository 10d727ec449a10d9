/** Looking after queues: purging, peeking, counting, damage, and names. */
import t from 'tap'
import { defaultSettings, openLocalEngine } from '../../src/engine/index.js'
import { keyOf, table } from '../../src/engine/tables.js'
import { RivuletError } from '../../src/errors/index.js'
import { createMemoryStore } from '../../src/store/index.js'
import { blockOf, EngineWorld, schemaText, textsOf } from './engine-world.js'

const letters = ['a', 'b', 'c', 'd']

t.test('purging drops all that waits, and not what is under a lease', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const consumer = world.consumer('c', 2)
  world.send(
    ['k1', 'k2', ...letters],
    [
      { index: 0, key: 'k' },
      { index: 1, key: 'k' },
      { index: 5, delayMs: 1000 },
    ],
  )
  world.run()
  t.strictSame(consumer.texts, ['k1', 'a'])
  const told: unknown[] = []
  world.engine.purge('jobs', (...result) => told.push(result))
  world.send(['later'])
  world.run()
  t.strictSame(told, [[4]])
  t.match(world.engine.counts('jobs'), { depth: 3, leased: 2, ready: 1, dropped: { purged: 4 } })
  for (const { lease } of consumer.blocks) consumer.settle({ kind: 'ack', lease })
  consumer.attachment.grant(9)
  world.run()
  t.strictSame(consumer.texts, ['k1', 'a', 'later'])
})

t.test('a large queue is purged by several writes', async (t) => {
  const world = EngineWorld.withJobs()
  for (let count = 0; count < 40_000; count++) world.send(['x'])
  world.run()
  const told: unknown[] = []
  let writes = 0
  world.store.onWrite = () => {
    writes += 1
  }
  world.engine.purge('jobs', (...result) => told.push(result))
  world.run()
  t.strictSame(told, [[40_000]])
  t.ok(writes > 1, `${writes} writes`)
  t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0 })
})

t.test('peek shows what is ready, what is delayed, and what is leased', async (t) => {
  const world = EngineWorld.withJobs()
  t.strictSame(world.engine.peek('jobs', 9), [])
  const consumer = world.consumer('c', 2)
  world.send(letters, [
    { index: 0, id: 'i' },
    { index: 3, delayMs: 50 },
  ])
  world.run()
  const shown = () =>
    world.engine.peek('jobs', 9).map(({ body, state, attempts }) => [body.toString(), state, attempts])
  t.strictSame(shown(), [
    ['c', 'ready', 0],
    ['d', 'delayed', 0],
    ['a', 'leased', 1],
    ['b', 'leased', 1],
  ])
  t.equal(world.engine.peek('jobs', 2).length, 2)
  consumer.settle({ kind: 'nack', lease: 1, count: 1, delayMs: 0 })
  world.run()
  t.strictSame(shown()[0], ['a', 'ready', 1])
})

t.test('changes are told once a write, and ages are', async (t) => {
  const world = EngineWorld.withJobs()
  const told: string[] = []
  const stop = world.engine.onChange((queue) => told.push(queue))
  world.send(['a'])
  world.send(['b'])
  world.run()
  t.strictSame(told, ['jobs'])
  world.pass(700)
  t.equal(world.engine.counts('jobs').oldestMs, 700)
  stop()
  world.send(['c'])
  world.run()
  t.equal(told.length, 1)
})

t.test('a damaged block gives the messages that are whole', async (t) => {
  const world = EngineWorld.withJobs()
  world.send(letters)
  world.send(['e'])
  world.run()
  world.store.damage(keyOf(table.block, 1, 1), -2)
  const again = new EngineWorld(damagedCopy(world, keyOf(table.block, 1, 1)), world.clock)
  again.declare('jobs')
  const consumer = again.consumer()
  again.run()
  t.strictSame(consumer.texts, ['a', 'b', 'd', 'e'])
  t.match(again.errors, [{ code: 'RIVULET_STORE_CORRUPT', message: /jobs.*position 3/ }])
  for (const { lease } of consumer.blocks) consumer.settle({ kind: 'nack', lease, delayMs: 0 })
  again.run()
  t.strictSame(consumer.texts.slice(4), ['a', 'b', 'd', 'e'])
  t.match(again.engine.counts('jobs'), { depth: 4, dropped: { corrupt: 1 } })
})

t.test('a block whose head is damaged is lost, and its neighbours go on', async (t) => {
  const world = EngineWorld.withJobs()
  world.send(letters)
  world.send(['e'])
  world.run()
  world.store.damage(keyOf(table.block, 1, 1), 10)
  const again = new EngineWorld(damagedCopy(world, keyOf(table.block, 1, 1)), world.clock)
  again.declare('jobs')
  const consumer = again.consumer()
  again.run()
  t.strictSame(consumer.texts, ['e'])
  t.match(again.errors, [{ message: /position 1/ }, { message: /4 messages/ }])
  consumer.settle({ kind: 'ack' })
  again.run()
  t.match(again.engine.counts('jobs'), { depth: 0, bytes: 0, dropped: { corrupt: 4 } })
})

t.test('a damaged message by itself is lost alone', async (t) => {
  const world = EngineWorld.withJobs()
  world.send(
    letters,
    letters.map((_, index) => ({ index, delayMs: 10 })),
  )
  world.run()
  const key = keyOf(table.scheduled, 1, world.clock.wallNow() + 10, 2)
  world.store.damage(key, -1)
  const again = new EngineWorld(damagedCopy(world, key), world.clock)
  again.declare('jobs')
  const consumer = again.consumer()
  again.run()
  again.pass(10)
  t.strictSame(consumer.texts, ['a', 'c', 'd'])
  t.match(again.engine.counts('jobs'), { depth: 3, dropped: { corrupt: 1 } })
})

for (const [what, which] of [
  ['state', keyOf(table.state, 1)],
  ['lease', keyOf(table.lease, 1, 1)],
  ['name', keyOf(table.name, 1)],
] as const) {
  t.test(`where the ${what} of a queue is damaged, no message is lost`, async (t) => {
    const world = EngineWorld.withJobs()
    const first = world.consumer('c', 2)
    world.send(letters)
    world.run()
    first.settle({ kind: 'nack', index: 1, count: 1, delayMs: 5000 })
    world.run()
    world.store.damage(which, 0)
    const again = new EngineWorld(damagedCopy(world, which), world.clock)
    const name = again.engine.queues.find((queue) => !queue.endsWith('.dead')) as string
    t.equal(name, what === 'name' ? 'recovered-1' : 'jobs')
    again.declare(name)
    const consumer = again.consumer('d', 99, name)
    again.run()
    again.pass(31_000)
    for (const letter of letters) t.ok(consumer.texts.includes(letter), letter)
    const places = consumer.blocks.flatMap(({ positions }) => positions)
    again.engine.send(name, 'q', 1, blockOf(['new']), schemaText, () => {})
    again.run()
    t.notOk(places.includes(consumer.blocks.at(-1)?.positions[0] as number))
    t.ok(consumer.blocks.every(({ lease }) => lease > 1))
    for (const { lease } of consumer.blocks) consumer.settle({ kind: 'ack', lease })
    again.run()
    again.pass(31_000)
    t.match(again.engine.counts(name), { depth: 0, bytes: 0 })
  })
}

t.test('consumers begin anew where the state is made out under them', async (t) => {
  const world = EngineWorld.withJobs()
  const one = world.consumer('one', 3)
  const other = world.consumer('other', 0)
  world.send(['a', 'b', 'c'])
  world.run()
  world.send(['d'])
  world.step()
  world.store.damaged.add(keyOf(table.state, 1).toString('hex'))
  world.store.fail(new RivuletError('RIVULET_STORE_FAILED', 'the test says so'))
  world.pass(1000)
  one.attachment.grant(1)
  other.attachment.grant(1)
  world.run()
  t.strictSame([one.texts, other.texts], [['a', 'b', 'c', 'a'], ['b']], 'what they had counts no more')
})

t.test('where the state of an empty queue is damaged, no number comes again', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer()
  world.send(['a'])
  world.run()
  consumer.settle({ kind: 'ack' })
  world.run()
  const store = world.store.crashed()
  store.damage(keyOf(table.state, 1), 0)
  const again = new EngineWorld(store)
  again.declare('jobs')
  const other = again.consumer()
  again.sendAt(2, ['b'])
  again.run()
  t.strictSame(other.texts, ['b'])
  t.not(other.leaseOf(), consumer.leaseOf())
  t.notMatch(other.blocks[0]?.positions, consumer.blocks[0]?.positions)
})

t.test('queues are found again; each has dead letters of its own', async (t) => {
  const world = new EngineWorld()
  world.declare('one')
  world.declare('two.dead', { maxLength: 1 })
  world.declare('two')
  world.run()
  t.strictSame([...world.engine.queues].sort(), ['one', 'one.dead', 'two', 'two.dead'])
  t.ok(world.engine.has('one.dead'))
  t.notOk(world.engine.has('three'))
  const again = world.reopened()
  t.strictSame([...again.engine.queues].sort(), ['one', 'one.dead', 'two', 'two.dead'])
  t.not(again.engine.epoch, undefined)
})

t.test('over a real store, with a real clock', async (t) => {
  const store = createMemoryStore()
  const errors: RivuletError[] = []
  const engine = openLocalEngine({ store, report: (error) => errors.push(error) })
  t.match(engine.capabilities, { durability: 'memory', deduplicates: true })
  engine.declare('jobs', defaultSettings)
  const texts = await new Promise<string[]>((resolve) => {
    engine.attach('jobs', 'c', { deliver: (leased) => resolve(textsOf(leased)), lost() {} }).grant(5)
    engine.send('jobs', 'p', 1, blockOf(letters), schemaText, () => {})
  })
  t.strictSame(texts, letters)
  await store.close()
  const outcome = await new Promise((resolve) => engine.send('jobs', 'p', 5, blockOf(['e']), schemaText, resolve))
  t.match(outcome, { kind: 'refused', error: { code: 'RIVULET_CLOSED' } })
  await engine.close()
  t.ok(errors.length > 0)
})

/** What a host finds after a crash, with a record that is damaged. */
function damagedCopy(world: EngineWorld, key: Uint8Array) {
  const copy = world.store.crashed()
  copy.damaged.add(Buffer.from(key).toString('hex'))
  return copy
}
