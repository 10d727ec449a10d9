/** Asks: each has one outcome, whatever becomes of the peer, its answer, and the links between. */
import { of } from 'rxjs'
import t from 'tap'
import { type Ask, defineAsk, isAskError } from '../../patterns/messaging/define-ask.js'
import { defineSchema } from '../../src/avro/index.js'
import { nameLost } from './asking.js'
import { double, held, look, pair } from './asking-peers.js'

t.test('a value, a promise, the first value of an observable, and an error that is declared', async (t) => {
  const { world, planner, worker } = pair()
  planner.answer(double, ({ n }) => {
    if (n === 1) return n * 2
    if (n === 2) return Promise.resolve(n * 2)
    if (n === 3) throw double.error('Odd', { n })
    if (n === 4) throw new Error('a bug')
    return of(n * 2, 0)
  })
  const asked = [1, 2, 3, 4, 5].map((n) => worker.ask('planner', double, { n }))
  await world.settle()
  t.match(
    asked.map(({ outcomes }) => outcomes),
    [[2], [4], [{ errorName: 'Odd', value: { n: 3 } }], [{ code: 'RIVULET_INTERNAL', executed: 'maybe' }], [10]],
  )
  t.ok(isAskError(double, asked[2]?.outcomes[0], 'Odd'))
  t.notOk(isAskError(double, asked[3]?.outcomes[0]))
  t.strictSame(worker.asking.stats(), { started: 5, succeeded: 3, failed: 2, open: 0 })
  t.strictSame([worker.node.leftovers, planner.node.leftovers], [{}, {}])
})

t.test('both sides ask each other over one link, and others ask too', async (t) => {
  const { world, planner, worker } = pair()
  const second = world.peer('second', worker.node)
  for (const peer of [planner, worker, second]) peer.answer(double, ({ n }) => n * 2)
  const asked = [
    worker.ask('planner', double, { n: 1 }),
    planner.ask('worker', double, { n: 2 }),
    planner.ask('second', double, { n: 3 }),
    second.ask('planner', double, { n: 4 }),
    second.ask('worker', double, { n: 5 }),
    worker.ask('worker', double, { n: 6 }),
  ]
  await world.settle()
  t.strictSame(
    asked.map(({ outcomes }) => outcomes[0]),
    [2, 4, 6, 8, 10, 12],
  )
})

t.test('the ways to peers that are asked again are looked for when something has changed, and only then', async (t) => {
  const { world, planner, worker } = pair()
  const second = world.peer('second', planner.node)
  const triple = defineAsk('triple', defineSchema('int'), defineSchema('int'))
  for (const peer of [planner, second]) {
    peer.answer(double, ({ n }) => n * 2)
    peer.answer(triple, (n) => n * 3)
  }
  let searches = 0
  const { presentFor } = world
  world.presentFor = (node, name) => {
    if (node === worker.node) searches += 1
    return presentFor.call(world, node, name)
  }
  const ask = async () => {
    searches = 0
    const doubles = ['planner', 'second', 'planner'].map((to) => worker.ask(to, double, { n: 2 }))
    await world.settle()
    const triples = ['second', 'planner', 'second'].map((to) => worker.ask(to, triple, 2))
    await world.settle()
    t.strictSame(
      [...doubles, ...triples].map(({ outcomes }) => outcomes[0]),
      [4, 4, 4, 6, 6, 6],
    )
    return searches
  }
  t.equal(await ask(), 4, 'each pair of a peer and an ask is new')
  t.equal(await ask(), 0, 'and known from then on, whichever was asked last')
  searches = 0
  const again = ['second', 'planner', 'second'].map((to) => worker.ask(to, triple, 3))
  await world.settle()
  t.strictSame([again.map(({ outcomes }) => outcomes[0]), searches], [[9, 9, 9], 0])
  worker.node.asks.changedAll()
  const changed = ['planner', 'planner', 'second'].map((to) => worker.ask(to, triple, 4))
  await world.settle()
  t.strictSame([changed.map(({ outcomes }) => outcomes[0]), searches], [[12, 12, 12], 2])
})

