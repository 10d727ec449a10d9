/**
 * Frames to the machines of links, with a proof of identity and without: what an honest peer sends is changed, repeated and
 * put out of order, while others make up hellos, proofs and items of their own.
 */
import { LinkHeader } from '../../../src/wire/index.js'
import { frameKind } from '../../../src/wire/prelude.js'
import { helloOf, itemKind, LinkPair, settings } from '../../session/link-pair.js'
import { nonces, secured, server } from '../../session/secured-pair.js'
import { ToyKey, ToyProver } from '../../session/toy-proof.js'
import type { Random } from '../../simulation/random.js'
import { edge, mutateFrame, sealed } from '../mutate.js'
import { type Target, taken } from '../target.js'
import { itemArray, itemBytes } from './link-frame.js'

/** Frames that are kept to be sent again. */
const mostKept = 64

class Attack {
  readonly #random: Random
  readonly #link: LinkPair
  readonly #kept: Buffer[] = [helloOf()]
  readonly #sequences = new Map<string, number>()

  constructor(random: Random) {
    this.#random = random
    const prover = new ToyProver(new ToyKey('bob'), [server], nonces(101))
    this.#link = random.chance(0.5) ? new LinkPair() : random.chance(0.8) ? secured().link : new LinkPair({ prover })
    this.#link.connect()
  }

  /** Makes one input; returns the last report that it led to. */
  next(): string {
    const random = this.#random
    const link = this.#link
    const before = [link.dialerReports.length, link.acceptorReports.length]
    if (random.chance(0.4)) this.#honest()
    const way = random.below(10)
    if (way < 4) this.#changeInFlight()
    else if (way < 7) this.#deliver(random.pick(['acceptor', 'dialer', 'a', 'b']), this.#madeUp())
    else if (way < 8) this.#deliver(random.pick(['acceptor', 'dialer', 'a']), random.pick(this.#kept))
    else if (way < 9) this.#deliver(random.pick(['a', 'b', 'c', 'd', 'e', 'f']), this.#hello())
    else this.#time()
    this.#check()
    const [report = taken] = [
      ...link.dialerReports.slice(before[0]).reverse(),
      ...link.acceptorReports.slice(before[1]).reverse(),
    ]
    this.#forget()
    return report
  }

  /** An honest user sends something. */
  #honest(): void {
    const link = this.#link
    for (const user of [link.client, link.server]) {
      if (user === undefined || user.session.status !== 'live') continue
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
    if (frame === undefined) {
      link.settle()
      return
    }
    this.#keep(frame)
    this.#deliver(to, this.#random.chance(0.6) ? mutateFrame(this.#random, frame, this.#kept) : frame)
    if (this.#random.chance(0.3)) link.settle()
  }

  /** A link frame with numbers and items that fit, or do not. */
  #madeUp(): Buffer {
    const random = this.#random
    const kinds = [1, 2, 3, 4, 5, 6, 8, 12, 15, 16, itemKind, 63, 64, 100]
    const items = Array.from({ length: random.below(5) }, () => {
      const body = random.chance(0.05) ? Buffer.alloc(33_000) : random.bytes(random.below(12))
      const stream = random.chance(0.8) ? random.between(-4, 5) : Number(edge(random)) % 2 ** 31
      return itemBytes(stream, random.pick(kinds), random.below(10), body)
    })
    const sequence = random.chance(0.9) ? this.#sequence('made') : random.below(1000)
    const acknowledged = random.chance(0.8) ? random.below(4) : random.below(1e9)
    const numbers = { connection: random.between(0, 3), sequence, acknowledged, time: random.below(1e6) }
    const body = Buffer.concat([LinkHeader.encode(numbers), itemArray(random, items)])
    return random.chance(0.1)
      ? mutateFrame(random, sealed(body, frameKind.link), this.#kept)
      : sealed(body, frameKind.link)
  }

  #sequence(of: string): number {
    const next = (this.#sequences.get(of) ?? 0) + 1
    this.#sequences.set(of, this.#random.chance(0.05) ? 0 : next)
    return next
  }

  #hello(): Buffer {
    const random = this.#random
    const hello = helloOf({
      session: Buffer.alloc(16, random.below(6)),
      connection: random.between(1, 4),
      resume: random.chance(0.4),
      received: random.below(3),
      capabilities: random.chance(0.5) ? ['proof'] : [],
    })
    return random.chance(0.3) ? mutateFrame(random, hello, this.#kept) : hello
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
    if (this.#kept.length < mostKept) this.#kept.push(frame)
    else this.#kept[this.#random.below(mostKept)] = frame
  }

  /** The pair keeps all that tests want to look at. */
  #forget(): void {
    const link = this.#link
    for (const { frame } of link.elsewhere.splice(0)) this.#keep(frame)
    for (const user of [...link.dialed, ...link.accepted]) user.items.length = user.writable.length = 0
    link.toAcceptor.splice(0, link.toAcceptor.length - 30)
    link.toDialer.splice(0, link.toDialer.length - 30)
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
    let left = 300
    return () => {
      if (--left === 0) {
        attack = new Attack(random)
        left = 300
      }
      return attack.next()
    }
  },
}
