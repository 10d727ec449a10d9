/** Names: refused to a second peer, taken over, and free again; what a peer without its name can do. */
import t from 'tap'
import { createPeer } from '../../patterns/messaging/index.js'
import { codesOf, turn, until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'
import { failure, inbox, Report, sees } from './peers.js'

eachTransport(
  t,
  'a second peer of a name is refused by a code, sends nothing, and gets the name when it is free',
  async (t, { runtime, bind }) => {
    const hub = await createPeer({ name: 'hub', bind, runtime })
    const first = await createPeer({ name: 'worker', connect: hub.endpoint, runtime })
    const got = inbox(hub)
    await first.send('hub', Report, { id: 1 })
    const second = await createPeer({ name: 'worker', connect: hub.endpoint, runtime })
    const codes = codesOf(second)
    const early = failure(second.send('hub', Report, { id: 2 }))
    await until(() => codes.length > 0)
    t.strictSame(codes, ['RIVULET_NAME_TAKEN'])
    t.equal(await early, 'RIVULET_NAME_TAKEN no')
    t.equal(await failure(second.send('hub', Report, { id: 3 })), 'RIVULET_NAME_TAKEN no')
    await first.send('hub', Report, { id: 4 })
    t.strictSame(hub.peers, [first.self])
    await first.close()
    await until(() => hub.peers[0]?.incarnation === second.self.incarnation)
    while ((await failure(second.send('hub', Report, { id: 5 }))) !== 'none') await turn() // it is about to know
    t.strictSame(got, ['worker/Report 1', 'worker/Report 4', 'worker/Report 5'])
  },
)

eachTransport(
  t,
  'takeover: the former holder gets a code, and what it sends is refused',
  async (t, { runtime, bind }) => {
    const hub = await createPeer({ name: 'hub', bind, runtime })
    const first = await createPeer({ name: 'worker', connect: hub.endpoint, runtime })
    const got = inbox(hub)
    await first.send('hub', Report, { id: 1 })
    const codes = codesOf(first)
    const second = await createPeer({ name: 'worker', connect: hub.endpoint, runtime, takeover: true })
    await until(() => hub.peers[0]?.incarnation === second.self.incarnation && codes.length > 0)
    t.strictSame(codes, ['RIVULET_NAME_TAKEN'])
    t.equal(await failure(first.send('hub', Report, { id: 2 })), 'RIVULET_NAME_TAKEN no')
    const toSecond = inbox(second)
    await second.send('hub', Report, { id: 3 })
    await hub.send('worker', Report, { id: 4 })
    t.strictSame(got, ['worker/Report 1', 'worker/Report 3'])
    t.strictSame(toSecond, ['hub/Report 4'])
  },
)

eachTransport(t, 'in one process: refused at once, or taken over', async (t, { runtime, bind }) => {
  const one = await createPeer({ name: 'one', bind, runtime })
  await t.rejects(createPeer({ name: 'one', over: one }), { code: 'RIVULET_NAME_TAKEN' })
  const two = await createPeer({ name: 'two', over: one })
  const codes = codesOf(two)
  const other = await createPeer({ name: 'two', over: one, takeover: true })
  t.ok(codes.includes('RIVULET_NAME_TAKEN'))
  t.equal(await failure(two.send('one', Report, { id: 1 })), 'RIVULET_NAME_TAKEN no')
  await t.rejects(two.broadcast(Report, { id: 1 }), { code: 'RIVULET_NAME_TAKEN' })
  const got = inbox(one)
  await other.send('one', Report, { id: 2 })
  t.strictSame(got, ['two/Report 2'])
  await sees(one, 'two')
})

eachTransport(t, 'what waits for room when the name is lost fails as well', async (t, { runtime, bind }) => {
  const one = await createPeer({ name: 'one', bind, runtime })
  const two = await createPeer({ name: 'two', over: one, outboxBytes: 50 })
  const ids = Array.from({ length: 10 }, (_, id) => ({ id }))
  const endless = { timeoutMs: Number.POSITIVE_INFINITY }
  const sends = ids.map((value) => failure(two.send('absent', Report, value, endless)))
  const all = failure(two.sendAll('absent', Report, ids)).then((text) => text.split(' ')[0])
  codesOf(two)
  await createPeer({ name: 'two', over: one, takeover: true })
  t.strictSame(new Set(await Promise.all(sends)), new Set(['RIVULET_NAME_TAKEN no']))
  t.equal(await all, 'RIVULET_NAME_TAKEN')
})