t.test('the context says who asks, and carries deadline, headers and cancellation', async (t) => {
  const { world, planner, worker } = pair()
  const { queries } = held(planner)
  const controller = new AbortController()
  const first = worker.ask('planner', double, { n: 1 }, { headers: { trace: 'x' }, timeoutMs: 500 })
  const second = worker.ask('planner', double, { n: 2 }, { signal: controller.signal })
  await world.settle()
  const [one, two] = queries
  t.strictSame(one?.context.from, { name: 'worker', incarnation: worker.incarnation, identity: undefined })
  t.strictSame({ ...one?.context.headers }, { trace: 'x' }, 'and no header of the library')
  t.match([one?.context.service, one?.context.method, one?.context.remainingMs], ['double', 'ask', 500])
  controller.abort('enough')
  await world.settle()
  t.match(second.outcomes, [{ code: 'RIVULET_CANCELLED', cause: 'enough', executed: 'maybe' }])
  t.match([two?.context.signal.aborted, one?.context.signal.aborted], [true, false])
  world.clock.advance(500)
  await world.settle()
  t.match(first.outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'maybe' }])
  t.equal(one?.context.signal.aborted, true)
  t.strictSame(worker.node.leftovers, {})
})

t.test('an ask that is made for another one inherits its deadline, and is cancelled with it', async (t) => {
  const { world, planner, worker } = pair()
  const storage = world.peer('storage', worker.node)
  const { queries } = held(storage)
  planner.answer(look, ({ n }, context) => planner.ask('storage', double, { n }, { context }).promise)
  const controller = new AbortController()
  const asked = worker.ask('planner', look, { n: 1 }, { timeoutMs: 700, signal: controller.signal })
  await world.settle()
  t.equal(queries[0]?.context.remainingMs, 700)
  controller.abort()
  await world.settle()
  t.match(asked.outcomes, [{ code: 'RIVULET_CANCELLED' }])
  t.equal(queries[0]?.context.signal.aborted, true)
})

t.test('an absent peer is waited for until the deadline, or fails at once', async (t) => {
  const { world, worker } = pair()
  const [waits, late, hurried] = [
    worker.ask('later', double, { n: 1 }),
    worker.ask('later', double, { n: 2 }, { timeoutMs: 100 }),
    worker.ask('later', double, { n: 3 }, { waitForReady: false }),
  ]
  const controller = new AbortController()
  const cancelled = worker.ask('later', double, { n: 4 }, { signal: controller.signal })
  const aborted = worker.ask('later', double, { n: 4 }, { signal: AbortSignal.abort('no') })
  await world.settle()
  t.match(hurried.outcomes, [{ code: 'RIVULET_UNKNOWN_PEER', executed: 'no' }])
  t.match(aborted.outcomes, [{ code: 'RIVULET_CANCELLED', executed: 'no', cause: 'no' }])
  controller.abort('over')
  world.clock.advance(100)
  await world.settle()
  t.match(cancelled.outcomes, [{ code: 'RIVULET_CANCELLED', executed: 'no', cause: 'over' }])
  t.match(late.outcomes, [{ code: 'RIVULET_UNKNOWN_PEER', executed: 'no', message: /before the deadline/ }])
  t.strictSame([waits.outcomes, worker.node.asks.waiting], [[], 1])
  const later = world.peer('later')
  later.answer(double, ({ n }) => n * 2)
  world.link(later.node, worker.node)
  await world.settle()
  t.strictSame(waits.outcomes, [2])
  world.clock.advance(1e6)
  t.equal(world.clock.timers, 0)
  t.strictSame(worker.node.leftovers, {})
})

t.test('a peer that is present and does not answer the ask', async (t) => {
  const { world, worker, planner } = pair()
  world.clock.advance(1000)
  const asked = worker.ask('planner', double, { n: 1 })
  await world.settle()
  t.match(asked.outcomes, [{ code: 'RIVULET_UNIMPLEMENTED', executed: 'no', message: /'planner' does not answer/ }])
  planner.answer(double, ({ n }) => n)
  const again = worker.ask('planner', double, { n: 1 })
  await world.settle()
  t.strictSame(again.outcomes, [1])
})

t.test('a peer that has just joined may take a moment to say what it answers', async (t) => {
  const { world, worker, planner } = pair()
  const [waits, hurried] = [
    worker.ask('planner', double, { n: 1 }),
    worker.ask('planner', double, { n: 1 }, { waitForReady: false }),
  ]
  const late = worker.ask('planner', look, { n: 1 })
  const early = worker.ask('planner', look, { n: 1 }, { timeoutMs: 10 })
  world.clock.advance(900)
  planner.answer(double, ({ n }) => n)
  await world.settle()
  t.match([waits.outcomes, hurried.outcomes], [[1], [{ code: 'RIVULET_UNIMPLEMENTED', executed: 'no' }]])
  t.match([late.outcomes, early.outcomes], [[], [{ code: 'RIVULET_UNIMPLEMENTED', executed: 'no' }]])
  world.clock.advance(100)
  await world.settle()
  t.match(late.outcomes, [{ code: 'RIVULET_UNIMPLEMENTED', executed: 'no' }])
  t.strictSame(worker.node.leftovers, {})
})

