/** Blocks that are set aside stay as they are stored, as long as one of their messages is, and go with the last. */
import t from 'tap'
import type { Change } from '../../src/store/index.js'
import { EngineWorld } from './engine-world.js'
import { ackAll, outdated, refuses, young } from './outdated.js'

const letters = ['a', 'b', 'c', 'd', 'e', 'f']

/** The keys of messages that are left, but for those of dead letters. */
const left = (world: EngineWorld): string[] =>
  world.store.keys.filter((key) => /^(03|04|05|0a|0b|0c|0d)00000001/.test(key))

/** A world in which a consumer has got the first messages of a block, and the others are set aside. */
function divided(settings: Parameters<typeof EngineWorld.withJobs>[0] = {}) {
  const world = EngineWorld.withJobs(settings)
  const good = world.consumer('good', 2)
  world.sendOf(young, letters)
  world.run()
  good.attachment.detach()
  const old = outdated(world)
  world.run()
  return { world, good, old }
}

t.test('many messages are moved by one record for each block', async (t) => {
  const world = EngineWorld.withJobs()
  outdated(world)
  const changes: Change[] = []
  world.store.onWrite = (some) => void changes.push(...some)
  for (let block = 0; block < 10; block++) {
    world.sendOf(
      young,
      Array.from({ length: 1000 }, (_, index) => `m${index}`),
    )
  }
  world.run()
  t.match(world.engine.counts('jobs'), { unreadable: 10_000 })
  t.ok(changes.length < 100, `${changes.length} changes`)
})

t.test('a block goes when its messages under leases are settled, and those that were set aside', async (t) => {
  const { world, good, old } = divided()
  t.match(world.engine.counts('jobs'), { ready: 4, unreadable: 4, leased: 2, bytes: 6 })
  const back = world.consumer('good', 0)
  t.strictSame(back.attachment.adopt([good.leaseOf()]), [])
  back.settle({ kind: 'ack', lease: good.leaseOf(), count: 2 })
  world.run()
  t.equal(left(world).filter((key) => key.startsWith('03')).length, 1)
  back.attachment.grant(2)
  world.run()
  t.strictSame(back.texts, ['c', 'd'])
  back.settle({ kind: 'ack' })
  world.run()
  t.equal(left(world).filter((key) => key.startsWith('03')).length, 1)
  back.attachment.grant(2)
  world.run()
  ackAll(back)
  world.run()
  t.strictSame(left(world), [])
  t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0, acked: 6 })
  t.strictSame(old.texts, [])
})

t.test('over a restart and a failed write it is known which blocks are needed', async (t) => {
  const { world, good } = divided()
  const again = world.reopened()
  again.store.maxBytes = again.store.bytes
  again.sendAt(7, ['not stored'])
  again.run()
  again.store.maxBytes = Number.POSITIVE_INFINITY
  const back = again.consumer('good', 0)
  t.strictSame(back.attachment.adopt([good.leaseOf()]), [])
  back.settle({ kind: 'nack', lease: good.leaseOf(), count: 2, delayMs: 0 })
  again.run()
  back.attachment.grant(9)
  again.pass(1000)
  t.strictSame([...back.texts].sort(), letters)
  ackAll(back)
  again.run()
  t.strictSame(left(again), [])
  t.match(again.engine.counts('jobs'), { depth: 0, bytes: 0, acked: 6, dropped: {} })
})

for (const how of ['purge', 'age', 'overflow'] as const) {
  t.test(`a block of which messages are dropped (${how}) goes with those under leases`, async (t) => {
    const settings = {
      purge: {},
      age: { maxAgeMs: 100 },
      overflow: { maxLength: 6, overflow: 'drop-oldest' as const },
    }[how]
    const { world, good, old } = divided(settings)
    if (how === 'purge') world.engine.purge('jobs', () => {})
    else if (how === 'overflow') for (const text of ['v', 'w', 'x', 'y']) world.send([text], [], 'q')
    world.run()
    world.pass(100)
    const reason = { purge: 'purged', age: 'expired', overflow: 'overflow' }[how]
    t.match(world.engine.counts('jobs'), {
      unreadable: 0,
      dropped: { [reason]: 4 },
      leased: how === 'overflow' ? 6 : 2,
    })
    const back = world.consumer('good', 0)
    back.attachment.adopt([good.leaseOf()])
    back.settle({ kind: 'ack', lease: good.leaseOf(), count: 2 })
    ackAll(old)
    world.run()
    t.strictSame(left(world), [])
    t.match(world.engine.counts('jobs'), { depth: 0, bytes: 0 })
  })
}

