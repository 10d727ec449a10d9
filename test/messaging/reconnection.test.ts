/** Messages across cut connections: in order, once, and none lost; and a link that is away for longer than a peer stays. */
import t from 'tap'
import { createPeer } from '../../patterns/messaging/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'
import { failure, inbox, Order, Report, sees, sight } from './peers.js'

t.test('resets under load, in both directions: nothing is lost, doubled or out of order', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const hub = await createPeer({ name: 'hub', bind, runtime })
  const proxy = await ChaosProxy.open(hub.endpoint)
  t.teardown(() => proxy.close())
  const peers = await Promise.all(['a', 'b'].map((name) => createPeer({ name, connect: proxy.endpoint, runtime })))
  const all = [hub, ...peers]
  for (const peer of all) peer.errors.subscribe(() => {})
  const inboxes = all.map((peer) => inbox(peer))
  await sees(hub, 'a', 'b')
  const sends: Promise<void>[] = []
  for (let round = 0; round < 12; round++) {
    for (let id = round * 100; id < (round + 1) * 100; id++) {
      const schema = id % 3 === 0 ? Order : Report
      sends.push(...peers.map((peer) => peer.send('hub', schema, { id })))
      sends.push(hub.send('a', schema, { id }), hub.send('b', schema, { id }))
    }
    const before = proxy.accepted
    proxy.cut()
    await until(() => proxy.accepted >= before + 2)
  }
  await Promise.all(sends)
  const expected = (from: string) =>
    Array.from({ length: 1200 }, (_, id) => `${from}/${id % 3 === 0 ? 'Order' : 'Report'} ${id}`)
  for (const from of ['a', 'b'])
    t.strictSame(
      (inboxes[0] as string[]).filter((one) => one.startsWith(from)),
      expected(from),
    )
  t.strictSame(inboxes.slice(1), [expected('hub'), expected('hub')])
})

t.test('a link that is away for longer: its peers have left, and come back with what waits', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const hub = await createPeer({ name: 'hub', bind, runtime })
  const proxy = await ChaosProxy.open(hub.endpoint)
  t.teardown(() => proxy.close())
  const peer = await createPeer({ name: 'peer', connect: proxy.endpoint, runtime })
  const [got, seen] = [inbox(hub), sight(peer)]
  for (const one of [hub, peer]) one.errors.subscribe(() => {})
  await peer.send('hub', Report, { id: 1 })
  proxy.set({ refuse: true })
  proxy.cut()
  const inFlight = failure(peer.send('hub', Report, { id: 2 }))
  await until(() => seen.includes('left hub'))
  t.equal(await failure(peer.send('hub', Report, { id: 3 }, { waitForReady: false })), 'RIVULET_PEER_GONE no')
  const waiting = peer.send('hub', Report, { id: 4 })
  const repeated = peer.send('hub', Report, { id: 5 }, { delivery: 'at-least-once' })
  proxy.calm()
  await Promise.all([waiting, repeated])
  t.equal(await inFlight, 'none', 'the link is resumed, and it is taken')
  t.strictSame(got, ['peer/Report 1', 'peer/Report 2', 'peer/Report 4', 'peer/Report 5'])
  t.strictSame(seen, ['joined hub', 'complete', 'left hub', 'joined hub'])
})
