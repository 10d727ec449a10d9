/** A deep queue costs no more than a shallow one: neither in opening, nor in memory, nor for each message that passes. */
import t from 'tap'
import { EngineWorld } from './engine-world.js'
import type { HeldStore } from './held-store.js'

/** What a look ahead reads at the most, in records, as `block-log.ts` has it. */
const aheadRecords = 512

/** Records of a queue that are no blocks: its name, its state, and the like, and those of its dead letters. */
const fewRecords = 20

/** Counts the records that are read from now on. */
function counted(store: HeldStore): { records: number } {
  const reads = { records: 0 }
  const range = store.range.bind(store)
  const get = store.get.bind(store)
  store.range = function* (...bounds) {
    for (const record of range(...bounds)) {
      reads.records += 1
      yield record
    }
  }
  store.get = (key) => {
    reads.records += 1
    return get(key)
  }
  return reads
}

/** A queue in which so many messages wait, each stored by itself. */
function filled(messages: number): EngineWorld {
  const world = EngineWorld.withJobs()
  for (let id = 0; id < messages; id++) world.send([`m${id}`])
  world.run()
  return world
}

/** What opening reads where so many wait, in records. */
function readsOfOpening(messages: number): number {
  const store = filled(messages).store.crashed()
  const reads = counted(store)
  const world = new EngineWorld(store)
  world.declare('jobs')
  world.run()
  t.equal(world.engine.counts('jobs').depth, messages)
  return reads.records
}

t.test('opening reads no more records of a deep queue than of a shallow one', async (t) => {
  const [shallow, deep] = [readsOfOpening(1000), readsOfOpening(8000)]
  t.equal(deep, shallow, 'records read')
  t.ok(deep <= aheadRecords + fewRecords, `${deep} records`)
})

t.test('opening reads no more where a consumer has had some of a deep queue, and kept them', async (t) => {
  const before = filled(4000)
  before.consumer('c', 100)
  before.run()
  const store = before.store.crashed()
  const reads = counted(store)
  const world = new EngineWorld(store)
  world.declare('jobs')
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 4000, leased: 100, ready: 3900 })
  t.ok(reads.records <= aheadRecords + fewRecords, `${reads.records} records`)
})

t.test('what waits beyond some megabytes is not kept in memory, but read when it is dealt out', async (t) => {
  const messages = 120
  const body = 'x'.repeat(100_000)
  const world = EngineWorld.withJobs()
  for (let id = 0; id < messages; id++) {
    world.send([body])
    world.run()
  }
  const reads = counted(world.store)
  const consumer = world.consumer('c', messages)
  world.run()
  t.equal(consumer.texts.length, messages)
  const kept = Math.ceil(4_194_304 / body.length)
  t.ok(reads.records >= messages - kept, `${reads.records} of ${messages} were read`)
})

t.test('small messages are not all kept in memory either', async (t) => {
  const messages = 12_000
  const world = filled(messages)
  const reads = counted(world.store)
  const consumer = world.consumer('c', messages)
  world.run()
  t.equal(consumer.texts.length, messages)
  t.ok(reads.records > 1000, `${reads.records} of ${messages} were read`)
})

t.test('at a depth that stays, each message is read once', async (t) => {
  const store = filled(5000).store.crashed()
  const reads = counted(store)
  const world = new EngineWorld(store)
  world.declare('jobs')
  const consumer = world.consumer('c', 0)
  world.run()
  const rounds = 40
  const each = 50
  for (let round = 0; round < rounds; round++) {
    const from = consumer.blocks.length
    consumer.attachment.grant(each)
    world.send(
      Array.from({ length: each }, (_, index) => `new ${round}:${index}`),
      [],
      'q',
    )
    world.run()
    for (const { lease } of consumer.blocks.slice(from)) consumer.settle({ kind: 'ack', lease })
    world.run()
    t.equal(world.engine.counts('jobs').depth, 5000)
  }
  t.equal(consumer.texts.length, rounds * each)
  t.strictSame(new Set(consumer.texts).size, rounds * each)
  // the new producer is looked for once in each round at the most
  t.ok(reads.records <= rounds * each + aheadRecords + fewRecords + rounds, `${reads.records} records`)
})
