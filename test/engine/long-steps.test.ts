/** Work that falls due all at once, of very many messages: it takes several writes, each of bounded work. */
import t from 'tap'
import type { MessageExtras, QueueSettings } from '../../src/engine/index.js'
import { writePieces } from '../../src/engine/transaction.js'
import { RivuletError } from '../../src/errors/index.js'
import { EngineWorld, schemaId } from './engine-world.js'

const many = writePieces + 1000
const texts = Array<string>(many).fill('x')

/** A world with many messages. */
function filled(own: Partial<MessageExtras> | undefined, settings: Partial<QueueSettings> = {}): EngineWorld {
  const world = EngineWorld.withJobs(settings)
  world.send(texts, own ? texts.map((_, index) => ({ index, ...own })) : [])
  world.run()
  world.outcomes.length = 0
  return world
}

/** Has many messages set aside, by a consumer that cannot read them. */
function setAside(world: EngineWorld): void {
  const consumer = world.consumer('c', 2 * many)
  consumer.attachment.cannotRead([schemaId])
  world.run()
}

/** Begins one write and lets it be safe. */
function writeOnce(world: EngineWorld): void {
  world.step()
  world.store.settle()
}

/** Makes room for all but one message with the next send; returns how many were left after one write. */
function overflow(world: EngineWorld, settings: Partial<QueueSettings> = {}): number {
  world.declare('jobs', { overflow: 'drop-oldest', maxLength: 1, ...settings })
  world.send(['last'])
  writeOnce(world)
  return world.engine.counts('jobs').depth
}

t.test('making room for a message', async (t) => {
  const cases: [string, () => EngineWorld, Partial<QueueSettings>?][] = [
    ['messages that are due', () => filled({ delayMs: 10_000 })],
    ['messages that are set aside one by one', () => filled({ ttlMs: 60_000 })],
    ['messages that wait for their key', () => filled({ key: 'k' }, { keyOrder: true }), { keyOrder: true }],
  ]
  for (const [name, open, settings] of cases) {
    const world = open()
    if (name.endsWith('due')) world.clock.advance(20_000)
    if (name.includes('aside')) setAside(world)
    if (name.endsWith('key')) world.consumer('c', many)
    world.run()
    const { reads } = world.store
    const depth = overflow(world, settings)
    t.ok(depth > 2 && depth <= many, `${name}: ${depth} of ${many} are left after one write`)
    t.strictSame(world.outcomes, [], 'it is not confirmed while there is too much')
    world.run()
    t.match(world.outcomes, [{ kind: 'stored', repeated: 0 }])
    const { depth: left, leased, dropped } = world.engine.counts('jobs')
    t.equal(left, Math.max(1, leased))
    t.strictSame(dropped, { overflow: many + 1 - left })
    const each = (world.store.reads - reads) / many
    t.ok(each < 8, `${name}: ${each.toFixed(1)} records were read for each`)
  }
})

t.test('making room, with blocks of one message in the log', async (t) => {
  const world = EngineWorld.withJobs()
  for (let count = 0; count < many; count++) world.send(['x'])
  writeOnce(world)
  const { stored } = world.engine.counts('jobs')
  t.ok(stored >= writePieces / 2 && stored < many, `${stored} of ${many} requests are done after one write`)
  world.run()
  t.equal(world.outcomes.length, many)
  world.outcomes.length = 0
  const depth = overflow(world)
  t.ok(depth > 1 && depth < many, `${depth} of ${many} are left after one write`)
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 1, dropped: { overflow: many } })
})

t.test('what is set aside as a whole goes as a whole, as far as it has to', async (t) => {
  const world = filled(undefined)
  setAside(world)
  let changes = 0
  world.store.onWrite = (all) => {
    changes += all.length
  }
  t.equal(overflow(world, { maxLength: 10 }), 10)
  t.ok(changes < 20, `${changes} changes`)
  t.strictSame(world.engine.counts('jobs').dropped, { overflow: many - 9 })
  world.declare('jobs', { overflow: 'drop-oldest', maxBytes: 8 })
  world.send(['last'])
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 2, bytes: 8 }, 'the bytes of the body count as well')
})

