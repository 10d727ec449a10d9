/** Peers with security: who sent a message, what a policy allows, and names that belong to keys. */
import t from 'tap'
import { createPeer, type Peer } from '../../patterns/messaging/index.js'
import { generateKeyPair, type KeyPair, keyFingerprint, type Policy } from '../../src/security/index.js'
import { codesOf, first, until } from '../support/events.js'
import { eachTransport, type Place } from '../support/transports.js'
import { failure, inbox, Order, Report, sees } from './peers.js'

const keys = { hub: generateKeyPair(), ann: generateKeyPair(), bob: generateKeyPair() }
const allow = { ann: keys.ann.publicKey, bob: keys.bob.publicKey }

const openHub = ({ bind, runtime }: Place, policy?: Policy) =>
  createPeer({ name: 'hub', bind, runtime, security: { keyPair: keys.hub, allow, ...(policy && { policy }) } })

const join = (hub: Peer, { runtime }: Place, name: string, keyPair: KeyPair, takeover = false) =>
  createPeer({
    name,
    connect: { address: hub.endpoint, serverKey: keys.hub.publicKey },
    runtime,
    takeover,
    security: { keyPair },
  })

eachTransport(
  t,
  'from has the identity that the process of the sender has proven, in both directions',
  async (t, place) => {
    const hub = await openHub(place)
    const ann = await join(hub, place, 'worker', keys.ann)
    const second = await createPeer({ name: 'second', over: ann })
    const [atHub, atAnn, atSecond] = [hub, ann, second].map((peer) => first(peer.deliveries(Report)))
    await sees(hub, 'worker', 'second')
    await ann.send('hub', Report, { id: 1 })
    await hub.send('worker', Report, { id: 2 })
    t.strictSame((await atHub)?.from.identity, { name: 'ann', publicKey: keys.ann.publicKey })
    const { publicKey } = keys.hub
    t.strictSame((await atAnn)?.from.identity, { name: keyFingerprint(publicKey), publicKey })
    await ann.send('second', Report, { id: 3 })
    t.equal((await atSecond)?.from.identity?.publicKey, keys.ann.publicKey)
    t.strictSame(
      hub.peers.map(({ identity }) => identity?.name),
      ['ann', 'ann'],
    )
  },
)

eachTransport(
  t,
  'a policy: what is not allowed is refused before anything is read, and nothing else waits',
  async (t, place) => {
    const hub = await openHub(place, [
      { identity: 'ann', action: 'message', target: 'hub' },
      { identity: '*', action: 'message', target: 'open' },
    ])
    const open = await createPeer({ name: 'open', over: hub })
    const denied = first(hub.securityEvents, ({ kind }) => kind === 'denied')
    const [ann, bob] = await Promise.all([join(hub, place, 'a', keys.ann), join(hub, place, 'b', keys.bob)])
    for (const peer of [ann, bob]) peer.errors.subscribe(() => {})
    const [atHub, atOpen] = [inbox(hub), inbox(open)]
    await Promise.all([sees(ann, 'hub', 'open'), sees(bob, 'hub', 'open')])
    await ann.send('hub', Report, { id: 1 })
    t.equal(await failure(bob.send('hub', Report, { id: 2 })), 'RIVULET_PERMISSION_DENIED no')
    t.equal(await failure(bob.send('hub', Order, { id: 3 })), 'RIVULET_PERMISSION_DENIED no')
    await bob.send('open', Report, { id: 4 })
    t.strictSame([atHub, atOpen], [['a/Report 1'], ['b/Report 4']])
    t.match(await denied, { reason: 'message', target: 'hub', identity: { name: 'bob' } })
  },
)

eachTransport(t, 'a policy function is asked for each batch, also of a stream that is open', async (t, place) => {
  let allows = true
  const hub = await openHub(place, ({ identity }) => allows && identity?.name === 'ann')
  const ann = await join(hub, place, 'worker', keys.ann)
  ann.errors.subscribe(() => {})
  const got = inbox(hub)
  await sees(ann, 'hub')
  await ann.send('hub', Report, { id: 1 })
  allows = false
  const denied = [ann.send('hub', Report, { id: 2 }), ann.send('hub', Order, { id: 3 })]
  for (const send of denied) t.equal(await failure(send), 'RIVULET_PERMISSION_DENIED no')
  allows = true
  await ann.send('hub', Report, { id: 4 })
  t.strictSame(got, ['worker/Report 1', 'worker/Report 4'])
})

eachTransport(t, 'a held name belongs to its key: that takes it over, and no other does', async (t, place) => {
  const hub = await openHub(place)
  const former = await join(hub, place, 'worker', keys.ann)
  const formerCodes = codesOf(former)
  await sees(hub, 'worker')
  const ann = await join(hub, place, 'worker', keys.ann, true)
  await until(() => hub.peers[0]?.incarnation === ann.self.incarnation && formerCodes.length > 0)
  const bob = await join(hub, place, 'worker', keys.bob, true)
  const codes = codesOf(bob)
  await until(() => codes.length > 0)
  t.strictSame([codes, formerCodes], [['RIVULET_NAME_TAKEN'], ['RIVULET_NAME_TAKEN']])
  t.equal(await failure(bob.send('hub', Report, { id: 1 })), 'RIVULET_NAME_TAKEN no')
  const got = inbox(hub)
  await ann.send('hub', Report, { id: 2 })
  t.strictSame(got, ['worker/Report 2'])
})
