/**
 * Lets attacks that speak plain ZMTP reach a victim with security: what they send goes on with the key of an admitted peer.
 *
 * Each plain peer of a pattern with links has a connection of its own to the victim; those of the others share one.
 */
import { Dealer, Pull, Push, Router, type Socket, XPublisher, XSubscriber } from 'zeromq'
import { proverOf } from '../../src/link/link-security.js'
import { writeProof } from '../../src/session/handshake.js'
import { Challenge, frameKind, type Proof, readRecordFrame } from '../../src/wire/index.js'
import { LinkStranger, type Prove } from '../support/link-stranger.js'
import type { AttackContext } from './attack.js'
import type { Target } from './orders.js'
import { linked, type PatternName } from './patterns.js'

/** The patterns whose attackers are bridged: a PUSH reads nothing. */
export const bridgedPatterns: readonly PatternName[] = ['rpc', 'pull', 'queue', 'publisher', 'subscriber']

/** What was taken may still leave when the round has ended, in milliseconds; a victim that lives takes it long before. */
const lingerMs = 10_000

/**
 * Looks at the bridge in a row that find nothing, before it is taken away, and the time between them, in milliseconds.
 *
 * The event loop has its turns between two looks, however late they are: what has come by the first one is found by the next.
 */
const quietLooks = 4
const lookMs = 25

type Reader = Socket & AsyncIterable<Buffer[]>
type Writer = Socket & { send(parts: Buffer[]): Promise<void> }

/** A bridge: opened with its first connection, and taken away when everything has passed. */
export class Bridge {
  readonly #backs: Socket[] = []
  readonly #front: Router | Pull | XPublisher | XSubscriber
  /** Messages that came from both sides, and peers of its front that left. */
  #passed = 0
  /** Connections of its front. */
  #peers = 0

  /** Opens a bridge to a target; resolves when it is there for the attack. */
  static async open(target: Target): Promise<Bridge> {
    const bridge = new Bridge(target.pattern)
    await bridge.#connect(target)
    return bridge
  }

  private constructor(pattern: PatternName) {
    this.#front = frontOf(pattern)
    this.#front.events.on('accept', () => {
      this.#peers += 1
    })
    this.#front.events.on('disconnect', () => {
      this.#peers -= 1
      this.#passed += 1
    })
  }

  /** Its plain endpoint. */
  get endpoint(): string {
    return this.#front.lastEndpoint as string
  }

  /** Takes it away, when the peers of its front have gone and what they sent has passed. */
  async close(): Promise<void> {
    for (let quiet = 0; quiet < quietLooks; quiet++) {
      const passed = this.#passed
      await new Promise((resolve) => setTimeout(resolve, lookMs))
      if (this.#peers > 0 || this.#passed > passed) quiet = -1
    }
    for (const socket of [this.#front, ...this.#backs]) if (!socket.closed) socket.close()
  }

  async #connect(target: Target): Promise<void> {
    const { publicKey = '', secretKey = '' } = target.keyPair ?? {}
    const keys = { curvePublicKey: publicKey, curveSecretKey: secretKey, curveServerKey: target.serverKey ?? '' }
    const settings = { linger: lingerMs, sendHighWaterMark: 0, ...keys }
    const reach = <S extends Socket & { connect(endpoint: string): void }>(socket: S): S => {
      socket.connect(target.endpoint)
      this.#backs.push(socket)
      return socket
    }
    const front = this.#front
    await front.bind('tcp://127.0.0.1:*')
    if (front instanceof Router) {
      const connect = () => reach(new Dealer({ ...settings, receiveHighWaterMark: 0 }))
      this.#bridgeLinks(front, connect).catch((cause: unknown) => {
        if (!front.closed) throw cause
      })
      return
    }
    // what is sent to nobody, or to those who have not subscribed yet, is dropped
    if (front instanceof XSubscriber) {
      const back = reach(new XPublisher(settings))
      await this.#sent(front, await back.receive())
      void this.#forward(front, back)
      void this.#forward(back, front)
      return
    }
    const back = front instanceof Pull ? new Push(settings) : new XSubscriber(settings)
    const agreed = new Promise<void>((resolve) => back.events.on('handshake', () => resolve()))
    reach(back)
    await agreed
    void this.#forward(front, back)
    if (back instanceof XSubscriber && front instanceof XPublisher) void this.#forward(back, front)
  }

  /** Gives each peer of the front a connection of its own. */
  async #bridgeLinks(front: Router, connect: () => Dealer): Promise<void> {
    const backs = new Map<string, Dealer>()
    let sending = Promise.resolve() // a socket takes one message at a time
    for await (const [id, ...parts] of front) {
      const key = (id as Buffer).toString('latin1')
      let back = backs.get(key)
      if (back === undefined) {
        back = connect()
        backs.set(key, back)
        const answer = (parts: Buffer[]) => {
          sending = sending.then(() => front.send([id as Buffer, ...parts])).catch(() => {})
          return sending
        }
        void this.#forward(back, { closed: false, send: answer } as unknown as Writer)
      }
      await this.#sent(back, parts)
    }
  }

  async #forward(from: Reader, to: Writer): Promise<void> {
    try {
      for await (const parts of from) await this.#sent(to, parts)
    } catch (cause) {
      // a read that the end of the bridge has met fails in one of several ways
      if (!from.closed) throw cause
    }
  }

  /** Sends, unless the attack has ended or its peer has left. */
  async #sent(to: Writer, parts: Buffer[]): Promise<void> {
    this.#passed += 1
    if (!to.closed) await to.send(parts).catch(() => {})
  }
}

/** Opens a stranger that the victim has let in; `undefined` if its key has as many sessions as one key may have. */
export async function admitted({ scope, target }: AttackContext): Promise<LinkStranger | undefined> {
  const stranger = LinkStranger.open(scope, target.endpoint, proofFor(target))
  return (await stranger.tryEnter()) === undefined ? stranger : undefined
}

/** How a stranger proves the key of a target to its victim; `undefined` where there is no security. */
export function proofFor({ keyPair, serverKey }: Target): Prove | undefined {
  if (keyPair === undefined || serverKey === undefined) return undefined
  const prover = proverOf(keyPair, [serverKey], () => undefined)
  return (hello, frame) => {
    const challenge = readRecordFrame(Challenge, frame, frameKind.challenge, undefined)
    return writeProof(prover.prove(hello as Parameters<typeof prover.prove>[0], challenge) as Proof)
  }
}

function frontOf(pattern: PatternName): Router | Pull | XPublisher | XSubscriber {
  const settings = { linger: 0, receiveHighWaterMark: 0 }
  if (linked.includes(pattern)) return new Router({ ...settings, sendHighWaterMark: 0 })
  if (pattern === 'pull') return new Pull(settings)
  return pattern === 'publisher' ? new XPublisher({ linger: 0 }) : new XSubscriber(settings)
}
