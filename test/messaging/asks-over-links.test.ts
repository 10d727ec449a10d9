/** Asks between real peers, over each transport: both directions, several peers of a process, closing, and security. */
import t from 'tap'
import { createPeer, defineAsk, isAskError, type Peer } from '../../patterns/messaging/index.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { generateKeyPair, keyFingerprint } from '../../src/security/index.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, pair, sees } from './peers.js'

const Query = defineSchema(record('Query', { n: 'long' }))
const Negative = defineSchema(record('Negative', { n: 'long' }))
const root = defineAsk('root', Query, defineSchema('double'), { errors: [Negative] })
const slow = defineAsk('slow', Query, defineSchema('long'))

function answerRoot(peer: Peer) {
  return peer.answer(root, ({ n }, { from }) => {
    if (n < 0) throw root.error('Negative', { n })
    return Math.sqrt(n) + from.name.length / 100
  })
}

eachTransport(t, 'peers ask each other, themselves and their neighbours', async (t, transport) => {
  const { planner, worker } = await pair(transport)
  const second = await createPeer({ name: 'second', over: worker })
  for (const peer of [planner, worker, second]) answerRoot(peer)
  const names = ['planner', 'worker', 'second']
  const peers: readonly Peer[] = [planner, worker, second]
  const answers = await Promise.all(
    peers.flatMap((peer) =>
      names.map((to) => peer.ask(to, root, { n: 4 }).then((value) => `${peer.name} ${to} ${value}`)),
    ),
  )
  const expected = peers.flatMap((peer) => names.map((to) => `${peer.name} ${to} ${2 + peer.name.length / 100}`))
  t.strictSame(answers, expected)
  const error: unknown = await worker.ask('planner', root, { n: -3 }).catch((cause: unknown) => cause)
  t.ok(isAskError(root, error, 'Negative') && error.value.n === -3)
  // many at once, in both directions over the one link
  const many = Array.from({ length: 2000 }, (_, n) =>
    Promise.all([worker.ask('planner', root, { n }), planner.ask('second', root, { n })]),
  )
  const results = await Promise.all(many)
  t.ok(
    results.every(([one, two], n) => Math.abs(one - Math.sqrt(n) - 0.06) + Math.abs(two - Math.sqrt(n) - 0.07) < 1e-9),
  )
  t.match(worker.stats().asks, { started: 2004, succeeded: 2003, failed: 1, open: 0 })
  await Promise.all([second.close(), planner.close(), worker.close()])
  t.equal(await failure(worker.ask('planner', root, { n: 1 })), 'RIVULET_CLOSED no')
  t.throws(() => worker.answer(slow, () => 1), { code: 'RIVULET_CLOSED' })
})

t.test('a peer that begins to close asks nothing more, also what it has just asked', async (t) => {
  const { planner, worker } = await pair(place(t, 'tcp'))
  answerRoot(planner)
  const guest = await createPeer({ name: 'guest', over: worker })
  for (const peer of [guest, worker]) {
    const { length } = peer.name
    t.equal(await peer.ask('planner', root, { n: 4 }), 2 + length / 100)
    const closing = peer.close()
    t.equal(await failure(peer.ask('planner', root, { n: 4 })), 'RIVULET_CLOSED no')
    await closing
  }
  await planner.close()
})

t.test('a peer is asked that comes later, one that restarts, and one that leaves', async (t) => {
  const transport = place(t, 'tcp')
  const { planner, worker } = await pair(transport)
  t.equal(await failure(worker.ask('storage', root, { n: 1 }, { waitForReady: false })), 'RIVULET_UNKNOWN_PEER no')
  const early = worker.ask('storage', root, { n: 9 })
  const first = await createPeer({ name: 'storage', over: planner })
  answerRoot(first)
  t.equal(await early, 3.06)
  await first.close()
  await sees(worker, 'planner')
  const again = worker.ask('storage', root, { n: 16 })
  const second = await createPeer({ name: 'storage', over: planner })
  answerRoot(second)
  t.equal(await again, 4.06)
  let asked = () => {}
  const begun = new Promise<void>((resolve) => {
    asked = resolve
  })
  second.answer(slow, () => {
    asked()
    return new Promise<number>(() => {})
  })
  const open = failure(worker.ask('storage', slow, { n: 1 }))
  await begun
  await second.close({ timeoutMs: 20 })
  t.match(await open, /^RIVULET_(SERVER_CLOSING|PEER_GONE) maybe$/)
  await Promise.all([planner.close(), worker.close()])
})

t.test('closing waits for the asks that are open, and for those that are being answered', async (t) => {
  const { planner, worker } = await pair(place(t, 'tcp'))
  let answer = (_value: number) => {}
  const begun = new Promise<void>((resolve) => {
    planner.answer(slow, () => {
      resolve()
      return new Promise<number>((done) => {
        answer = done
      })
    })
  })
  const asked = worker.ask('planner', slow, { n: 1 })
  await begun
  const closing = Promise.all([worker.close(), planner.close()])
  answer(5)
  t.equal(await asked, 5)
  t.strictSame(await closing, [{ undelivered: 0 }, { undelivered: 0 }])
})

t.test('with security the asker has an identity, and the policy names who may ask whom', async (t) => {
  const { bind, runtime } = place(t, 'tcp')
  const [server, alice, bob] = [generateKeyPair(), generateKeyPair(), generateKeyPair()]
  const security = {
    keyPair: server,
    allow: { alice: alice.publicKey, bob: bob.publicKey },
    policy: [{ identity: 'alice', action: 'message', target: 'planner' }] as const,
  }
  const planner = await createPeer({ name: 'planner', bind, runtime, security })
  const seen: unknown[] = []
  planner.answer(slow, ({ n }, { from, peer }) => {
    seen.push([from.name, from.identity?.name, peer.identity?.name])
    return n
  })
  const connect = { connect: planner.endpoint, runtime }
  const one = await createPeer({ name: 'one', ...connect, security: { keyPair: alice, serverKey: server.publicKey } })
  const two = await createPeer({ name: 'two', ...connect, security: { keyPair: bob, serverKey: server.publicKey } })
  t.equal(await one.ask('planner', slow, { n: 4 }), 4)
  t.equal(await failure(two.ask('planner', slow, { n: 4 })), 'RIVULET_PERMISSION_DENIED no')
  t.equal(await planner.ask('planner', slow, { n: 7 }), 7, 'a policy is for other processes')
  t.strictSame(seen, [
    ['one', 'alice', 'alice'],
    ['planner', keyFingerprint(server.publicKey), undefined],
  ])
  await Promise.all([one.close(), two.close(), planner.close()])
})
