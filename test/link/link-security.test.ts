/** The proof of identity with real keys: what links make of a guard, and what comes of forged and weak keys. */
import t from 'tap'
import { systemClock } from '../../src/clock/index.js'
import { authenticatorOf, proverOf } from '../../src/link/link-security.js'
import {
  type Allow,
  generateKeyPair,
  type KeyPair,
  type ObservedEvent,
  SecurityGuard,
  z85Decode,
} from '../../src/security/index.js'
import { writeProof } from '../../src/session/handshake.js'
import { Challenge, frameKind, Proof, readRecordFrame } from '../../src/wire/index.js'
import { LinkPair, refusalsIn } from '../session/link-pair.js'

const [server, alice, bob, eve] = Array.from({ length: 4 }, () => generateKeyPair()) as [
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
]

/** A guard that notes what it is told in a list. */
function guardOf(allow: Allow): { guard: SecurityGuard; noted: ObservedEvent[] } {
  const ports = { clock: systemClock, resource: () => 'test', report: (error: Error) => t.fail(error.message) }
  const guard = new SecurityGuard({ keyPair: server, allow, policy: undefined, serverKeys: [] }, ports)
  const noted: ObservedEvent[] = []
  guard.note = (event) => noted.push(event)
  t.teardown(() => guard.close())
  return { guard, noted }
}

/** @param connectedTo - The key of the server that CURVE has checked. */
function pairOf(
  keyPair: KeyPair,
  allow: Allow,
  serverKeys = [server.publicKey],
  connectedTo?: string,
  isRevoked?: (serverKey: string) => boolean,
) {
  const { guard, noted } = guardOf(allow)
  const prover = proverOf(keyPair, serverKeys, () => connectedTo, isRevoked)
  const link = new LinkPair({ authenticator: authenticatorOf(guard, 1024), prover })
  return { link, noted }
}

/** Lets a dialer and an acceptor come as far as its proof, which is returned. */
function provenIn(link: LinkPair): { proof: Proof; challenge: Challenge } {
  link.up()
  link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
  const frame = link.toDialer.shift() as Buffer
  link.dialer.receive(frame)
  const proof = readRecordFrame(Proof, link.toAcceptor.shift() as Buffer, frameKind.proof, undefined)
  return { proof, challenge: readRecordFrame(Challenge, frame, frameKind.challenge, undefined) }
}

t.test('an admitted key has the name of the list, and resumes its session', async (t) => {
  const { link, noted } = pairOf(alice, { alice: alice.publicKey, bob: bob.publicKey })
  link.connect()
  t.strictSame(link.identities, [{ name: 'alice', publicKey: alice.publicKey }])
  link.client.send(1, 'x')
  link.flush()
  link.cut()
  link.connect()
  t.strictSame(link.server.texts, ['x'])
  t.equal(link.dialed.length, 1)
  t.strictSame(noted, [])
})

t.test('a rotated key of a name, and a rotating key of the server', async (t) => {
  const { link } = pairOf(bob, { alice: [alice.publicKey, bob.publicKey] }, [eve.publicKey, server.publicKey])
  link.connect()
  t.strictSame(link.identities, [{ name: 'alice', publicKey: bob.publicKey }])
})

t.test('an unknown key, a server that is not expected', async (t) => {
  const { link, noted } = pairOf(eve, { alice: alice.publicKey })
  link.connect()
  t.strictSame(link.dialerReports, ['RIVULET_UNAUTHENTICATED'])
  t.strictSame(noted, [{ kind: 'refused', reason: 'unknown-key' }])
  const { link: other } = pairOf(alice, 'any', [eve.publicKey])
  other.connect()
  t.strictSame(other.dialerReports, ['RIVULET_SERVER_KEY_MISMATCH'])
})

