/** The directory with security: the key decides who a server is, the policy who announces what, and nobody speaks for another. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { type PeerRecord, peerDirectory } from '../../src/discovery/index.js'
import { generateKeyPair, type Policy, type SecurityOptions } from '../../src/index.js'
import { Doubling } from '../security/roles.js'
import { codesOf, first, until } from '../support/events.js'
import { eachTransport, type Place, place } from '../support/transports.js'

const server = generateKeyPair()
const keys = { alice: generateKeyPair(), bob: generateKeyPair() }
const allow = { alice: keys.alice.publicKey, bob: keys.bob.publicKey }
const as = (name: 'alice' | 'bob'): SecurityOptions => ({ keyPair: keys[name], serverKey: server.publicKey })
const services = [implement(Doubling, { double: ({ value }) => 2 * value })]

async function open({ runtime, bind }: Place, policy?: Policy) {
  const security = { keyPair: server, allow, ...(policy && { policy }) }
  const host = await createDirectoryHost({ bind, runtime, security })
  host.errors.subscribe()
  const options = { connect: host.endpoint, runtime }
  const alice = await createDirectory({ ...options, security: as('alice') })
  alice.errors.subscribe()
  const bob = await createDirectory({ ...options, security: as('bob') })
  return { host, alice, bob }
}

function peer(name: string, instance: string, epoch = 1): PeerRecord {
  return { name, instance, epoch, endpoints: [{ address: `tcp://${instance}:1` }] }
}

eachTransport(t, 'an endpoint carries the key of its server', async (t, at) => {
  const { alice, bob } = await open(at)
  const own = generateKeyPair()
  const security = { keyPair: own, allow }
  const calls = await createRpcServer({ bind: 'tcp://127.0.0.1:*', runtime: at.runtime, services, security })
  t.equal(calls.publicKey, own.publicKey)
  t.equal(alice.publicKey, undefined, 'what only connects has none that others check')
  await alice.announce('doubling', calls)
  const endpoints = await first(bob.endpoints('doubling'), ({ length }) => length > 0)
  t.strictSame(endpoints, [{ address: calls.endpoint, serverKey: own.publicKey }])
  const client = await createRpcClient(Doubling, {
    connect: bob.endpoints('doubling'),
    runtime: at.runtime,
    security: as('bob'),
  })
  t.equal(await client.promises.double({ value: 21 }), 42)
})

t.test('the key decides, wherever the address leads', async (t) => {
  const at = place(t, 'tcp')
  const { alice, bob } = await open(at)
  const security = { keyPair: generateKeyPair(), allow }
  const impostor = await createRpcServer({ bind: 'tcp://127.0.0.1:*', runtime: at.runtime, services, security })
  impostor.errors.subscribe()
  const serverKey = generateKeyPair().publicKey
  await alice.announce('doubling', impostor, { endpoints: { address: impostor.endpoint, serverKey } })
  const client = await createRpcClient(Doubling, {
    connect: bob.endpoints('doubling'),
    runtime: at.runtime,
    security: as('bob'),
  })
  t.match(await first(client.errors), { code: 'RIVULET_SERVER_KEY_MISMATCH' })
  t.equal(client.connected, 0)
})

t.test('a policy says who announces what, peers included', async (t) => {
  const at = place(t, 'tcp')
  const { host, alice, bob } = await open(at, [{ identity: 'alice', action: 'announce', target: 'market.*' }])
  const denied = first(host.securityEvents, ({ kind }) => kind === 'denied')
  const announcement = await alice.announce('market.quotes', host)
  for (const [directory, name] of [
    [alice, 'bank.quotes'],
    [bob, 'market.quotes'],
  ] as const) {
    await t.rejects(directory.announce(name, host), { code: 'RIVULET_PERMISSION_DENIED', executed: 'no' })
  }
  t.match(await denied, { reason: 'announce', identity: { name: 'alice' }, target: 'bank.quotes' })
  const codes = codesOf(bob)
  bob[peerDirectory].announcePeer(peer('market.planner', 'b'))
  await until(() => codes.length > 0)
  t.strictSame(codes, ['RIVULET_PERMISSION_DENIED'])
  t.strictSame(
    (await first(bob.entries('market.quotes'))).map(({ instance }) => instance),
    [announcement.instance],
    'everybody reads',
  )
  t.strictSame(host.stats().refusedAnnouncements, { RIVULET_PERMISSION_DENIED: 3 })
})

t.test('no key speaks for the instance of another, nor takes the name of its peer', async (t) => {
  const at = place(t, 'tcp')
  const { host, alice, bob } = await open(at)
  const codes = codesOf(bob)
  const held = alice[peerDirectory].announcePeer(peer('planner', 'a'))
  const seen = () => first(bob[peerDirectory].peers)
  await until(() => host.stats().announcements === 1)
  const stolen = bob[peerDirectory].announcePeer(peer('other', 'a'))
  await until(() => codes.length === 1)
  const namesake = bob[peerDirectory].announcePeer(peer('planner', 'b', 7))
  await until(() => codes.length === 2)
  t.strictSame(codes, ['RIVULET_PERMISSION_DENIED', 'RIVULET_NAME_TAKEN'])
  await stolen.close()
  t.strictSame(await seen(), [peer('planner', 'a')], 'a withdrawal by another key is none')
  held.update({ ...peer('planner', 'a', 3) })
  t.match(await first(bob[peerDirectory].peers, ([one]) => one?.epoch === 3), [{ name: 'planner' }])
  await held.close()
  t.strictSame(await seen(), [])
  await namesake.close()
  t.equal(host.stats().announcements, 0)
})

t.test('announcements of a key that is revoked end with their lease', async (t) => {
  const at = place(t, 'tcp')
  const allowed = new BehaviorSubject<Record<string, string>>(allow)
  const security = { keyPair: server, allow: allowed }
  const host = await createDirectoryHost({ bind: at.bind, runtime: at.runtime, security, leaseMs: 50, graceMs: 0 })
  const options = { connect: host.endpoint, runtime: at.runtime }
  const alice = await createDirectory({ ...options, security: as('alice') })
  alice.errors.subscribe()
  const bob = await createDirectory({ ...options, security: as('bob') })
  await alice.announce('doubling', host)
  await first(bob.entries('doubling'), ({ length }) => length === 1)
  allowed.next({ bob: keys.bob.publicKey })
  await first(bob.entries('doubling'), ({ length }) => length === 0)
  t.match(host.stats(), { announcements: 0, expired: 1 })
})
