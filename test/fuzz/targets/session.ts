/**
 * Frames to the machines of links, with a proof of identity and without: what an honest peer sends is changed, repeated and
 * put out of order, while hostile peers hold sessions of their own and send items, hellos and proofs that they make up.
 */
import { readChallenge, readWelcome, writeProof } from '../../../src/session/handshake.js'
import { type Hello, LinkHeader } from '../../../src/wire/index.js'
import { frameKind } from '../../../src/wire/prelude.js'
import { helloOf, itemKind, LinkPair, look, settings } from '../../session/link-pair.js'
import { alice, bob, eve, nonces, secured, server } from '../../session/secured-pair.js'
import { ToyProver } from '../../session/toy-proof.js'
import type { Random } from '../../simulation/random.js'
import { edge, mutate, mutateFrame, sealed } from '../mutate.js'
import { type Target, taken } from '../target.js'
import { itemArray, itemBytes } from './link-frame.js'

/** Frames that are kept to be sent again. */
const mostKept = 64

/** The inputs of one pair of machines. */
const pairInputs = 300

const peers = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const kinds = [1, 2, 3, 4, 5, 6, 8, 12, 15, 16, 63, 64, 100]

/** A hostile peer: what it said last, and its session if it has one. */
interface Hostile {
  hello: Hello
  /** The connection of its session; 0 without one. */
  connection: number
  sequence: number
}

class Attack {
  readonly #random: Random
  readonly #link: LinkPair
  readonly #kept: Buffer[] = [helloOf()]
  readonly #hostile = new Map<string, Hostile>()
  readonly #nonce = nonces(1)

  constructor(random: Random) {
    this.#random = random
    const prover = new ToyProver(bob, [server], nonces(101))
    this.#link = random.chance(0.5) ? new LinkPair() : random.chance(0.9) ? secured().link : new LinkPair({ prover })
    this.#link.connect()
  }

