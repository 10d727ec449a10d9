/** Peers that would be another, or would have more than their share: replayed, relayed, late and malformed proofs, and what is bounded. */
import t from 'tap'
import { writeChallenge, writeProof } from '../../src/session/handshake.js'
import { frameKind, type Proof } from '../../src/wire/index.js'
import { sealFrame } from '../../src/wire/prelude.js'
import { helloOf, lost, refusalsIn, settings } from './link-pair.js'
import { alice, bob, challengeIn, dial, kinds, nonces, secured, sentTo, server } from './secured-pair.js'
import { ToyProver } from './toy-proof.js'

t.test('a proof is worth nothing again, elsewhere, or for another hello', async (t) => {
  const { link, authenticator } = secured()
  link.up()
  const hello = link.toAcceptor.shift() as Buffer
  link.acceptor.receive(link.peer, hello)
  link.dialer.receive(link.toDialer.shift() as Buffer)
  const proof = link.toAcceptor.shift() as Buffer
  // an admitted peer that has read both frames
  link.acceptor.receive('eve', proof)
  t.strictSame(refusalsIn(sentTo(link, 'eve')), ['reset'], 'no challenge')
  link.acceptor.receive('eve', hello)
  t.equal(challengeIn(sentTo(link, 'eve')).nonce[0], 2, 'another nonce')
  link.acceptor.receive('eve', proof)
  t.strictSame(refusalsIn(sentTo(link, 'eve')), ['unauthenticated'])
  link.acceptor.receive(link.peer, proof)
  t.equal(link.server.session.status, 'live', 'the honest one is served')
  link.acceptor.receive(link.peer, proof)
  t.strictSame(refusalsIn(link.toDialer), ['reset'], 'a nonce is used once')
  t.equal(link.server.session.status, 'live')
  t.equal(link.acceptor.size, 1)
  t.strictSame(authenticator.refusals, ['late-proof', 'wrong-proof', 'late-proof'])
})

t.test('a proof that an admitted peer relays proves the key of its maker, at its own acceptor alone', async (t) => {
  // alice dials bob's server; bob relays her frames to ours, and ours to her
  const { link } = secured(alice, [bob])
  link.up()
  link.acceptor.receive('bob', link.toAcceptor.shift() as Buffer)
  const asked = sentTo(link, 'bob')
  link.dialer.receive(asked[0] as Buffer)
  t.strictSame(link.dialerReports, ['RIVULET_SERVER_KEY_MISMATCH'], 'she does not answer for another server')
  // so bob asks in his own name, with our nonce
  link.pass(1000, false)
  link.acceptor.receive('bob', link.toAcceptor.shift() as Buffer)
  const challenge = challengeIn(sentTo(link, 'bob'))
  link.dialer.receive(writeChallenge({ ...challenge, publicKey: bob.publicKey }))
  link.acceptor.receive('bob', link.toAcceptor.shift() as Buffer)
  t.strictSame(refusalsIn(sentTo(link, 'bob')), ['unauthenticated'])
  t.equal(link.acceptor.size, 0)
})

t.test('the key of another cannot be claimed', async (t) => {
  const { link } = secured()
  const hello = helloOf({ capabilities: ['proof'] })
  link.acceptor.receive('bob', hello)
  const challenge = challengeIn(sentTo(link, 'bob'))
  const fields = { ...challenge, session: Buffer.alloc(16, 9), resume: false } as never
  const proof = new ToyProver(bob, [server], nonces(1)).prove(fields, challenge) as Proof
  link.acceptor.receive('bob', writeProof({ ...proof, publicKey: alice.publicKey }))
  t.strictSame(refusalsIn(sentTo(link, 'bob')), ['unauthenticated'])
  t.equal(link.acceptor.size, 0)
})

