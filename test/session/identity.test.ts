/** Sessions whose peers prove their key: how they begin, are resumed, refused and revoked. */
import t from 'tap'
import { refusalReason, writeChallenge, writeProof, writeRefusal, writeWelcome } from '../../src/session/handshake.js'
import { emptyLinkFrame, frameKind, Refusal, readRecordFrame } from '../../src/wire/index.js'
import { helloOf, LinkPair, lost, refusalsIn, settings } from './link-pair.js'
import { alice, bob, dial, eve, kinds, nonces, secured, sentTo, server, undecided } from './secured-pair.js'
import { ToyAuthenticator, type ToyKey, ToyProver } from './toy-proof.js'

t.test('a session begins after the proof, has its identity, and is resumed with another proof', async (t) => {
  const { link, authenticator } = secured()
  link.client.send(1, 'early')
  link.up()
  t.match(link.hello(), { capabilities: ['proof'] })
  const kindsSeen: number[] = []
  for (let round = 0; round < 2; round++) {
    link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
    kindsSeen.push(...kinds(link.toDialer))
    t.equal(link.acceptor.size, round, 'nothing begins before the proof')
    link.dialer.receive(link.toDialer.shift() as Buffer)
    kindsSeen.push(...kinds(link.toAcceptor))
    link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
    kindsSeen.push(...kinds(link.toDialer))
    link.settle()
    t.equal(link.server.session.status, 'live')
    if (round > 0) break
    link.cut()
    link.server.send(-1, 'meanwhile')
    link.up()
  }
  const { challenge, proof, welcome, link: item } = frameKind
  t.strictSame(kindsSeen, [challenge, proof, welcome, challenge, proof, welcome, item])
  t.strictSame(link.identities, [{ name: 'alice', publicKey: alice.text }])
  t.strictSame([link.server.texts, link.client.texts], [['early'], ['meanwhile']])
  t.equal(link.dialed.length, 1)
  t.strictSame([link.dialerReports, link.acceptorReports, authenticator.refusals], [[], [], []])
})

/** The handshake without security, byte for byte as it was before there was any. */
const plainHello = '5276020a962567f80202000101010101010101010101010101010102000080897a80802080801080a4e80300'
const plainWelcome = '5276020ccb0ff5a9020002000080897a80802080801080a4e80300'

t.test('without security a hello says nothing of proofs, and is welcomed at once', async (t) => {
  const link = new LinkPair()
  link.up()
  t.equal(link.toAcceptor[0]?.toString('hex'), plainHello)
  link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
  t.strictSame(kinds(link.toDialer), [frameKind.welcome])
  t.equal(link.toDialer[0]?.toString('hex'), plainWelcome)
  t.strictSame(link.identities, [undefined])
  link.acceptor.receive(
    'q',
    writeProof({
      connection: 1,
      publicKey: alice.publicKey,
      nonce: Buffer.alloc(32),
      mac: Buffer.alloc(32),
      extensions: {},
    }),
  )
  t.strictSame(link.acceptorReports, ['RIVULET_BAD_FRAME'])
})

t.test('a dialer without security is refused in words that an old one understands', async (t) => {
  const { link, authenticator } = secured(null)
  link.up()
  link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
  t.strictSame(kinds(link.toDialer), [frameKind.refusal])
  t.strictSame(refusalsIn(link.toDialer), ['unauthenticated'])
  t.equal(link.acceptor.size, 0)
  t.strictSame(authenticator.refusals, ['no-proof'])
  t.strictSame(link.acceptorReports, ['RIVULET_UNAUTHENTICATED'])
  link.settle()
  t.strictSame(link.dialerReports, ['RIVULET_UNAUTHENTICATED'])
  t.equal(link.dialed[0]?.reason, 'RIVULET_UNAUTHENTICATED')
})

t.test('a refused dialer tries again after 1 s, then twice as long each time, up to 30 s', async (t) => {
  const { link } = secured(eve)
  const tries: number[] = []
  link.connect()
  let seen = 1
  for (let second = 1; second <= 130; second++) {
    link.pass(1000)
    // a connection that comes and goes is no way around it
    if (second % 7 === 3) {
      link.cut()
      link.connect()
    }
    if (link.dialerReports.length > seen) tries.push(second)
    seen = link.dialerReports.length
  }
  t.strictSame(tries, [1, 3, 7, 15, 31, 61, 91, 121])
  t.ok(link.dialerReports.every((code) => code === 'RIVULET_UNAUTHENTICATED'))
})

