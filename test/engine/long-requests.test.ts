/** Requests with very many messages that are looked at one by one: they take several writes, each of bounded work. */
import t from 'tap'
import type { MessageBlock, Settlement } from '../../src/engine/index.js'
import { writePieces } from '../../src/engine/transaction.js'
import { RivuletError } from '../../src/errors/index.js'
import { blockOf, EngineWorld, schemaText } from './engine-world.js'

const many = writePieces + 1000
const texts = Array<string>(many).fill('x')

/** A world with many messages under leases of one consumer, and a settlement for each message. */
function settling(kind: Settlement['kind']) {
  const world = EngineWorld.withJobs()
  world.send(texts)
  world.run()
  const consumer = world.consumer('c', many)
  world.run()
  const settlements = consumer.blocks.flatMap(({ lease, messages }) =>
    Array.from({ length: messages.count }, (_, index): Settlement => ({ lease, index, count: 1, kind, delayMs: 1000 })),
  )
  consumer.attachment.settle(settlements, (outcomes) => void consumer.outcomes.push(outcomes))
  return { world, consumer }
}

/** Begins one write and lets it be safe. */
function writeOnce(world: EngineWorld): void {
  world.step()
  world.store.settle()
}

t.test('settlements one by one', async (t) => {
  for (const kind of ['ack', 'nack'] as const) {
    const { world, consumer } = settling(kind)
    writeOnce(world)
    const left = world.engine.counts('jobs').leased
    t.ok(left >= many - writePieces && left < many, `${kind}: ${left} of ${many} are left after one write`)
    t.strictSame(consumer.outcomes, [], 'the request has no answer yet')
    world.run()
    t.equal(world.engine.counts('jobs').leased, 0)
    t.strictSame(consumer.outcomes, [Array(many).fill({ settled: 1, stale: 0 })])
  }
})

t.test('settlements of which a later write fails: those before it are stored, and told so', async (t) => {
  const { world, consumer } = settling('nack')
  writeOnce(world)
  const stored = many - world.engine.counts('jobs').leased
  const error = new RivuletError('RIVULET_STORE_FAILED', 'the test says so')
  world.step()
  world.store.fail(error)
  world.run()
  const refused = Array(many - stored).fill({ settled: 0, stale: 0, error })
  t.strictSame(consumer.outcomes, [[...Array(stored).fill({ settled: 1, stale: 0 }), ...refused]])
  t.match(world.engine.counts('jobs'), { leased: many - stored, nacked: stored })
})

t.test('a full store: what could not be written is tried once more from where it stopped', async (t) => {
  const { world, consumer } = settling('nack')
  writeOnce(world)
  world.step()
  world.store.fail(new RivuletError('RIVULET_STORE_FULL', 'the test says so'))
  world.run()
  t.strictSame(consumer.outcomes, [Array(many).fill({ settled: 1, stale: 0 })])
  t.match(world.engine.counts('jobs'), { leased: 0, nacked: many })
})

t.test('the leases of a consumer that does not come back, and of one that is purged', async (t) => {
  const { world, consumer } = settling('release')
  world.run()
  const other = world.consumer('other', many)
  world.run()
  t.equal(other.texts.length, many)
  other.attachment.abandon()
  consumer.attachment.detach()
  writeOnce(world)
  const { leased } = world.engine.counts('jobs')
  t.ok(leased > 0 && leased < many, `${leased} of ${many} are under leases after one write`)
  world.run()
  t.match(world.engine.counts('jobs'), { leased: 0, ready: many })
})

t.test('a purge of messages that wait by themselves, and their expiry', async (t) => {
  for (const one of [{ delayMs: 10_000 }, { delayMs: 10_000, ttlMs: 500 }]) {
    const world = EngineWorld.withJobs()
    const extras = texts.map((_, index) => ({ index, ...one }))
    world.send(texts, extras)
    world.run()
    const purged: number[] = []
    if ('ttlMs' in one) world.clock.advance(1000)
    else world.engine.purge('jobs', (count) => void purged.push(count))
    writeOnce(world)
    const { depth } = world.engine.counts('jobs')
    t.ok(depth >= many - writePieces && depth < many, `${depth} of ${many} are left after one write`)
    world.run()
    t.equal(world.engine.counts('jobs').depth, 0)
    t.strictSame(purged, 'ttlMs' in one ? [] : [many])
  }
})

t.test('a purge of messages that wait for their key', async (t) => {
  const world = EngineWorld.withJobs({ keyOrder: true })
  const extras = texts.map((_, index) => ({ index, key: 'k' }))
  world.send(texts, extras)
  world.run()
  world.consumer('c', many)
  world.run()
  world.engine.purge('jobs', () => {})
  writeOnce(world)
  const { depth } = world.engine.counts('jobs')
  t.ok(depth > 1, `${depth} of ${many} are left after one write`)
  world.run()
  t.equal(world.engine.counts('jobs').depth, 1, 'one is under a lease')
})

/** A block that counts how often a length is read. */
function countingReads(block: MessageBlock): { readonly block: MessageBlock; readonly reads: () => number } {
  let reads = 0
  const lengths = new Proxy(block.lengths, {
    get(target, name, receiver) {
      if (typeof name === 'string' && name !== 'length') reads += 1
      return Reflect.get(target, name, receiver)
    },
  })
  return { block: { ...block, lengths }, reads: () => reads }
}

t.test('storing messages with something of their own costs as much for each as for one', async (t) => {
  const own = [{ delayMs: 1000 }, { id: '' }, { ttlMs: 1000 }, { key: 'k' }]
  for (const one of own) {
    const world = EngineWorld.withJobs()
    const extras = texts.slice(0, 2000).map((_, index) => ({ index, ...one, ...('id' in one && { id: `id${index}` }) }))
    const { block, reads } = countingReads(blockOf(texts.slice(0, 2000), extras))
    world.engine.send('jobs', 'p', 1, block, schemaText, (outcome) => void world.outcomes.push(outcome))
    world.run()
    t.match(world.outcomes, [{ kind: 'stored', duplicates: [] }])
    t.ok(reads() < 10 * 2000, `${JSON.stringify(one)}: ${reads()} looks at lengths`)
  }
})
