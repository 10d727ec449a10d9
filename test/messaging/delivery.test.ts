/** Messages between peers: order over all schemas, themselves, peers of their own process, and those that are not there. */
import t from 'tap'
import { createPeer } from '../../patterns/messaging/index.js'
import { codesOf, first, until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, inbox, Order, pair, Report, sees } from './peers.js'

eachTransport(t, 'messages arrive in order over all schemas, once, in both directions', async (t, place) => {
  const { planner, worker } = await pair(place)
  const [atPlanner, atWorker] = [inbox(planner), inbox(worker)]
  const expected: string[] = []
  const sends: Promise<void>[] = []
  for (let id = 0; id < 5000; id++) {
    const [name, schema] = id % 7 < 3 ? (['Report', Report] as const) : (['Order', Order] as const)
    sends.push(worker.send('planner', schema, { id }))
    if (id % 10 === 0) sends.push(planner.send('worker', schema, { id }))
    expected.push(`worker/${name} ${id}`)
    if (id % 1000 === 0) await Promise.all(sends)
  }
  await Promise.all(sends)
  await until(() => atPlanner.length === 5000 && atWorker.length === 500)
  t.strictSame(atPlanner, expected)
  t.strictSame(
    atWorker,
    expected.filter((_, id) => id % 10 === 0).map((text) => text.replace('worker', 'planner')),
  )
  t.match(worker.stats().outgoing, { accepted: 5000, sent: 5000, pending: 0, dropped: {} })
  t.match(planner.stats().incoming, { received: 5000, delivered: 5000, pending: 0, dropped: {}, refused: {} })
  t.match(planner.stats(), { sessions: 1 })
})

eachTransport(t, 'a delivery says who sent it, and its number over all schemas', async (t, place) => {
  const { planner, worker } = await pair(place)
  const reports = first(planner.deliveries(Report))
  const orders = first(planner.deliveries(Order))
  const before = Date.now()
  await Promise.all([worker.send('planner', Report, { id: 1 }), worker.send('planner', Order, { id: 2 })])
  const [report, order] = await Promise.all([reports, orders])
  t.strictSame(report.from, worker.self)
  t.match(worker.self, { name: 'worker', incarnation: /^[0-9a-f]{32}$/, identity: undefined })
  t.strictSame([report.sequence, order.sequence], [1, 2])
  t.ok(report.time.getTime() >= before && report.time.getTime() <= Date.now())
})

eachTransport(t, 'to itself and to peers of its own process, as to any other', async (t, place) => {
  const { planner, worker } = await pair(place)
  const second = await createPeer({ name: 'second', over: worker })
  const [atSecond, atWorker] = [inbox(second), inbox(worker)]
  await sees(planner, 'worker', 'second')
  await Promise.all([
    worker.send('second', Report, { id: 1 }),
    worker.send('worker', Order, { id: 2 }),
    second.send('second', Report, { id: 3 }),
    planner.send('second', Report, { id: 4 }),
    worker.send('second', Order, { id: 5 }),
  ])
  t.strictSame(atWorker, ['worker/Order 2'])
  t.strictSame(atSecond.slice().sort(), ['planner/Report 4', 'second/Report 3', 'worker/Order 5', 'worker/Report 1'])
  t.ok(atSecond.indexOf('worker/Report 1') < atSecond.indexOf('worker/Order 5'))
  t.equal(planner.stats().sessions, 1, 'one link for two peers')
})

