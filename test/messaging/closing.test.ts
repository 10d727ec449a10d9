/** How peers end: what is sent is taken before, what is held is handed out, and who is over whom. */
import t from 'tap'
import { createPeer, defineAsk } from '../../patterns/messaging/index.js'
import { closeAll } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'
import { failure, inbox, Order, pair, Report, sees, sight } from './peers.js'

const Question = defineAsk('question', Order, Order)

eachTransport(t, 'close waits until what was sent is taken, and says that the peer has left', async (t, place) => {
  const { planner, worker } = await pair(place)
  const [got, seen] = [inbox(planner), sight(planner)]
  const sends = Array.from({ length: 500 }, (_, id) => worker.send('planner', Report, { id }))
  t.strictSame(await worker.close(), { undelivered: 0 })
  await Promise.all(sends)
  t.equal(await failure(worker.send('planner', Report, { id: 500 })), 'RIVULET_CLOSED no')
  await until(() => seen.includes('left worker'))
  t.equal(got.length, 500)
  t.strictSame(worker.peers, [])
  t.match(worker.stats().outgoing, { accepted: 500, sent: 500, pending: 0, refused: { closed: 1 } })
})

eachTransport(t, 'close has an end: what nobody takes fails by a code', async (t, place) => {
  const { planner, worker } = await pair(place)
  await sees(worker, 'planner')
  const absent = failure(worker.send('nobody', Report, { id: 1 }))
  t.strictSame(await worker.close({ timeoutMs: 50 }), { undelivered: 1 })
  t.equal(await absent, 'RIVULET_CLOSED no')
  const waiting = failure(planner.send('worker', Report, { id: 2 }))
  t.strictSame(await planner.close({ drain: false }), { undelivered: 1 })
  t.equal(await waiting, 'RIVULET_CLOSED no')
  await new Promise<void>((complete) => planner.presence.subscribe({ complete }))
})

eachTransport(t, 'what a closing peer holds is handed out first; what nobody consumes is counted', async (t, place) => {
  const { planner, worker } = await pair(place)
  const ids: number[] = []
  planner
    .messages(Report)
    .process(async ({ id }) => ids.push(id))
    .subscribe()
  for (let id = 0; id < 50; id++) void worker.send('planner', Report, { id })
  await worker.send('planner', Order, { id: 50 })
  t.strictSame(await planner.close(), { undelivered: 1 })
  t.equal(ids.length, 50)
  t.match(planner.stats().incoming, { received: 51, delivered: 50, dropped: { closed: 1 }, pending: 0 })
})

eachTransport(
  t,
  'one that is over another closes alone; the one with the links closes those over it',
  async (t, place) => {
    const { planner, worker } = await pair(place)
    const second = await createPeer({ name: 'second', over: worker })
    const third = await createPeer({ name: 'third', over: second })
    await sees(planner, 'worker', 'second', 'third')
    await second.close()
    await sees(planner, 'worker', 'third')
    const got = inbox(planner)
    await third.send('planner', Report, { id: 1 })
    const last = third.send('planner', Report, { id: 2 })
    await worker.close()
    await last
    t.equal(third.closed, true)
    await sees(planner)
    t.strictSame(got, ['third/Report 1', 'third/Report 2'])
    await t.rejects(createPeer({ name: 'fourth', over: worker }), { code: 'RIVULET_CLOSED' })
  },
)

eachTransport(t, 'all at once, and by their runtime: what one has for another arrives before', async (t, place) => {
  for (const [round, end] of [closeAll, () => place.runtime.close()].entries()) {
    const { planner, worker } = await pair({
      ...place,
      bind: place.transport === 'inproc' ? `inproc://${round}` : place.bind,
    })
    const got = inbox(planner)
    planner.answer(Question, ({ id }) => ({ id }))
    await sees(worker, 'planner')
    const sends = Array.from({ length: 100 }, (_, id) => [
      failure(worker.send('planner', Report, { id })),
      failure(worker.ask('planner', Question, { id })),
    ])
    await end([planner, worker])
    t.strictSame(new Set(await Promise.all(sends.flat())), new Set(['none']))
    t.equal(got.length, 100)
    t.ok(planner.closed && worker.closed)
  }
})

eachTransport(t, 'two that send to each other close together, too', async (t, place) => {
  const { planner, worker } = await pair(place)
  inbox(planner)
  inbox(worker)
  await Promise.all([sees(worker, 'planner'), sees(planner, 'worker')])
  const sends = [failure(worker.send('planner', Report, { id: 1 })), failure(planner.send('worker', Report, { id: 2 }))]
  await closeAll([planner, worker])
  for (const outcome of await Promise.all(sends))
    t.match(outcome, /^none$|^RIVULET_(CLOSED|PEER_GONE|UNKNOWN_OUTCOME|UNKNOWN_PEER) (no|maybe)$/)
})