t.test('a send whose write that makes room fails: it is stored, and the next one makes room', async (t) => {
  const world = filled({ delayMs: 10_000 })
  overflow(world)
  world.step()
  world.store.fail(new RivuletError('RIVULET_STORE_FAILED', 'the test says so'))
  world.run()
  t.match(world.outcomes, [{ kind: 'stored', repeated: 0 }])
  t.ok(world.engine.counts('jobs').depth > 1)
  world.send(['more'])
  world.run()
  t.match(world.outcomes, [{ kind: 'stored' }, { kind: 'stored' }])
  t.equal(world.engine.counts('jobs').depth, 1)
})

t.test('dropping what is set aside one by one', async (t) => {
  for (const reason of ['purged', 'expired'] as const) {
    const world = filled({ ttlMs: 60_000 })
    setAside(world)
    if (reason === 'expired') world.clock.advance(70_000)
    else world.engine.purge('jobs', () => {})
    writeOnce(world)
    const { depth } = world.engine.counts('jobs')
    t.ok(depth > 0 && depth < many, `${reason}: ${depth} of ${many} are left after one write`)
    world.run()
    t.match(world.engine.counts('jobs'), { depth: 0, dropped: { [reason]: many } })
  }
})

t.test('what no consumer can read goes to the dead letters', async (t) => {
  const world = filled({ ttlMs: 60_000 }, { unreadable: 'dead-letter' })
  const { reads } = world.store
  const consumer = world.consumer('c', many)
  consumer.attachment.cannotRead([schemaId])
  let most = 0
  for (let before = 0, now = 0; now < many; before = now) {
    writeOnce(world)
    now = world.engine.counts('jobs').deadLettered
    most = Math.max(most, now - before)
  }
  t.ok(most < writePieces, `up to ${most} of ${many} by one write`)
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 0, deadLettered: many })
  const each = (world.store.reads - reads) / many
  t.ok(each < 8, `${each.toFixed(1)} records were read for each`)
})

t.test('dealing out messages that wait by themselves, and keyed ones, to one consumer', async (t) => {
  const cases: [Partial<MessageExtras>, Partial<QueueSettings>, number][] = [
    [{ delayMs: 1000 }, {}, many],
    [{ ttlMs: 60_000 }, {}, many],
    [{ key: 'k' }, { keyOrder: true }, 1],
  ]
  for (const [own, settings, leased] of cases) {
    const world = filled(own, settings)
    world.clock.advance(2000)
    let changes = 0
    world.store.onWrite = (all) => {
      changes ||= all.length
    }
    world.consumer('c', many)
    writeOnce(world)
    const name = JSON.stringify(own)
    t.ok(
      world.engine.counts('jobs').leased <= writePieces,
      `${name}: ${world.engine.counts('jobs').leased} are dealt out`,
    )
    t.ok(changes < writePieces + 10, `${name}: ${changes} changes by the first write`)
    world.run()
    t.match(world.engine.counts('jobs'), { leased, depth: many })
  }
})

t.test('queues in which very many messages are due take turns', async (t) => {
  const world = EngineWorld.withJobs()
  const queues = ['a', 'b', 'c']
  for (const queue of queues) {
    world.declare(queue)
    world.send(
      texts,
      texts.map((_, index) => ({ index, delayMs: 1000 })),
      queue,
      queue,
    )
  }
  world.run()
  world.clock.advance(2000)
  for (const queue of queues) world.consumer(queue, many, queue)
  const leased = () => queues.map((queue) => world.engine.counts(queue).leased)
  const totals: number[] = []
  for (let write = 0; write < 3; write++) {
    writeOnce(world)
    totals.push(leased().reduce((sum, one) => sum + one))
  }
  t.ok((totals[0] as number) > 0 && (totals[0] as number) <= writePieces, `${totals[0]} by the first write`)
  t.ok(
    leased().every((count) => count > 0),
    `${leased()} after three writes`,
  )
  world.run()
  t.strictSame(leased(), [many, many, many])
})
