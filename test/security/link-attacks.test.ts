/**
 * Admitted peers that would be another, over CURVE and with raw sockets: the key, the proof, the session and the routing id of
 * another are worth nothing to them, and harm it in nothing.
 */
import { filter, firstValueFrom } from 'rxjs'
import t, { type Test } from 'tap'
import * as zmq from 'zeromq'
import { createRpcServer, implement, type RpcServer } from '../../patterns/rpc/index.js'
import { generateKeyPair } from '../../src/index.js'
import { proverOf } from '../../src/link/link-security.js'
import { defaults } from '../../src/options/index.js'
import { kindOf, writeProof } from '../../src/session/handshake.js'
import { Challenge, emptyLinkFrame, frameKind, type Proof, Refusal, readRecordFrame } from '../../src/wire/index.js'
import { helloOf } from '../session/link-pair.js'
import { first } from '../support/events.js'
import { place } from '../support/transports.js'
import { Doubling } from './roles.js'

const server = generateKeyPair()
const keys = { alice: generateKeyPair(), bob: generateKeyPair() }
const allow = { alice: keys.alice.publicKey, bob: keys.bob.publicKey }
const session = { alice: Buffer.alloc(16, 'alice'), bob: Buffer.alloc(16, 'bob') }

/** A peer with a socket of its own, which CURVE admits. */
class RawPeer {
  readonly name: keyof typeof keys
  readonly socket: zmq.Dealer
  #connection = 0

  constructor(t: Test, name: keyof typeof keys, endpoint: string, routingId?: string) {
    this.name = name
    const { publicKey, secretKey } = keys[name]
    const curve = { curvePublicKey: publicKey, curveSecretKey: secretKey, curveServerKey: server.publicKey }
    this.socket = new zmq.Dealer({ linger: 0, immediate: true, ...curve, ...(routingId && { routingId }) })
    this.socket.connect(endpoint)
    t.teardown(() => this.socket.close())
  }

  /** Says hello, and returns the challenge. */
  async hello(of: keyof typeof keys = this.name, resume = false): Promise<{ challenge: Challenge; proof: Proof }> {
    this.#connection += 1
    const fields = { session: session[of], connection: this.#connection, resume }
    await this.socket.send(helloOf({ capabilities: ['proof'], ...fields }))
    const frame = await this.read()
    const challenge = readRecordFrame(Challenge, frame, frameKind.challenge, undefined)
    const prover = proverOf(keys[this.name], [server.publicKey], () => undefined)
    return { challenge, proof: prover.prove(fields as never, challenge) as Proof }
  }

  /** Sends a frame, and returns the reason of the refusal that answers, or `welcome`. */
  async ask(frame: Buffer): Promise<string> {
    await this.socket.send(frame)
    for (;;) {
      const answer = await this.read()
      if (kindOf(answer) === frameKind.welcome) return 'welcome'
      if (kindOf(answer) === frameKind.refusal) {
        return readRecordFrame(Refusal, answer, frameKind.refusal, undefined).reason
      }
    }
  }

  /** The next frame that is not one of an open link. */
  async read(): Promise<Buffer> {
    for (;;) {
      const [frame] = (await this.socket.receive()) as [Buffer]
      if (kindOf(frame) !== frameKind.link) return frame
    }
  }

  /** Resolves when its link is alive: the server sends on it. */
  async alive(connection = this.#connection): Promise<void> {
    await this.socket.send(emptyLinkFrame({ connection, sequence: 0, acknowledged: 0, time: 1 }))
    for (;;) {
      const [frame] = (await this.socket.receive()) as [Buffer]
      if (kindOf(frame) === frameKind.link) return
    }
  }
}

async function open(t: Test): Promise<RpcServer> {
  const { runtime } = place(t, 'tcp')
  const services = [implement(Doubling, { double: ({ value }) => 2 * value })]
  const bind = 'tcp://127.0.0.1:*'
  const accepting = await createRpcServer({ bind, runtime, services, security: { keyPair: server, allow } })
  accepting.errors.subscribe()
  return accepting
}

t.test('the key, the proof and the session of another', async (t) => {
  const accepting = await open(t)
  const alice = new RawPeer(t, 'alice', accepting.endpoint)
  const { proof } = await alice.hello()
  t.equal(await alice.ask(writeProof(proof)), 'welcome')
  const foreign = first(accepting.securityEvents, ({ reason }) => reason === 'foreign-session')

  const claims = new RawPeer(t, 'bob', accepting.endpoint)
  const claim = await claims.hello()
  t.equal(await claims.ask(writeProof({ ...claim.proof, publicKey: proof.publicKey })), 'unauthenticated')

  const replays = new RawPeer(t, 'bob', accepting.endpoint)
  await replays.hello() // so that its next number is above hers
  await replays.hello('alice')
  t.equal(await replays.ask(writeProof(proof)), 'unauthenticated')

  // it has read the number of her session somewhere
  const steals = new RawPeer(t, 'bob', accepting.endpoint)
  await steals.hello()
  const theft = await steals.hello('alice', true)
  t.equal(await steals.ask(writeProof(theft.proof)), 'unknown-session')
  t.match(await foreign, { identity: { name: 'bob' } })

  const hasty = new RawPeer(t, 'bob', accepting.endpoint)
  await hasty.hello()
  const frame = emptyLinkFrame({ connection: 1, sequence: 0, acknowledged: 0, time: 1 })
  t.equal(await hasty.ask(frame), 'unauthenticated')

  await alice.alive()
  t.equal(accepting.stats().sessions, 1)
})

t.test('the routing id of another, while it is there and when it has left', async (t) => {
  const accepting = await open(t)
  const alice = new RawPeer(t, 'alice', accepting.endpoint, 'the id')
  t.equal(await alice.ask(writeProof((await alice.hello()).proof)), 'welcome')
  const beside = new RawPeer(t, 'bob', accepting.endpoint, 'the id')
  const admitted = new Promise((resolve) => beside.socket.events.on('handshake', resolve))
  await beside.socket.send(helloOf({ capabilities: ['proof'], session: session.bob, connection: 9 }))
  await admitted
  await alice.alive()
  beside.socket.receiveTimeout = 0
  await t.rejects(beside.socket.receive(), { code: 'EAGAIN' }, 'the library drops what it sends')
  await alice.alive()
  t.equal(accepting.stats().sessions, 1)
  const left = firstValueFrom(accepting.links.pipe(filter(({ connected }) => connected === 0)))
  beside.socket.close()
  alice.socket.close()
  await left
  // what the server reads of another peer comes behind what it reads of those
  await new RawPeer(t, 'bob', accepting.endpoint).hello()

  const after = new RawPeer(t, 'bob', accepting.endpoint, 'the id')
  const frame = emptyLinkFrame({ connection: 1, sequence: 0, acknowledged: 0, time: 1 })
  t.equal(await after.ask(frame), 'unknown-session', 'the connection of before is gone, and its session with it')
  t.equal(await after.ask(writeProof((await after.hello()).proof)), 'welcome')
  await after.alive()
})

t.test('a flood of refused handshakes is counted, and reported at a bounded rate', async (t) => {
  const accepting = await open(t)
  let reports = 0
  accepting.errors.subscribe(() => {
    reports += 1
  })
  const bob = new RawPeer(t, 'bob', accepting.endpoint)
  for (let connection = 1; connection <= 100; connection++) {
    t.equal(await bob.ask(helloOf({ session: session.bob, connection })), 'unauthenticated')
  }
  t.strictSame(accepting.stats().rejectedFrames, { unauthenticated: 100 })
  t.equal(reports, defaults.reportErrors)
})