t.test('dropping for room takes messages out of a block one by one', async (t) => {
  const world = EngineWorld.withJobs({ maxLength: 6, overflow: 'drop-oldest' })
  outdated(world, 'old', 0)
  const good = world.consumer('good', 0)
  outdated(world, 'older', 100)
  world.sendOf(young, letters)
  world.run()
  world.send(['x'])
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 6, dropped: { overflow: 1 } })
  good.attachment.grant(100)
  world.run()
  t.strictSame(good.texts, letters.slice(1))
})

t.test('messages with something of their own move by themselves', async (t) => {
  const world = EngineWorld.withJobs()
  outdated(world)
  world.sendOf(young, letters, [
    { index: 1, id: 'i' },
    { index: 3, ttlMs: 1000 },
  ])
  world.sendOf(young, ['g', 'h'], [{ index: 1, id: 'j' }])
  world.run()
  const shown = world.engine.peek('jobs', 99)
  t.strictSame(
    shown.map(({ body, id }) => `${body}${id ?? ''}`),
    ['a', 'bi', 'c', 'd', 'e', 'f', 'g', 'hj'],
  )
  const good = world.consumer('good')
  world.run()
  t.strictSame(good.texts, [...letters, 'g', 'h'])
  t.match(
    good.blocks.flatMap(({ extras }) => extras),
    [{ id: 'i' }, { id: 'j' }],
  )
})

t.test('what becomes of damaged records', async (t) => {
  const damage = (prefix: string, at: number) => {
    const world = EngineWorld.withJobs()
    outdated(world)
    world.sendOf(young, ['s'], [{ index: 0, key: 'k', ttlMs: 1e6 }])
    world.sendOf(young, letters)
    world.run()
    const key = world.store.keys.filter((one) => one.startsWith(prefix)).at(-1) as string
    const store = world.store.crashed()
    store.damage(Buffer.from(key, 'hex'), at)
    const fresh = new EngineWorld(store, world.clock)
    fresh.declare('jobs')
    fresh.run()
    const good = fresh.consumer('good')
    fresh.run()
    const texted = [...good.texts].sort()
    ackAll(good)
    fresh.run()
    return { fresh, texted, good }
  }
  const all = [...letters, 's']
  const block = damage('0c', 3)
  t.strictSame(block.texted, all, 'which block it was is in the key')
  t.strictSame(left(block.fresh), [])
  const counts = damage('0d', 3)
  t.strictSame(counts.texted, all, 'all are made out again')
  t.strictSame(left(counts.fresh), [])
  const bodies = damage('03', -1)
  t.strictSame(bodies.texted, ['a', 'b', 'c', 'd', 'e', 's'])
  t.match(bodies.fresh.errors.at(-1), { code: 'RIVULET_STORE_CORRUPT' })
  t.strictSame(left(bodies.fresh), [])
  const head = damage('03', 3)
  t.strictSame(head.texted, ['s'])
  t.match(head.fresh.errors.at(-1), { code: 'RIVULET_STORE_CORRUPT', message: /6 messages/ })
  t.match(head.fresh.engine.counts('jobs'), { depth: 0, bytes: 0, dropped: { corrupt: 6 } })
})

t.test('dead letters that were sent to their queue are moved back out of blocks', async (t) => {
  const world = EngineWorld.withJobs()
  const digger = world.consumer('digger', 2, 'jobs.dead')
  world.send(letters, [], 'p', 'jobs.dead', young)
  world.run()
  refuses(digger, young)
  digger.attachment.grant(1)
  world.run()
  t.match(world.engine.counts('jobs.dead'), { unreadable: 6 })
  const moved: number[] = []
  world.engine.redrive('jobs', 9, (count) => moved.push(count))
  const good = world.consumer('good')
  world.run()
  t.strictSame(moved, [6])
  t.strictSame([...good.texts].sort(), letters)
  t.match(world.engine.counts('jobs.dead'), { depth: 0, bytes: 0 })
})
