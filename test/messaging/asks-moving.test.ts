/** Asks whose peer leaves, whose link ends, or who are not who they claim to be; and what is left behind. */
import t from 'tap'
import { type Ask, defineAsk } from '../../patterns/messaging/define-ask.js'
import { defineSchema } from '../../src/avro/index.js'
import { nameLost, World } from './asking.js'
import { double, held, look, pair } from './asking-peers.js'

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

t.test('over a link that is about to close nothing new leaves, and what has left is answered', async (t) => {
  const { world, worker, planner, link } = pair()
  const { queries } = held(planner)
  const left = worker.ask('planner', double, { n: 1 })
  await world.settle()
  link.pair.dialer.blocked = true
  const unsent = worker.ask('planner', double, { n: 2 })
  link.leave()
  await world.settle()
  const later = worker.ask('planner', double, { n: 3 })
  await world.settle()
  t.strictSame([left.outcomes, unsent.outcomes, worker.node.asks.waiting], [[], [], 2])
  link.pair.dialer.blocked = false
  world.link(planner.node, worker.node)
  await world.settle()
  for (const { n, answer } of queries) answer(n * 2)
  await world.settle()
  t.strictSame([left.outcomes, unsent.outcomes, later.outcomes], [[2], [4], [6]])
  link.end()
  await world.settle()
  t.strictSame(worker.node.leftovers, {})
})

t.test('where its name is not accepted, an ask fails with the reason', async (t) => {
  const { world, worker, planner, link } = pair()
  planner.answer(double, ({ n }) => n)
  worker.node.unaccepted.add(link.id)
  const waits = worker.ask('planner', double, { n: 1 })
  worker.node.refusals.set(link.id, nameLost())
  worker.node.asks.changedAll()
  const refused = worker.ask('planner', double, { n: 1 })
  await world.settle()
  t.match([waits.outcomes, refused.outcomes], Array(2).fill([{ code: 'RIVULET_NAME_TAKEN', executed: 'no' }]))
})

t.test('the number that names the asker is checked against the peers of that link', async (t) => {
  const { world, planner, worker } = pair()
  let answered = 0
  planner.answer(double, () => ++answered)
  const third = world.peer('third')
  world.link(third.node, planner.node)
  const mallory = world.peer('mallory', worker.node)
  const forged = [third.number, planner.number, 32_767, 0]
  const impostors = forged.map((number) => mallory.as(number))
  const asked = impostors.map((impostor) => impostor.ask('planner', double, { n: 1 }))
  await world.settle()
  for (const { outcomes } of asked) t.match(outcomes, [{ code: 'RIVULET_INVALID_REQUEST', executed: 'no' }])
  t.equal(answered, 0)
  const honest = mallory.ask('planner', double, { n: 1 })
  await world.settle()
  t.strictSame(honest.outcomes, [1])
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
  for (let round = 0; round < 50; round++) {
    const answering = planner.answer(double, ({ n }) => n)
    const asked = worker.ask('planner', double, { n: round })
    world.links[0]?.pair.pump()
    await asked.promise
    await answering.close()
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

t.test('asks that take a way that is known are open until they are answered, fail or are stopped', async (t) => {
  const { world, worker, planner } = pair()
  const { queries } = held(planner)
  const first = worker.ask('planner', double, { n: 1 })
  await world.settle()
  queries[0]?.answer(2)
  await world.settle()
  t.strictSame([first.outcomes, worker.asking.isAsking('planner')], [[2], false])
  const asked = [2, 3].map((n) => worker.ask('planner', double, { n }))
  await world.settle()
  t.equal(queries.length, 3)
  t.strictSame([worker.asking.isAsking('planner'), worker.asking.isAsking('nobody')], [true, false])
  t.strictSame(worker.asking.stats(), { started: 3, succeeded: 1, failed: 0, open: 2 })
  worker.node.asks.changedAll() // other ways are looked for, and these asks keep theirs
  const later = worker.ask('planner', double, { n: 4 })
  await world.settle()
  t.equal(worker.asking.stopAll(Object.assign(nameLost(), { code: 'RIVULET_CLOSED' }) as never), 3)
  await world.settle()
  t.match(
    [...asked, later].map(({ outcomes }) => outcomes),
    Array.from({ length: 3 }, () => [{ code: 'RIVULET_CLOSED', executed: 'maybe' }]),
  )
  t.notOk(worker.asking.isAsking('planner'))
  t.strictSame(worker.asking.stats(), { started: 4, succeeded: 1, failed: 3, open: 0 })
  t.strictSame(worker.node.leftovers, {})
})