t.test('a session belongs to its key: another may neither resume it nor begin it again', async (t) => {
  const { link, authenticator } = secured()
  link.connect()
  const session = Buffer.alloc(16, 1)
  for (const resume of [true, false]) {
    t.strictSame(refusalsIn(dial(link, 'bob', bob, { session, connection: 50, resume })), ['unknown-session'])
    t.equal(link.server.session.status, 'live')
  }
  link.client.send(1, 'unharmed')
  link.settle()
  t.strictSame(link.server.texts, ['unharmed'])
  link.cut()
  t.strictSame(refusalsIn(dial(link, 'bob', bob, { session, connection: 51, resume: true })), ['unknown-session'])
  t.strictSame(authenticator.refusals, ['foreign-session bob', 'foreign-session bob', 'foreign-session bob'])
  link.connect()
  t.equal(link.accepted.length, 1)
  t.equal(link.server.session.status, 'live', 'its owner resumes it')
  t.strictSame(kinds(dial(link, 'bob', bob)), [frameKind.welcome], 'and the other has its own')
})

t.test('nothing flows between hello and proof, and frames cost the challenge', async (t) => {
  const { link, authenticator } = secured()
  link.connect()
  link.client.send(1, 'x')
  link.flush()
  const [frame = Buffer.alloc(0)] = link.toAcceptor.splice(0)
  link.acceptor.receive('bob', helloOf({ capabilities: ['proof'] }))
  sentTo(link, 'bob')
  link.acceptor.receive('bob', frame)
  t.strictSame(refusalsIn(sentTo(link, 'bob')), ['unauthenticated'])
  t.strictSame(authenticator.refusals, ['frames-before-proof'])
  t.equal(link.acceptor.strayFrames, 1)
  // on a connection that has a session, a hello ends what was there
  link.acceptor.receive(link.peer, helloOf({ capabilities: ['proof'], connection: 9 }))
  t.equal(link.accepted[0]?.session.status, 'ended')
  link.acceptor.receive(link.peer, frame)
  t.strictSame(link.server.texts, [])
})

t.test('another hello makes another challenge, the same once more does not', async (t) => {
  const { link } = secured()
  link.acceptor.receive('bob', helloOf({ capabilities: ['proof'] }))
  link.acceptor.receive('bob', helloOf({ capabilities: ['proof'] }))
  const first = sentTo(link, 'bob')
  t.equal(first.length, 1)
  link.acceptor.receive('bob', helloOf({ capabilities: ['proof'], connection: 2 }))
  const second = sentTo(link, 'bob')
  t.notSame(challengeIn(second).nonce, challengeIn(first).nonce)
  const hello = { ...challengeIn(first), session: Buffer.alloc(16, 9), resume: false } as never
  const proof = new ToyProver(bob, [server], nonces(1)).prove(hello, challengeIn(first)) as Proof
  link.acceptor.receive('bob', writeProof(proof))
  t.strictSame(refusalsIn(sentTo(link, 'bob')), ['unauthenticated'], 'the former is forgotten')
})

t.test('a late proof is refused as slow, and a silent peer is forgotten', async (t) => {
  const { link, authenticator } = secured()
  link.up()
  link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
  link.dialer.receive(link.toDialer.shift() as Buffer)
  const proof = link.toAcceptor.shift() as Buffer
  link.now += 2000
  link.acceptor.receive(link.peer, proof)
  t.strictSame(refusalsIn(link.toDialer.splice(0)), ['reset'])
  link.acceptor.receive('silent', helloOf({ capabilities: ['proof'] }))
  t.strictSame(authenticator.refusals, ['late-proof'])
  link.now += 2000
  link.acceptor.tick()
  t.strictSame(authenticator.refusals, ['late-proof', 'late-proof'])
  link.acceptor.tick()
  t.equal(authenticator.refusals.length, 2)
  t.equal(link.acceptor.size, 0)
})

t.test('challenges are bounded: the oldest makes room', async (t) => {
  const { link, authenticator } = secured()
  for (let peer = 0; peer <= 4096; peer++) link.acceptor.receive(`p${peer}`, helloOf({ capabilities: ['proof'] }))
  t.strictSame(authenticator.refusals, ['late-proof'])
  link.acceptor.gone('p1', lost)
  link.acceptor.receive('another', helloOf({ capabilities: ['proof'] }))
  t.equal(authenticator.refusals.length, 1, 'who leaves makes room, too')
})

