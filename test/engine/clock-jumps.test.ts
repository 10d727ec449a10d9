/** The wall clock is set while an engine runs, or while it is away: what lasts for a time lasts as long as was said. */
import t from 'tap'
import { defaults } from '../../src/options/index.js'
import { EngineWorld } from './engine-world.js'

const hourMs = 3_600_000

/** By how much an operator sets the clock. */
const jumps = [-hourMs, hourMs] as const

for (const jumpMs of jumps) {
  const how = jumpMs < 0 ? 'back' : 'forward'

  t.test(`a delay lasts as long as was said where the clock is set ${how}`, async (t) => {
    const world = EngineWorld.withJobs()
    const consumer = world.consumer()
    world.send(['late'], [{ index: 0, delayMs: 1000 }])
    world.run()
    world.clock.jumpWall(jumpMs)
    world.send(['now'])
    world.pass(999)
    t.strictSame(consumer.texts, ['now'])
    t.match(world.engine.peek('jobs', 9), [{ state: 'delayed' }, { state: 'leased' }])
    world.pass(1)
    t.strictSame(consumer.texts, ['now', 'late'])
  })

  t.test(`the wait after a failure lasts as long as was said where the clock is set ${how}`, async (t) => {
    const world = EngineWorld.withJobs({ backoff: { initialMs: 1000, factor: 1, maxMs: 1000 } })
    const consumer = world.consumer()
    world.send(['a', 'b'])
    world.run()
    consumer.settle({ kind: 'nack', index: 0, count: 1 })
    consumer.settle({ kind: 'nack', index: 1, count: 1, delayMs: 2000 })
    world.run()
    world.clock.jumpWall(jumpMs)
    world.pass(999)
    t.strictSame(consumer.texts, ['a', 'b'])
    world.pass(1)
    t.strictSame(consumer.texts.slice(2), ['a'])
    world.pass(1000)
    t.strictSame(consumer.texts.slice(3), ['b'])
  })

  t.test(`messages live as long as was said where the clock is set ${how}`, async (t) => {
    const world = EngineWorld.withJobs({ maxAgeMs: 2000 })
    world.send(
      ['short', 'long', 'old'],
      [
        { index: 0, ttlMs: 1000 },
        { index: 1, ttlMs: 60_000 },
      ],
    )
    world.run()
    world.clock.jumpWall(jumpMs)
    world.pass(999)
    t.match(world.engine.counts('jobs'), { depth: 3, oldestMs: 999, dropped: { expired: undefined } })
    world.pass(1)
    t.match(world.engine.counts('jobs'), { depth: 2, dropped: { expired: 1 } }, 'its time to live is over')
    world.pass(999)
    t.match(world.engine.counts('jobs'), { depth: 2 })
    world.pass(1)
    t.match(world.engine.counts('jobs'), { depth: 0, dropped: { expired: 3 } }, 'they are too old')
  })

  t.test(`ids and producers are remembered as long as was said where the clock is set ${how}`, async (t) => {
    const world = EngineWorld.withJobs({ dedupeMs: 600_000 })
    const sendAgain = (id: string) => {
      world.send(['x'], [{ index: 0, id }])
      world.run()
      return world.outcomes.at(-1)?.duplicates.length === 1
    }
    world.sendAt(1, ['once'], [], 'q')
    t.notOk(sendAgain('i'))
    world.clock.jumpWall(24 * jumpMs)
    world.pass(599_999)
    t.ok(sendAgain('i'), 'within the window')
    world.pass(1)
    t.notOk(sendAgain('i'), 'beyond it')
    t.match(world.engine.counts('jobs'), { stored: 3 })
    world.pass(defaults.producerMemoryMs - 1_200_000)
    world.sendAt(1, ['once'], [], 'q')
    world.run()
    t.match(world.outcomes.at(-1), { kind: 'stored', repeated: 1 })
  })
}

t.test('what was stored has the time of the host as it was opened', async (t) => {
  const world = EngineWorld.withJobs()
  const before = world.clock.wallNow()
  world.clock.jumpWall(hourMs)
  world.pass(500)
  const consumer = world.consumer()
  world.send(['a'])
  world.run()
  t.strictSame(consumer.blocks[0]?.times, [before + 500])
})

t.test('while a host is away, time passes by the wall clock', async (t) => {
  const world = EngineWorld.withJobs()
  world.send(
    ['late', 'short'],
    [
      { index: 0, delayMs: hourMs + 1 },
      { index: 1, ttlMs: hourMs },
    ],
  )
  world.run()
  world.clock.jumpWall(hourMs)
  const again = world.reopened(0, {})
  const consumer = again.consumer()
  again.run()
  t.match(again.engine.counts('jobs'), { dropped: { expired: 1 } })
  t.strictSame(consumer.texts, [])
  again.pass(1)
  t.strictSame(consumer.texts, ['late'])
})

t.test('where the clock was set back while a host was away, no time has passed since its last write', async (t) => {
  const world = EngineWorld.withJobs({ dedupeMs: 1000 })
  world.send(
    ['late', 'short', 'named'],
    [
      { index: 0, delayMs: 2000 },
      { index: 1, ttlMs: 2000 },
      { index: 2, id: 'i' },
    ],
  )
  world.run()
  world.pass(700)
  world.send(['last'])
  world.run()
  world.pass(500)
  world.clock.jumpWall(-hourMs)
  const again = world.reopened(0, { dedupeMs: 1000 })
  const isKnown = () => {
    again.send(['named'], [{ index: 0, id: 'i' }])
    again.run()
    return again.outcomes.at(-1)?.duplicates.length === 1
  }
  again.pass(299)
  t.ok(isKnown())
  again.pass(1)
  t.notOk(isKnown())
  again.pass(999)
  t.match(again.engine.counts('jobs'), { dropped: { expired: undefined }, ready: 4, delayed: 1 })
  again.pass(1)
  t.match(again.engine.counts('jobs'), { dropped: { expired: 1 }, ready: 4, delayed: 0 })
  const consumer = again.consumer()
  again.run()
  t.strictSame(consumer.texts, ['late', 'named', 'last', 'named'])
})