t.test(
  'a dialer ends the session of a server that it admits no longer, and proves it nothing until it is admitted',
  async (t) => {
    let isRevoked = false
    const { link } = pairOf(alice, 'any', undefined, undefined, () => isRevoked)
    link.connect()
    const { client, server: accepted } = link
    isRevoked = true
    link.dialer.revoke(false)
    link.settle()
    t.equal(client.reason, 'RIVULET_UNAUTHENTICATED')
    t.equal(accepted.session.status, 'ended')
    link.pass(1500)
    t.equal(link.accepted.length, 1)
    t.strictSame(link.dialerReports, ['RIVULET_UNAUTHENTICATED', 'RIVULET_UNAUTHENTICATED'], 'for the next try, too')
    isRevoked = false
    link.pass(2500)
    t.equal(link.client.session.status, 'live')
    link.dialer.revoke(true)
    link.settle()
    t.strictSame([link.accepted.length, link.client.session.status], [3, 'live'], 'by another name: again, at once')
  },
)

t.test('a function decides, now or later, once the key is proven', async (t) => {
  const asked: string[] = []
  for (const answer of ['carol', Promise.resolve('carol')]) {
    const { link } = pairOf(alice, (publicKey) => {
      asked.push(publicKey)
      return answer
    })
    const { proof } = provenIn(link)
    link.acceptor.receive('forger', writeProof(proof))
    t.equal(asked.length, answer === 'carol' ? 0 : 1, 'nobody is asked about a key without its proof')
    link.acceptor.receive(link.peer, writeProof(proof))
    await new Promise(setImmediate)
    link.settle()
    t.match(link.identities, [{ name: 'carol', publicKey: alice.publicKey }])
    t.equal(link.client.session.status, 'live')
  }
  t.strictSame(asked, [alice.publicKey, alice.publicKey])
})

t.test('a proof with anything changed, the key of another, or one that yields nothing to keep secret', async (t) => {
  const keyOf = ({ publicKey }: KeyPair) => z85Decode(publicKey) as Buffer
  const flipped = (bytes: Buffer) => Buffer.from(bytes.map((byte, at) => (at === 7 ? byte ^ 1 : byte)))
  // points of small order: X25519 yields 32 zeros, so that anybody could compute the code
  const weak = [Buffer.alloc(32), Buffer.from([1, ...Array(31).fill(0)])]
  const changes: ((proof: Proof) => Partial<Proof>)[] = [
    ({ mac }) => ({ mac: flipped(mac) }),
    ({ nonce }) => ({ nonce: flipped(nonce) }),
    () => ({ publicKey: keyOf(bob) }),
    () => ({ mac: Buffer.alloc(32) }),
    ...weak.map((publicKey) => () => ({ publicKey })),
  ]
  for (const [at, change] of changes.entries()) {
    const { link, noted } = pairOf(alice, 'any')
    const { proof } = provenIn(link)
    link.acceptor.receive(link.peer, writeProof({ ...proof, ...change(proof) }))
    t.strictSame(refusalsIn(link.toDialer), ['unauthenticated'], `change ${at}`)
    t.strictSame(noted, [{ kind: 'refused', reason: 'wrong-proof' }])
    t.equal(link.acceptor.size, 0)
  }
})

t.test('nonces differ, and a proof fits one challenge alone', async (t) => {
  const { link } = pairOf(alice, 'any')
  const first = provenIn(link)
  link.cut()
  const second = provenIn(link)
  t.notSame(first.challenge.nonce, second.challenge.nonce)
  t.notSame(first.proof.nonce, second.proof.nonce)
  link.acceptor.receive(link.peer, writeProof({ ...first.proof, connection: second.proof.connection }))
  t.strictSame(refusalsIn(link.toDialer), ['unauthenticated'])
})

t.test('a proof is for the server of the connection alone: another known one cannot have it relayed', async (t) => {
  const { link: honest } = pairOf(alice, 'any', [eve.publicKey, server.publicKey], server.publicKey)
  honest.connect()
  t.equal(honest.client.session.status, 'live')
  // eve is a server of alice, too, and relays what the server says over its connection with alice
  const { link: relayed } = pairOf(alice, 'any', [eve.publicKey, server.publicKey], eve.publicKey)
  relayed.connect()
  t.strictSame(relayed.dialerReports, ['RIVULET_SERVER_KEY_MISMATCH'])
  t.equal(relayed.acceptor.size, 0)
})