t.test('proofs of wrong lengths, and of another connection number', async (t) => {
  const { link } = secured()
  for (const bytes of [Buffer.alloc(8), Buffer.concat([Buffer.alloc(8), Buffer.from([2]), Buffer.alloc(95)])]) {
    sealFrame(bytes, frameKind.proof, undefined)
    link.acceptor.receive('bob', helloOf({ capabilities: ['proof'], connection: 1 }))
    link.acceptor.receive('bob', bytes)
    link.acceptor.gone('bob', lost)
  }
  t.strictSame(link.acceptorReports, ['RIVULET_BAD_FRAME', 'RIVULET_BAD_FRAME'])
  link.acceptor.receive('bob', helloOf({ capabilities: ['proof'] }))
  sentTo(link, 'bob')
  const zeros = { publicKey: bob.publicKey, nonce: Buffer.alloc(32), mac: Buffer.alloc(32), extensions: {} }
  link.acceptor.receive('bob', writeProof({ connection: 2, ...zeros }))
  t.strictSame(refusalsIn(sentTo(link, 'bob')), ['unauthenticated'])
  t.equal(link.acceptor.size, 0)
})

t.test('the sessions of a key are bounded, and its own cut ones make room', async (t) => {
  const { link, authenticator } = secured()
  link.connect()
  authenticator.maxSessionsPerKey = 2
  const of = (number: number) => ({ session: Buffer.alloc(16, 20 + number) })
  for (const number of [0, 1]) t.strictSame(kinds(dial(link, `b${number}`, bob, of(number))), [frameKind.welcome])
  t.strictSame(refusalsIn(dial(link, 'b2', bob, of(2))), ['too-many-sessions'])
  t.strictSame(authenticator.refusals, ['too-many-sessions bob'])
  link.cut() // a cut session of another is not touched
  link.acceptor.gone('b0', lost)
  t.strictSame(kinds(dial(link, 'b2', bob, of(2))), [frameKind.welcome])
  t.equal(link.acceptor.size, 3)
  t.strictSame(refusalsIn(dial(link, 'b0', bob, { ...of(0), connection: 2, resume: true })), ['unknown-session'])
  link.connect()
  t.equal(link.accepted.length, 4, 'alice resumes')
})

t.test('a full acceptor takes the room of the same key first', async (t) => {
  const { link } = secured()
  link.connect()
  link.cut()
  const of = (number: number) => ({ session: Buffer.alloc(16, 20 + number) })
  for (const number of [0, 1, 2]) dial(link, `b${number}`, bob, of(number))
  link.acceptor.gone('b0', lost)
  t.equal(link.acceptor.size, settings.maxSessions)
  t.strictSame(kinds(dial(link, 'b3', bob, of(3))), [frameKind.welcome])
  link.connect()
  t.equal(link.client.session.status, 'live')
  t.equal(link.dialed.length, 1, 'the session that was cut first is that of alice, and was not taken')
})

t.test('a full acceptor ends no session for a key that has as many as its owner', async (t) => {
  const { link } = secured()
  link.connect()
  link.cut()
  const of = (number: number) => ({ session: Buffer.alloc(16, 20 + number) })
  for (const number of [0, 1, 2]) dial(link, `b${number}`, bob, of(number))
  t.equal(link.acceptor.size, settings.maxSessions)
  t.strictSame(refusalsIn(dial(link, 'b3', bob, of(3))), ['too-many-sessions'])
  link.connect()
  t.equal(link.dialed.length, 1, 'the session of alice was not ended for it')
  link.acceptor.gone('b1', lost)
  t.strictSame(kinds(dial(link, 'a2', alice, { session: Buffer.alloc(16, 40) })), [frameKind.welcome])
  t.strictSame(
    refusalsIn(dial(link, 'b1', bob, { ...of(1), connection: 2, resume: true })),
    ['unknown-session'],
    'it took the place of one of bob',
  )
})