t.test('no ask leaves over a session that has not accepted its peer', async (t) => {
  const { world, worker, planner, link } = pair()
  planner.answer(double, ({ n }) => n)
  worker.node.unaccepted.add(link.id)
  const waits = worker.ask('planner', double, { n: 1 })
  const hurried = worker.ask('planner', double, { n: 1 }, { waitForReady: false })
  const late = worker.ask('planner', double, { n: 1 }, { timeoutMs: 10 })
  await world.settle()
  world.clock.advance(10)
  await world.settle()
  t.match(hurried.outcomes, [{ code: 'RIVULET_UNAVAILABLE', executed: 'no' }])
  t.match(late.outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'no' }])
  worker.node.unaccepted.clear()
  worker.node.asks.changedAll()
  await world.settle()
  t.strictSame(waits.outcomes, [1])
})

t.test('a peer that has lost its name asks nothing', async (t) => {
  const { world, worker, planner } = pair()
  planner.answer(double, ({ n }) => n)
  worker.problem = nameLost()
  const asked = worker.ask('planner', double, { n: 1 })
  await world.settle()
  t.match(asked.outcomes, [{ code: 'RIVULET_NAME_TAKEN', executed: 'no' }])

  worker.problem = undefined
  worker.node.asks.changedAll()
  const again = worker.ask('planner', double, { n: 2 })
  await world.settle()
  worker.problem = nameLost()
  worker.node.asks.changedAll()
  const last = worker.ask('planner', double, { n: 3 })
  await world.settle()
  t.match([again, last], [{ outcomes: [2] }, { outcomes: [{ code: 'RIVULET_NAME_TAKEN', executed: 'no' }] }])
})

t.test('one answer of an ask name and peer, until it is closed', async (t) => {
  const { world, worker, planner } = pair()
  const first = planner.answer(double, () => 1)
  t.throws(() => planner.answer(double, () => 2), {
    code: 'RIVULET_INVALID_OPTION',
    message: /close the other answer first/,
  })
  t.throws(() => planner.answer(double, 5 as never), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => planner.answer({} as Ask, () => 5), { code: 'RIVULET_INVALID_OPTION' })
  const before = worker.ask('planner', double, { n: 1 })
  await world.settle()
  await first.close()
  t.ok(first.closed)
  world.clock.advance(1000)
  const between = worker.ask('planner', double, { n: 1 })
  planner.answer(double, () => 2)
  const after = worker.ask('planner', double, { n: 1 })
  await world.settle()
  t.match([before.outcomes, between.outcomes, after.outcomes], [[1], [{ code: 'RIVULET_UNIMPLEMENTED' }], [2]])
})

t.test('closing an answer waits for its queries, and stops them when it has waited for long enough', async (t) => {
  const { world, worker, planner } = pair()
  const { queries, answering } = held(planner)
  const [one, two] = [worker.ask('planner', double, { n: 1 }), worker.ask('planner', double, { n: 2 })]
  await world.settle()
  let closed = false
  const closing = answering.close({ timeoutMs: 50 }).then(() => {
    closed = true
  })
  await world.settle()
  t.equal(queries[0]?.context.draining.aborted, true)
  queries[0]?.answer(5)
  await world.settle()
  t.strictSame([one.outcomes, two.outcomes, closed], [[5], [], false])
  world.clock.advance(50)
  await closing
  await world.settle()
  t.match(two.outcomes, [{ code: 'RIVULET_SERVER_CLOSING', executed: 'maybe' }])
  await answering.close()
  t.strictSame(planner.node.leftovers, {})
})

t.test('an ask in transit to an answer that is closed goes to its successor', async (t) => {
  const { world, worker, planner } = pair()
  const first = planner.answer(double, () => 1)
  const warm = worker.ask('planner', double, { n: 1 })
  await world.settle()
  const asked = worker.ask('planner', double, { n: 1 })
  void first.close()
  planner.answer(double, () => 2)
  await world.settle()
  t.strictSame([warm.outcomes, asked.outcomes], [[1], [2]])
})