  /** Makes one input; returns the last report that it led to. */
  next(): string {
    const random = this.#random
    const { dialerReports, acceptorReports } = this.#link
    if (random.chance(0.4)) this.#honest()
    const way = random.below(12)
    const peer = random.pick(peers)
    if (way < 3) this.#changeInFlight()
    else if (way < 8) this.#hostileItems(peer)
    else if (way < 9) this.#deliver(random.pick(['acceptor', 'dialer', peer]), random.pick(this.#kept))
    else if (way < 10)
      this.#deliver(
        random.pick(['acceptor', 'dialer']),
        this.#items({ connection: random.between(0, 3), sequence: random.below(9) }),
      )
    else if (way < 11) this.#hello(peer)
    else this.#time()
    this.#answers()
    this.#check()
    const [report = taken] = [...dialerReports.splice(0), ...acceptorReports.splice(0)].reverse()
    this.#forget()
    return report
  }

  /** Honest users send something, and take what they were sent. */
  #honest(): void {
    const link = this.#link
    for (const user of [link.client, link.server]) {
      if (user?.session.status !== 'live') continue
      for (const { stream, body } of user.items) user.session.consumed(stream, body.length)
      const stream = this.#random.pick([0, 1, 3, -1])
      if (user.session.isWritable(stream)) user.send(stream, this.#random.bytes(this.#random.below(60)))
    }
    link.flush()
  }

  #changeInFlight(): void {
    const link = this.#link
    const to = this.#random.pick(['acceptor', 'dialer'] as const)
    const frames = to === 'acceptor' ? link.toAcceptor : link.toDialer
    const [frame] = frames.splice(this.#random.below(Math.max(1, frames.length)), 1)
    if (frame !== undefined) {
      this.#keep(frame)
      this.#deliver(to, this.#random.chance(0.6) ? mutateFrame(this.#random, frame, this.#kept) : frame)
    }
    if (frame === undefined || this.#random.chance(0.3)) link.settle()
  }

  /** Items of a hostile peer, on its session if it has one; else it says hello. */
  #hostileItems(peer: string): void {
    const state = this.#hostile.get(peer)
    if (state === undefined || state.connection === 0) {
      this.#hello(peer)
      return
    }
    state.sequence += 1
    this.#deliver(peer, this.#items(state))
  }

  /** A link frame with numbers and items that fit, or do not. */
  #items({ connection, sequence }: { connection: number; sequence: number }): Buffer {
    const random = this.#random
    const items = Array.from({ length: random.below(5) }, () => {
      const body = random.chance(0.05) ? Buffer.alloc(33_000) : random.bytes(random.below(12))
      const stream = random.chance(0.9) ? random.between(0, 5) : Number(edge(random)) % 2 ** 31
      return itemBytes(
        stream,
        random.chance(0.5) ? itemKind : random.pick(kinds),
        random.pick([0, 0, 0, 0, 1, 2, 4, 7, 8]),
        body,
      )
    })
    const numbers = { connection, sequence, acknowledged: 0, time: random.below(1e6) }
    if (random.chance(0.05))
      Object.assign(numbers, { [random.pick(Object.keys(numbers))]: Number(edge(random)) % 2 ** 31 })
    const body = Buffer.concat([LinkHeader.encode(numbers), itemArray(random, items)])
    return sealed(random.chance(0.05) ? mutate(random, body, this.#kept) : body, frameKind.link)
  }

  #hello(peer: string): void {
    const random = this.#random
    const isNew = random.chance(0.7)
    const hello: Hello = {
      ...{ minVersion: 1, maxVersion: random.chance(0.95) ? 1 : 0, capabilities: random.chance(0.9) ? ['proof'] : [] },
      session: isNew ? random.bytes(16) : Buffer.alloc(16, random.below(6)),
      connection: random.between(1, 4),
      resume: !isNew && random.chance(0.7),
      received: random.chance(0.8) ? 0 : random.below(3),
      limits: settings.limits,
      extensions: {},
    }
    this.#hostile.set(peer, { hello, connection: 0, sequence: 0 })
    const frame = helloOf(hello)
    this.#deliver(peer, random.chance(0.2) ? mutateFrame(random, frame, this.#kept) : frame)
  }

  /** What hostile peers make of the frames that they were sent: most prove a key, and keep their session. */
  #answers(): void {
    const { elsewhere } = this.#link
    for (let frames = elsewhere.splice(0); frames.length > 0; frames = elsewhere.splice(0)) {
      for (const { peer, frame } of frames) {
        this.#keep(frame)
        const state = this.#hostile.get(peer)
        if (state === undefined) continue
        const { kind } = look(frame)
        if (kind === frameKind.welcome) Object.assign(state, { connection: readWelcome(frame).connection, sequence: 0 })
        else if (kind === frameKind.refusal) state.connection = 0
        else if (kind === frameKind.challenge) this.#prove(peer, state.hello, frame)
      }
    }
  }

  #prove(peer: string, hello: Hello, challenge: Buffer): void {
    const random = this.#random
    const key = random.pick([alice, bob, bob, eve])
    const proof = new ToyProver(key, [server], this.#nonce).prove(hello, readChallenge(challenge))
    if (proof === undefined) return
    const frame = writeProof(proof)
    this.#keep(frame)
    this.#deliver(peer, random.chance(0.2) ? mutateFrame(random, frame, this.#kept) : frame)
  }

  #deliver(to: string, frame: Buffer): void {
    const link = this.#link
    if (to === 'dialer') {
      if (!link.dialer.receive(frame)) while (!link.dialer.takeRest());
    } else {
      const peer = to === 'acceptor' ? link.peer : to
      if (!link.acceptor.receive(peer, frame)) while (!link.acceptor.takeRest());
    }
  }

  #time(): void {
    const link = this.#link
    if (this.#random.chance(0.6)) link.pass(settings.heartbeatMs * this.#random.between(1, 3), this.#random.chance(0.7))
    else if (this.#random.chance(0.5)) link.cut()
    else link.up()
  }

  /** Whatever comes, what is held stays within its bounds. */
  #check(): void {
    const { acceptor, dialer } = this.#link
    if (acceptor.size > settings.maxSessions) throw new Error(`${acceptor.size} sessions`)
    if (acceptor.heldBytes > settings.maxSessions * settings.outboxBytes) throw new Error('an acceptor holds too much')
    if (dialer.heldBytes > settings.outboxBytes) throw new Error('a dialer holds too much')
  }

  #keep(frame: Buffer): void {
    const copy = Buffer.from(frame)
    if (this.#kept.length < mostKept) this.#kept.push(copy)
    else this.#kept[this.#random.below(mostKept)] = copy
  }

  /** The pair keeps all that tests want to look at. */
  #forget(): void {
    const { dialed, accepted, toAcceptor, toDialer } = this.#link
    for (const user of [...dialed, ...accepted]) user.items.length = user.writable.length = user.changes.length = 0
    for (const frames of [toAcceptor, toDialer]) frames.splice(0, frames.length - 30)
  }
}

/** The machines of links. */
export const sessions: Target = {
  codes: [
    ...['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME', 'RIVULET_DECODE_FAILED', 'RIVULET_PROTOCOL_VIOLATION'],
    ...['RIVULET_TRANSPORT_FAILED', 'RIVULET_SESSION_LOST', 'RIVULET_TOO_MANY_SESSIONS', 'RIVULET_HANDSHAKE_FAILED'],
    ...['RIVULET_INCOMPATIBLE_PROTOCOL', 'RIVULET_SECURITY_MISMATCH', 'RIVULET_SERVER_KEY_MISMATCH'],
    'RIVULET_UNAUTHENTICATED',
  ],
  share: 200_000,
  begin: (random) => {
    let attack = new Attack(random)
    let left = pairInputs
    return () => {
      if (--left === 0) {
        attack = new Attack(random)
        left = pairInputs
      }
      return attack.next()
    }
  },
}
