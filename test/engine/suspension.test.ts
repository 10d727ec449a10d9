/** Consumers that cannot be reached: what is dealt meanwhile, what is being stored for them, and what they hold. */
import t from 'tap'
import { EngineWorld } from './engine-world.js'

t.test('a consumer that cannot be reached is dealt nothing, and its share goes to others', async (t) => {
  const world = EngineWorld.withJobs()
  const dead = world.consumer('dead', 64)
  const living = world.consumer('living', 64)
  world.run()
  dead.attachment.suspend([])
  t.match(world.engine.counts('jobs'), { consumers: 1 })
  world.send(['a', 'b', 'c', 'd'])
  world.run()
  t.strictSame([dead.texts, living.texts], [[], ['a', 'b', 'c', 'd']])
  dead.attachment.grant(1)
  living.attachment.suspend([])
  world.send(['e'])
  world.run()
  t.match(world.engine.counts('jobs'), { ready: 1, consumers: 0 })
  dead.attachment.resume()
  world.run()
  t.strictSame(dead.texts, ['e'])
})

t.test(
  'what is being stored for a consumer that is lost meanwhile goes to others, as if it had not been',
  async (t) => {
    const world = EngineWorld.withJobs({ maxAttempts: 1 })
    const dead = world.consumer('dead', 2)
    world.send(['a', 'b'])
    world.step()
    dead.attachment.suspend([])
    world.run()
    t.match(world.engine.counts('jobs'), { ready: 2, leased: 0, delivered: 0 })
    dead.attachment.resume()
    world.run()
    t.strictSame(dead.texts, ['a', 'b'], 'what was granted is not used up')
    t.match(world.engine.counts('jobs'), { delivered: 2 })
  },
)

t.test('what comes back before it is stored is delivered once', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer('c', 2)
  world.send(['a', 'b'])
  world.step()
  consumer.attachment.suspend([])
  consumer.attachment.resume()
  world.run()
  t.strictSame(consumer.texts, ['a', 'b'])
  t.match(world.engine.counts('jobs'), { leased: 2, delivered: 2 })
})

t.test('what comes back before it is stored, and then leaves, keeps what it was delivered', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer('c', 2)
  world.send(['a', 'b'])
  world.step()
  consumer.attachment.suspend([])
  consumer.attachment.resume()
  world.store.settle()
  t.strictSame(consumer.texts, ['a', 'b'])
  consumer.attachment.detach()
  const other = world.consumer('other')
  world.run()
  t.strictSame(other.texts, [], 'since its lease runs on')
  const again = world.consumer('c', 0)
  t.strictSame(again.attachment.adopt([consumer.leaseOf()]), [])
  world.run()
  t.match(world.engine.counts('jobs'), { leased: 2, delivered: 2 })
})

t.test('what was delivered and has not left is taken back', async (t) => {
  const world = EngineWorld.withJobs({ maxAttempts: 1 })
  const dead = world.consumer('dead', 2)
  world.send(['a', 'b', 'c'])
  world.run()
  const other = world.consumer('other', 0)
  other.attachment.suspend([dead.leaseOf()])
  t.match(world.engine.counts('jobs'), { leased: 2 }, 'by its owner alone')
  dead.attachment.suspend([dead.leaseOf(), 99])
  other.attachment.resume()
  other.attachment.grant(9)
  world.run()
  t.strictSame(other.texts, ['a', 'b', 'c'])
  t.match(world.engine.counts('jobs'), { delivered: 3 })
})

t.test('what a consumer holds that does not come back goes to others at once, as a failed attempt', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 1000 })
  const dead = world.consumer('dead', 2)
  world.send(['a', 'b', 'c'])
  world.run()
  dead.settle({ kind: 'ack', count: 1 })
  dead.attachment.abandon()
  dead.attachment.abandon()
  const living = world.consumer('living')
  world.run()
  t.strictSame(living.texts.sort(), ['b', 'c'])
  t.match(world.engine.counts('jobs'), { acked: 1, leasesLost: 1, consumers: 1 })
  t.match(
    living.blocks.flatMap(({ extras }) => extras),
    [{ attempt: 2 }],
  )
})

t.test('what another attachment of the consumer has taken over stays there', async (t) => {
  const world = EngineWorld.withJobs({ leaseMs: 1000 })
  const before = world.consumer('c', 2)
  world.send(['a', 'b'])
  world.run()
  before.attachment.detach()
  const after = world.consumer('c', 0)
  t.strictSame(after.attachment.adopt([before.leaseOf()]), [])
  before.attachment.abandon()
  world.run()
  t.match(world.engine.counts('jobs'), { leased: 2, leasesLost: 0 })
})