eachTransport(t, 'a message waits for its receiver, or fails by its own options', async (t, place) => {
  const { planner, worker } = await pair(place)
  const waiting = worker.send('late', Report, { id: 1 })
  const then = worker.send('late', Order, { id: 2 }, { timeoutMs: 60_000 })
  const abort = new AbortController()
  const aborted = failure(worker.send('late', Report, { id: 3 }, { signal: abort.signal }))
  t.equal(await failure(worker.send('late', Report, { id: 4 }, { timeoutMs: 0 })), 'RIVULET_UNKNOWN_PEER no')
  t.equal(await failure(worker.send('late', Report, { id: 5 }, { waitForReady: false })), 'RIVULET_UNKNOWN_PEER no')
  abort.abort()
  t.equal(await aborted, 'RIVULET_ABORTED no')
  const late = await createPeer({ name: 'late', over: planner })
  const got = inbox(late)
  await Promise.all([waiting, then])
  await until(() => got.length === 2)
  t.strictSame(got, ['worker/Report 1', 'worker/Order 2'])
  await late.close()
  await sees(worker, 'planner')
  t.equal(await failure(worker.send('late', Report, { id: 6 }, { waitForReady: false })), 'RIVULET_PEER_GONE no')
  t.match(worker.stats().outgoing, { accepted: 4, sent: 2, dropped: { withdrawn: 2 }, pending: 0 })
})

eachTransport(t, 'broadcast: to each other peer that is present', async (t, place) => {
  const { planner, worker } = await pair(place)
  const second = await createPeer({ name: 'second', over: worker })
  await sees(planner, 'worker', 'second')
  const all = [inbox(planner), inbox(worker), inbox(second)]
  t.strictSame(await planner.broadcast(Report, { id: 1 }), { sent: 2 })
  t.strictSame(await worker.broadcast(Report, { id: 2 }), { sent: 2 })
  t.strictSame(
    all.map((got) => got.map((one) => one.at(-1)).join('')),
    ['2', '1', '12'],
  )
  await t.rejects(planner.broadcast(Report, { id: 'x' } as never), { code: 'RIVULET_INVALID_MESSAGE' })
  await second.close()
  await t.rejects(second.broadcast(Report, { id: 3 }), { code: 'RIVULET_CLOSED' })
})

eachTransport(t, 'sendAll: everything a source yields, in batches', async (t, place) => {
  const { planner, worker } = await pair(place)
  const ids: number[] = []
  planner.messages(Report).subscribe(({ id }) => ids.push(id))
  function* source() {
    for (let id = 0; id < 20_000; id++) yield id === 77 ? ({ id: 'no number' } as never) : { id }
  }
  worker.errors.subscribe(() => {})
  t.strictSame(await worker.sendAll('planner', Report, source()), { sent: 19_999, dropped: 1 })
  await until(() => ids.length === 19_999)
  t.ok(ids.every((id, at) => at === 0 || id > (ids[at - 1] as number)))
})

t.test('arguments that cannot be', async (t) => {
  const peer = await createPeer({ name: 'one', bind: 'inproc://arguments' })
  t.teardown(() => peer.close())
  for (const name of ['', 'x'.repeat(256), 7, '\ud800']) {
    await t.rejects(peer.send(name as string, Report, { id: 1 }), { code: 'RIVULET_INVALID_OPTION' })
    await t.rejects(createPeer({ name: name as string, bind: 'inproc://other' }), { code: 'RIVULET_INVALID_OPTION' })
  }
  await t.rejects(peer.send('one', {} as never, { id: 1 } as never), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(peer.send('one', Report, { id: 0.5 }), { code: 'RIVULET_INVALID_MESSAGE' })
  await t.rejects(createPeer({ name: 'two' }), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(createPeer({ name: 'two', over: {} }), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(createPeer({ name: 'two', over: peer, bind: 'inproc://other' }), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(createPeer({ name: 'one', over: peer }), { code: 'RIVULET_NAME_TAKEN' })
  t.throws(() => peer.messages({} as never), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('messages that nobody consumes are refused in floods, and reported seldom', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const { planner, worker } = await pair({ runtime, bind })
  const codes = codesOf(planner)
  const sendMany = () =>
    Promise.all(Array.from({ length: 600 }, (_, id) => failure(worker.send('planner', Report, { id }))))
  for (let round = 0; round < 10; round++) await sendMany()
  t.match(planner.stats().incoming.refused, { unclaimed: 6000 - 1024 })
  t.ok(codes.length >= 1 && codes.length < 5, `${codes.length} reports`)
})
