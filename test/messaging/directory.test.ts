/** Peers that find each other through a directory: a mesh of processes, peers that move, and hosts that go away. */
import t from 'tap'
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { createPeer, type PeerOptions } from '../../patterns/messaging/index.js'
import { generateKeyPair } from '../../src/security/index.js'
import { first, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { inbox, Report, sees } from './peers.js'

const bind = 'tcp://127.0.0.1:*'

async function open(t: Parameters<typeof place>[0]) {
  const { runtime } = place(t, 'tcp')
  const host = await createDirectoryHost({ bind, runtime })
  /** A peer of a process of its own. */
  const join = async (name: string, options: Partial<PeerOptions> = {}) => {
    const directory = await createDirectory({ connect: host.endpoint, runtime })
    const { bind: at = bind, ...rest } = options
    return createPeer({ name, directory, runtime, ...(at.length > 0 && { bind: at }), ...rest })
  }
  return { host, runtime, join }
}

t.test('a mesh: everybody reaches everybody, over one link for each two', async (t) => {
  const { join } = await open(t)
  const names = ['a', 'b', 'c', 'd']
  const peers = await Promise.all(names.map((name) => join(name)))
  await Promise.all(peers.map((peer) => sees(peer, ...names.filter((name) => name !== peer.name))))
  const inboxes = peers.map((peer) => inbox(peer))
  for (const peer of peers) t.strictSame(await peer.broadcast(Report, { id: 1 }), { sent: 3 })
  for (const [at, got] of inboxes.entries()) {
    t.strictSame(
      got.slice().sort(),
      names.filter((_, other) => other !== at).map((name) => `${name}/Report 1`),
    )
  }
  await until(() => peers.reduce((sum, { connected }) => sum + connected, 0) === 12) // two ends of six links
})

t.test('one that does not bind finds the others; a peer that moves is followed', async (t) => {
  const { join } = await open(t)
  const worker = await join('worker')
  const client = await join('client', { bind: [] })
  const got = inbox(worker)
  await client.send('worker', Report, { id: 1 })
  t.strictSame(got, ['client/Report 1'])
  await worker.close()
  const waiting = client.send('worker', Report, { id: 2 })
  const moved = await join('worker')
  const gotMoved = inbox(moved)
  await waiting
  t.strictSame(gotMoved, ['client/Report 2'])
})

t.test('without hosts, links stay and messages continue', async (t) => {
  const { join, host } = await open(t)
  const [a, b] = await Promise.all([join('a'), join('b')])
  await Promise.all([sees(a, 'b'), sees(b, 'a')])
  const got = inbox(b)
  await host.close()
  await a.send('b', Report, { id: 1 })
  t.strictSame(got, ['a/Report 1'])
})

t.test('keys are announced with the endpoints', async (t) => {
  const { join } = await open(t)
  const [one, two] = [generateKeyPair(), generateKeyPair()]
  const allow = { one: one.publicKey, two: two.publicKey }
  const [a, b] = await Promise.all([
    join('a', { security: { keyPair: one, allow } }),
    join('b', { security: { keyPair: two, allow } }),
  ])
  const delivery = first(b.deliveries(Report))
  await a.send('b', Report, { id: 1 })
  t.strictSame((await delivery).from.identity, { name: 'one', publicKey: one.publicKey })
})

t.test('one that is bound to all addresses is announced where it says', async (t) => {
  const { join } = await open(t)
  const { bind: local } = place(t, 'ipc')
  const everywhere = 'tcp://0.0.0.0:*'
  const worker = await join('worker', { bind: [everywhere, local], insecure: true, advertised: local })
  const client = await join('client', { bind: [] })
  const got = inbox(worker)
  await client.send('worker', Report, { id: 1 })
  t.strictSame(got, ['client/Report 1'])
  t.equal(worker.connected, 1)
})

t.test('what cannot be announced', async (t) => {
  const { join, runtime } = await open(t)
  for (const advertised of [[], [''], 'nowhere', 'tcp://127.0.0.1:*'])
    await t.rejects(join('a', { advertised }), { code: /RIVULET_INVALID_(?:OPTION|ENDPOINT)/ })
  await t.rejects(join('a', { bind: [], advertised: 'tcp://127.0.0.1:7' }), { code: 'RIVULET_INVALID_OPTION' })
  const alone = createPeer({ name: 'a', bind, runtime, advertised: 'tcp://127.0.0.1:7' })
  await t.rejects(alone, { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(join('a', { bind: 'tcp://0.0.0.0:*', insecure: true }), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(createPeer({ name: 'a', directory: {} }), { code: 'RIVULET_INVALID_OPTION' })
})