t.test('who is admitted again begins with short waits', async (t) => {
  const { link, authenticator } = secured(eve)
  link.connect()
  link.pass(3000)
  authenticator.admitted.set(eve.text, 'eve')
  link.pass(4000)
  t.equal(link.client.session.status, 'live')
  link.acceptor.revoke(eve.text)
  authenticator.admitted.delete(eve.text)
  link.settle()
  const { length } = link.dialerReports
  link.pass(1000)
  t.equal(link.dialerReports.length, length + 1)
})

t.test('a challenge that the dialer cannot or must not answer', async (t) => {
  const challenge = (key: ToyKey) =>
    writeChallenge({ connection: 1, nonce: Buffer.alloc(32, 7), publicKey: key.publicKey, extensions: {} })
  for (const [name, prover, frame, code] of [
    ['it has no key', null, challenge(server), 'RIVULET_SECURITY_MISMATCH'],
    ['of an unexpected server', alice, challenge(eve), 'RIVULET_SERVER_KEY_MISMATCH'],
  ] as const) {
    const { link } = secured(prover)
    link.up()
    link.toAcceptor.length = 0
    link.dialer.receive(frame)
    t.strictSame(link.dialerReports, [code], name)
    t.equal(link.dialed[0]?.reason, code)
    t.equal(link.toAcceptor.length, 0, 'nothing is answered, and nothing tried at once')
    link.pass(1000, false)
    t.strictSame(kinds(link.toAcceptor), [frameKind.hello])
  }
})

t.test('a rotating server has several keys', async (t) => {
  const { link } = secured(alice, [eve, server])
  link.connect()
  t.equal(link.client.session.status, 'live')
})

t.test('a dialer with security takes no welcome without a challenge', async (t) => {
  const { link } = secured()
  link.up()
  const { limits } = settings
  const welcome = { version: 1, capabilities: [], connection: 1, resumed: false, received: 0, limits, extensions: {} }
  link.dialer.receive(writeWelcome(welcome))
  t.strictSame(link.dialerReports, ['RIVULET_SECURITY_MISMATCH'])
  t.equal(link.dialed[0]?.reason, 'RIVULET_SECURITY_MISMATCH')
  t.equal(link.client.session.status, 'opening')
})

t.test('one proof for one hello: a second challenge is not answered', async (t) => {
  const { link } = secured()
  link.up()
  link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
  link.dialer.receive(link.toDialer.shift() as Buffer)
  link.dialer.receive(
    writeChallenge({ connection: 1, nonce: Buffer.alloc(32, 99), publicKey: server.publicKey, extensions: {} }),
  )
  t.strictSame(kinds(link.toAcceptor), [frameKind.proof])
})

t.test('a revoked key loses all its sessions, and others keep theirs', async (t) => {
  const { link, authenticator } = secured()
  link.connect()
  const other = { session: Buffer.alloc(16, 30) }
  t.strictSame(kinds(dial(link, 'other', alice, other)), [frameKind.welcome])
  t.strictSame(kinds(dial(link, 'bob', bob)), [frameKind.welcome])
  authenticator.admitted.delete(alice.text)
  t.equal(link.acceptor.revoke(alice.text), 2)
  t.equal(link.acceptor.revoke(alice.text), 0)
  t.strictSame(refusalsIn(sentTo(link, 'other')), ['unauthenticated'])
  t.strictSame(
    link.accepted.map(({ session, reason }) => [session.status, reason]),
    [
      ['ended', 'RIVULET_UNAUTHENTICATED'],
      ['ended', 'RIVULET_UNAUTHENTICATED'],
      ['live', undefined],
    ],
  )
  link.settle()
  t.strictSame(link.dialerReports, ['RIVULET_UNAUTHENTICATED'])
  t.equal(link.dialed[0]?.reason, 'RIVULET_UNAUTHENTICATED')
  link.pass(1000)
  t.equal(link.acceptor.size, 1, 'its next try is refused')
  t.strictSame(authenticator.refusals, ['unknown-key'])
})

t.test('a dialer that closes before its proof takes nothing back, and after it says goodbye', async (t) => {
  for (const proven of [false, true]) {
    const { link, authenticator } = secured()
    link.up()
    if (proven) {
      link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
      link.dialer.receive(link.toDialer.shift() as Buffer)
    }
    link.dialer.close(lost)
    link.settle()
    t.equal(link.acceptor.size, 0)
    t.equal(link.accepted.length, proven ? 1 : 0)
    t.strictSame([link.acceptorReports, authenticator.refusals], [[], []])
  }
})

