/** The counts of what is ready and what is delayed, however many there are and whatever is in memory of them. */
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { EngineWorld } from './engine-world.js'

const many = 3000

/** A world in which many messages are delayed by 10 ms, and one by a second. */
function delayedWorld(): EngineWorld {
  const world = EngineWorld.withJobs()
  const extras = Array.from({ length: many }, (_, index) => ({ index, delayMs: 10 }))
  world.send(
    extras.map(({ index }) => `m${index}`),
    extras,
  )
  world.send(['late'], [{ index: 0, delayMs: 1000 }])
  world.run()
  return world
}

t.test('messages that are due count as ready, though nobody takes them', async (t) => {
  const world = delayedWorld()
  t.match(world.engine.counts('jobs'), { depth: many + 1, ready: 0, delayed: many + 1 })
  world.pass(10)
  t.match(world.engine.counts('jobs'), { ready: many, delayed: 1 })
  world.clock.advance(1000)
  t.match(world.engine.counts('jobs'), { ready: many + 1, delayed: 0 }, 'with time alone, too')
  t.equal(world.engine.peek('jobs', 10_000).filter(({ state }) => state === 'ready').length, many + 1)
})

t.test('they stay so after a restart, after a write that failed, and when they are taken', async (t) => {
  const before = delayedWorld()
  before.pass(10)
  const world = before.reopened()
  t.match(world.engine.counts('jobs'), { ready: many, delayed: 1 }, 'after a restart')
  world.send(['x'])
  world.step()
  t.match(world.engine.counts('jobs'), { ready: many + 1, delayed: 1 }, 'while a write is under way')
  world.store.fail(new RivuletError('RIVULET_STORE_FAILED', 'the test says so'))
  world.run()
  t.match(world.engine.counts('jobs'), { ready: many, delayed: 1 }, 'after it has failed')
  world.pass(1000)
  const consumer = world.consumer('c', 1500)
  world.run()
  t.match(world.engine.counts('jobs'), { leased: 1500, ready: many - 1500 + 1, delayed: 0 })
  consumer.settle({ kind: 'nack', delayMs: 50 })
  world.run()
  const { leased, ready, delayed } = world.engine.counts('jobs')
  t.match({ leased: leased + delayed, ready }, { leased: 1500, ready: many - 1500 + 1 })
  consumer.attachment.grant(10_000)
  world.pass(50)
  t.match(world.engine.counts('jobs'), { leased: many + 1, ready: 0, delayed: 0, depth: many + 1 })
})

t.test('what cannot be read is counted when it can, and the counts are there meanwhile', async (t) => {
  const before = delayedWorld()
  const world = before.reopened()
  world.clock.advance(10)
  world.store.isBroken = true
  t.match(world.engine.counts('jobs'), { depth: many + 1 })
  t.match(world.errors, [{ code: 'RIVULET_STORE_FAILED' }])
  world.store.isBroken = false
  t.match(world.engine.counts('jobs'), { ready: many, delayed: 1 })
})
