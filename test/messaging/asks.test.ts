/** Asks: each has one outcome, whatever becomes of the peer, its answer, and the links between. */
import { of } from 'rxjs'
import t from 'tap'
import type { AskContext } from '../../patterns/messaging/answers.js'
import { type Ask, defineAsk, isAskError } from '../../patterns/messaging/define-ask.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { nameLost, type TestPeer, World } from './asking.js'

const Query = defineSchema(record('Query', { n: 'long' }))
const Odd = defineSchema(record('Odd', { n: 'long' }))
const double = defineAsk('double', Query, defineSchema('long'), { errors: [Odd] })
const look = defineAsk('look', Query, defineSchema('long'), { idempotent: true })

/** Two peers on nodes of their own, with a link. */
function pair() {
  const world = new World()
  const [planner, worker] = [world.peer('planner'), world.peer('worker')]
  const link = world.link(worker.node, planner.node)
  return { world, planner, worker, link }
}

/** An answer that waits to be given. */
function held(peer: TestPeer, ask: typeof double | typeof look = double) {
  const queries: { n: number; context: AskContext; answer(value: number): void }[] = []
  const answering = peer.answer(ask, ({ n }, context) => {
    return new Promise<number>((answer) => queries.push({ n, context, answer }))
  })
  return { queries, answering }
}

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

t.test('when its peer leaves: what had left may have been answered, what had not waits for a successor', async (t) => {
  const { world, worker, planner, link } = pair()
  held(planner)
  held(planner, look)
  const [left, repeated] = [worker.ask('planner', double, { n: 1 }), worker.ask('planner', look, { n: 1 })]
  await world.settle()
  link.pair.dialer.blocked = true
  const [unsent, hurried] = [
    worker.ask('planner', double, { n: 2 }),
    worker.ask('planner', double, { n: 3 }, { waitForReady: false }),
  ]
  planner.leave()
  await world.settle()
  t.match(left.outcomes, [{ code: 'RIVULET_PEER_GONE', executed: 'maybe' }])
  t.match(hurried.outcomes, [{ code: 'RIVULET_PEER_GONE', executed: 'no' }])
  t.strictSame([unsent.outcomes, repeated.outcomes, worker.node.asks.waiting], [[], [], 2])
  link.pair.dialer.blocked = false
  const successor = world.peer('planner', planner.node)
  successor.answer(double, ({ n }) => n * 2)
  successor.answer(look, ({ n }) => n)
  await world.settle()
  t.strictSame([unsent.outcomes, repeated.outcomes], [[4], [1]])
  t.strictSame(worker.node.leftovers, {})
})

t.test('when a session ends and its peer with it', async (t) => {
  const { world, worker, planner, link } = pair()
  held(planner)
  held(planner, look)
  const [left, repeated] = [
    worker.ask('planner', double, { n: 1 }),
    worker.ask('planner', look, { n: 1 }, { timeoutMs: 90 }),
  ]
  await world.settle()
  link.end()
  await world.settle()
  t.match(left.outcomes, [{ code: 'RIVULET_PEER_GONE', executed: 'maybe', cause: { code: 'RIVULET_UNKNOWN_OUTCOME' } }])
  world.clock.advance(90)
  await world.settle()
  t.match(repeated.outcomes, [{ code: 'RIVULET_PEER_GONE', executed: 'maybe' }])
  t.strictSame(worker.node.leftovers, {})
})