t.test('a refusal for reasons of identity names them', async (t) => {
  const { link } = secured(eve)
  link.up()
  for (let step = 0; step < 2; step++) {
    link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
    if (step === 0) link.dialer.receive(link.toDialer.shift() as Buffer)
  }
  const { reason, message } = readRecordFrame(Refusal, link.toDialer[0] as Buffer, frameKind.refusal, undefined)
  t.equal(reason, refusalReason.unauthenticated)
  t.match(message, /not that of a key that is admitted/)
  t.notMatch(message, eve.text)
  // one of an earlier hello is ignored
  const { link: live } = secured()
  live.connect()
  live.dialer.receive(writeRefusal(7, refusalReason.unauthenticated, 'late'))
  t.equal(live.client.session.status, 'live')
})

t.test('a decision that takes its time: the session begins when it is made', async (t) => {
  const { link, authenticator, decide } = undecided()
  link.up()
  link.settle()
  t.equal(link.acceptor.size, 0)
  await decide({ name: 'alice', publicKey: alice.text })
  link.settle()
  t.equal(link.client.session.status, 'live')
  t.strictSame(link.identities, [{ name: 'alice', publicKey: alice.text }])
  t.strictSame(authenticator.refusals, [])
})

t.test('a decision for a connection that is gone, has said another hello, or is closed begins nothing', async (t) => {
  for (const what of ['gone', 'hello', 'frames', 'close'] as const) {
    const { link, decide } = undecided()
    link.up()
    link.settle()
    if (what === 'gone') link.acceptor.gone(link.peer, lost)
    else if (what === 'hello') link.acceptor.receive(link.peer, helloOf({ capabilities: ['proof'], connection: 2 }))
    else if (what === 'frames')
      link.acceptor.receive(link.peer, emptyLinkFrame({ connection: 1, sequence: 0, acknowledged: 0, time: 0 }))
    else link.acceptor.close(lost)
    await decide({ name: 'alice', publicKey: alice.text })
    t.equal(link.accepted.length, 0, what)
  }
})

t.test('when nobody can decide, the dialer is told so and tries again later', async (t) => {
  const { link, authenticator, decide } = undecided()
  link.up()
  link.settle()
  await decide('unavailable')
  link.settle()
  t.strictSame(authenticator.refusals, ['unavailable'])
  t.strictSame([link.acceptorReports, link.dialerReports], [[], ['RIVULET_ADMISSION_UNAVAILABLE']])
  t.equal(link.toAcceptor.length, 0)
  link.pass(1000, false)
  t.strictSame(kinds(link.toAcceptor), [frameKind.hello])
})

t.test(
  'a key is revoked while a frame of its session is held: the rest of it is dropped, and others are served',
  async (t) => {
    let pieces = 0
    const authenticator = new ToyAuthenticator(server, [alice, bob], nonces(1))
    const prover = new ToyProver(alice, [server], nonces(101))
    const link = new LinkPair({ authenticator, prover, spend: () => ++pieces % 2 === 0 }).connect()
    const stream = link.client.session.openStream()
    for (let count = 0; count < 5; count++) link.client.send(stream, `${count}`)
    link.flush()
    t.notOk(link.acceptor.receive(link.peer, link.toAcceptor.pop() as Buffer))
    t.equal(link.acceptor.revoke(alice.text), 1)
    while (!link.acceptor.takeRest());
    t.strictSame(link.server.texts, ['0', '1'])
    t.equal(link.acceptor.size, 0)
    t.strictSame(kinds(dial(link, 'bob', bob)), [frameKind.welcome])
  },
)

t.test('a session outlives that nobody can decide about its key for a while', async (t) => {
  const { link, authenticator } = secured()
  link.connect()
  link.client.send(1, 'before')
  link.flush()
  link.cut()
  const verify = authenticator.verify.bind(authenticator)
  authenticator.verify = () => 'unavailable'
  link.connect()
  t.strictSame(link.dialerReports, ['RIVULET_ADMISSION_UNAVAILABLE'])
  t.equal(link.client.session.status, 'cut')
  authenticator.verify = verify
  link.pass(1000)
  t.equal(link.client.session.status, 'live')
  t.strictSame(link.server.texts, ['before'])
  t.equal(link.dialed.length, 1)
})
