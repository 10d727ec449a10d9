/** Messages that no consumer can read are bounded like others, are dead letters where a queue says so, and cost no reads. */
import t from 'tap'
import { EngineWorld, textsOf } from './engine-world.js'
import { outdated, refuses, young } from './outdated.js'

t.test('messages that are purged or dropped give up their keys', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  outdated(world)
  world.sendOf(
    young,
    ['a', 'b'],
    [
      { index: 0, key: 'k' },
      { index: 1, key: 'k' },
    ],
  )
  world.run()
  const purged: number[] = []
  world.engine.purge('jobs', (count) => purged.push(count))
  world.run()
  t.strictSame(purged, [2])
  t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0, unreadable: 0, dropped: { purged: 2 } })
  t.strictSame(
    world.store.keys.filter((key) => !/^(01|02|06|09)/.test(key)),
    [],
  )
})

t.test('messages that are set aside grow old', async (t) => {
  const world = EngineWorld.withJobs({ maxAgeMs: 100 })
  outdated(world)
  world.sendOf(young, ['a'])
  world.sendOf(young, ['b'], [{ index: 0, ttlMs: 10 }])
  world.run()
  world.pass(50)
  world.sendOf(young, ['c'])
  world.run()
  t.match(world.engine.counts('jobs'), { unreadable: 3 }, 'one whose time is over counts until it is in front')
  world.pass(50)
  t.match(world.engine.counts('jobs'), { unreadable: 1, depth: 1, dropped: { expired: 2 } })
  world.pass(50)
  t.match(world.engine.counts('jobs'), { unreadable: 0, depth: 0, bytes: 0, dropped: { expired: 3 } })
})

t.test('room is made with what nobody can read', async (t) => {
  const world = EngineWorld.withJobs({ maxLength: 3, overflow: 'drop-oldest' })
  const one = outdated(world)
  world.sendOf(young, ['a', 'b', 'c'])
  world.run()
  world.send(['d', 'e'])
  world.run()
  t.strictSame(one.texts, ['d', 'e'])
  t.match(world.engine.counts('jobs'), { depth: 3, unreadable: 1, dropped: { overflow: 2 } })
  t.match(world.engine.peek('jobs', 1), [{ body: Buffer.from('c') }])
})

t.test('the option of a queue sends what nobody can read to the dead letters', async (t) => {
  const world = EngineWorld.withJobs({ unreadable: 'dead-letter' })
  const one = world.consumer('worker', 1)
  world.sendOf(young, ['a', 'b'])
  world.run()
  refuses(one, young)
  one.attachment.grant(5)
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0, deadLettered: 2, unreadable: 0 })
  const letters = world.engine.peek('jobs.dead', 9)
  t.strictSame(
    letters.map(({ body }) => body.toString()),
    ['a', 'b'],
  )
  t.match(letters[0]?.history, [{ cause: 'reject', attempt: 1, consumer: 'worker', reason: /no attached consumer/ }])
  t.match(world.errors, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: /dead letters/ }])
  const good = world.consumer('good')
  world.sendOf(young, ['c'])
  world.run()
  t.strictSame(good.texts, ['c'], 'not while one can read them')
})

t.test('dead letters that their consumers cannot read are moved back, too', async (t) => {
  const world = EngineWorld.withJobs()
  const one = world.consumer('c', 2)
  world.sendOf(young, ['a', 'b'])
  world.run()
  one.settle({ kind: 'reject' })
  world.run()
  const digger = world.consumer('digger', 1, 'jobs.dead')
  world.run()
  refuses(digger, young)
  digger.attachment.grant(5)
  world.run()
  t.match(world.engine.counts('jobs.dead'), { depth: 2, ready: 2, unreadable: 2 })
  const moved: number[] = []
  world.engine.redrive('jobs', 9, (count) => moved.push(count))
  one.attachment.grant(5)
  world.run()
  t.strictSame(moved, [2])
  t.match(world.engine.counts('jobs.dead'), { depth: 0, unreadable: 0, bytes: 0 })
  t.strictSame(one.blocks.slice(1).flatMap(textsOf), ['a', 'b'])
})

t.test('what is set aside is not read again with each message that passes', async (t) => {
  const world = EngineWorld.withJobs()
  const one = outdated(world)
  world.sendOf(
    young,
    Array.from({ length: 4000 }, (_, index) => `m${index}`),
  )
  world.run()
  const { reads } = world.store
  for (let index = 0; index < 20; index++) {
    world.send([`n${index}`])
    world.run()
    one.settle({ kind: 'ack' })
    world.run()
  }
  t.equal(world.engine.counts('jobs').acked, 20)
  t.ok(world.store.reads - reads < 200, `${world.store.reads - reads} records were read`)
})

t.test('one write sets some thousand messages aside', async (t) => {
  const world = EngineWorld.withJobs()
  const texts = Array.from({ length: 9000 }, (_, index) => `m${index}`)
  world.sendOf(
    young,
    texts,
    texts.map((key, index) => ({ index, key })),
  )
  world.run()
  let most = 0
  world.store.onWrite = ({ length }) => {
    most = Math.max(most, length)
  }
  outdated(world)
  world.run()
  t.match(world.engine.counts('jobs'), { unreadable: 9000 })
  t.ok(most < 5000, `${most} changes in one write`)
})