t.test(
  'an ask that had not left goes over the next link of the same peer, and one that had is not repeated',
  async (t) => {
    const { world, worker, planner, link } = pair()
    const { queries } = held(planner)
    const { queries: looks } = held(planner, look)
    const [left, repeated] = [worker.ask('planner', double, { n: 1 }), worker.ask('planner', look, { n: 2 })]
    await world.settle()
    link.pair.dialer.blocked = true
    const unsent = worker.ask('planner', double, { n: 3 })
    const other = world.link(planner.node, worker.node)
    link.end()
    await world.settle()
    t.match(left.outcomes, [{ code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe' }], 'its peer is still there')
    t.strictSame(
      [queries.map(({ n }) => n), looks.map(({ n }) => n)],
      [
        [1, 3],
        [2, 2],
      ],
    )
    t.equal(queries[1]?.context.peer.id, other.id)
    queries[1]?.answer(6)
    looks[1]?.answer(2)
    await world.settle()
    t.strictSame([unsent.outcomes, repeated.outcomes], [[6], [2]])
  },
)

t.test('while a link is cut, asks wait for it, or leave over another one', async (t) => {
  const { world, worker, planner, link } = pair()
  planner.answer(double, ({ n }) => n)
  const warm = worker.ask('planner', double, { n: 1 })
  await world.settle()
  link.cut()
  const asked = worker.ask('planner', double, { n: 2 })
  await world.settle()
  t.strictSame([warm.outcomes, asked.outcomes], [[1], []])
  world.link(planner.node, worker.node)
  await world.settle()
  t.strictSame(asked.outcomes, [2])
  link.resume()
  await world.settle()
  t.strictSame(worker.node.leftovers, {})
})

t.test('the header that names the asker is checked against the peers of that link', async (t) => {
  const { world, planner, worker } = pair()
  let answered = 0
  planner.answer(double, () => ++answered)
  const third = world.peer('third')
  world.link(third.node, planner.node)
  const mallory = world.peer('mallory', worker.node)
  const forged = [third.incarnation, planner.incarnation, 'f'.repeat(32), '']
  const impostors = forged.map((incarnation) => mallory.as(incarnation))
  const asked = impostors.map((impostor) => impostor.ask('planner', double, { n: 1 }))
  await world.settle()
  for (const { outcomes } of asked) t.match(outcomes, [{ code: 'RIVULET_INVALID_REQUEST', executed: 'no' }])
  t.equal(answered, 0)
  const honest = mallory.ask('planner', double, { n: 1 }, { headers: { 'rivulet-from': third.incarnation } })
  await world.settle()
  t.strictSame(honest.outcomes, [1], 'and no option replaces it')
})

t.test('a policy is asked for the name of the peer, before the query is read', async (t) => {
  const world = new World()
  const asked: string[] = []
  const permits = (_peer: unknown, action: string, target: string) => {
    asked.push(`${action} ${target}`)
    return target === 'open'
  }
  const node = world.node({ permits, allows: permits })
  const [open, shut, worker] = [world.peer('open', node), world.peer('shut', node), world.peer('worker')]
  world.link(worker.node, node)
  let answered = 0
  for (const peer of [open, shut]) peer.answer(double, () => ++answered)
  const outcomes = ['open', 'shut'].map((to) => worker.ask(to, double, { n: 1 }).outcomes)
  await world.settle()
  t.match(outcomes, [[1], [{ code: 'RIVULET_PERMISSION_DENIED', executed: 'no', message: /message shut/ }]])
  t.strictSame([answered, new Set(asked)], [1, new Set(['message open', 'message shut'])])
})

t.test('peers and answers that come and go leave no binding behind', async (t) => {
  const { world, worker, planner } = pair()
  for (let round = 0; round < 1000; round++) {
    const name = `passing${round % 3}`
    const peer = world.peer(name, planner.node)
    const answering = peer.answer(double, ({ n }) => n)
    const asked = worker.ask(name, double, { n: round })
    world.links[0]?.pair.pump()
    await asked.promise
    if (round % 2 === 0) await answering.close()
    peer.leave()
    planner.node.peers.delete(peer.incarnation)
  }
  await world.settle()
  t.ok(worker.node.asks.routes.size < 5, `${worker.node.asks.routes.size}`)
  t.equal(planner.node.host.services.size, 0)
})

t.test('versions of an ask on both sides are brought together, and what does not fit says where', async (t) => {
  const { world, planner, worker } = pair()
  const Wider = defineSchema({
    type: 'record',
    name: 'Query',
    fields: [
      { name: 'n', type: 'double' },
      { name: 'note', type: 'string', default: 'none' },
    ],
  })
  planner.answer(defineAsk('double', Wider, defineSchema('int')), ({ n, note }) => (note === 'none' ? n * 2 : 0))
  planner.answer(defineAsk('look', defineSchema('string'), defineSchema('long')), () => 1)
  const [fits, not] = [worker.ask('planner', double, { n: 4 }), worker.ask('planner', look, { n: 4 })]
  await world.settle()
  t.strictSame(fits.outcomes, [8])
  t.match(not.outcomes, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', executed: 'no' }])
})

t.test('what an ask is given is checked at once', async (t) => {
  const { worker } = pair()
  t.throws(() => worker.ask(5 as never, double, { n: 1 }), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => worker.ask('planner', {} as Ask, { n: 1 }), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => worker.ask('planner', double, { n: 1 }, { timeoutMs: -1 }), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => worker.ask('planner', double, { n: 1 }, { headers: { a: 5 } as never }), {
    code: 'RIVULET_INVALID_OPTION',
  })
  t.strictSame(worker.asking.stats(), { started: 0, succeeded: 0, failed: 0, open: 0 })
})

t.test('all asks of a peer that closes end', async (t) => {
  const { world, worker, planner } = pair()
  held(planner)
  const asked = [worker.ask('planner', double, { n: 1 }), worker.ask('nobody', double, { n: 1 })]
  await world.settle()
  let idle = false
  void worker.asking.whenIdle().then(() => {
    idle = true
  })
  await world.settle()
  t.notOk(idle)
  t.equal(worker.asking.stopAll(Object.assign(nameLost(), { code: 'RIVULET_CLOSED' }) as never), 2)
  await world.settle()
  t.match(
    asked.map(({ outcomes }) => outcomes),
    [[{ code: 'RIVULET_CLOSED', executed: 'maybe' }], [{ code: 'RIVULET_CLOSED', executed: 'no' }]],
  )
  t.ok(idle)
  t.strictSame(worker.node.leftovers, {})
})
