/**
 * An admitted peer that would be another: it hears all, connects to acceptors, and asks for the sessions of others.
 *
 * It replays proofs, relays them from a dialer that takes it for a server, claims keys, and proves its own for sessions that it
 * does not own. What it knows of secrets is its own key.
 */
import { readHello, writeHello, writeProof } from '../../src/session/handshake.js'
import { Dialer } from '../../src/session/index.js'
import { Challenge, frameKind, type Hello, Proof, readRecordFrame } from '../../src/wire/index.js'
import { sealFrame } from '../../src/wire/prelude.js'
import type { AcceptorProcess } from './acceptor-process.js'
import type { Connection, NetworkEnd } from './network.js'
import { Random } from './random.js'
import { kindOf, type ProcessSettings, type SessionWorld } from './session-process.js'
import { impostor, type SimulatedSecurity } from './session-security.js'

/** Connections that it has at the same time. */
const mostConnections = 3

/** What it does with a challenge. */
type Answer = (challenge: Challenge) => Buffer | undefined

/** The impostor: it has no event loop of its own, and answers at once. */
export class ImpostorProcess implements NetworkEnd {
  readonly #world: SessionWorld
  readonly #security: SimulatedSecurity
  readonly #settings: ProcessSettings
  readonly #random: Random
  readonly #answers = new WeakMap<Connection, Answer>()
  readonly #open = new Map<Connection, number>()

  constructor(seed: number, world: SessionWorld, security: SimulatedSecurity, settings: ProcessSettings) {
    this.#world = world
    this.#security = security
    this.#settings = settings
    this.#random = new Random(seed ^ 0x5ec)
  }

  /** Tries one thing at an acceptor. */
  attack(acceptor: AcceptorProcess): void {
    const { heard, linkFrames } = this.#security
    if (heard.length === 0 || !acceptor.isAlive || this.#isBusy()) return
    const connection = this.#world.network.connect(impostor, { dialer: this, acceptor })
    if (connection === undefined) return
    acceptor.admit(connection)
    this.#open.set(connection, this.#world.scheduler.now)
    const victim = this.#random.pick(heard)
    const said = readHello(victim.hello)
    const hello = { ...said, connection: said.connection + this.#random.below(3), resume: this.#random.chance(0.7) }
    switch (this.#random.below(6)) {
      case 0:
        this.#send(connection, victim.hello, () => victim.proof)
        break
      case 1: {
        // its own sessions are not what it is here for
        const stolen = { ...hello, resume: true }
        this.#send(connection, writeHello(stolen), (challenge) => this.#ownProof(acceptor.name, stolen, challenge))
        break
      }
      case 2: {
        const { publicKey } = this.#security.keyOf(victim.who)
        this.#send(connection, writeHello(hello), (challenge) => {
          const proof = readRecordFrame(
            Proof,
            this.#ownProof(acceptor.name, hello, challenge),
            frameKind.proof,
            undefined,
          )
          return writeProof({ ...proof, publicKey })
        })
        break
      }
      case 3:
      case 4:
        this.#relay(connection, victim.who, this.#random.chance(0.5))
        break
      default: {
        this.#send(connection, writeHello(hello), () => undefined)
        for (const frame of linkFrames.slice(-2)) connection.send('dialer', frame)
      }
    }
  }

  arrived(connection: Connection, frame: Buffer): void {
    if (kindOf(frame) === frameKind.refusal) connection.cut('dialer')
    if (kindOf(frame) !== frameKind.challenge) return
    let challenge: Challenge
    try {
      challenge = readRecordFrame(Challenge, frame, frameKind.challenge, undefined)
    } catch {
      return // a bit of it was changed
    }
    const proof = this.#answers.get(connection)?.(challenge)
    if (proof) connection.send('dialer', proof)
  }

  lost(): void {
    // there is nothing to save
  }

  /** Whether enough of its connections wait for an answer; those that wait for long are given up. */
  #isBusy(): boolean {
    const { now } = this.#world.scheduler
    for (const [connection, since] of this.#open) {
      if (now - since > this.#settings.handshakeMs) connection.cut('dialer')
      if (!connection.isOpen) this.#open.delete(connection)
    }
    return this.#open.size >= mostConnections
  }

  #send(connection: Connection, hello: Buffer, answer: Answer): void {
    this.#answers.set(connection, answer)
    connection.send('dialer', hello)
  }

  #ownProof(acceptor: string, hello: Hello, challenge: Challenge): Buffer {
    return writeProof(this.#security.proverOf(impostor, acceptor).prove(hello, challenge) as Proof)
  }

  /** A dialer takes the impostor for its server: its hello goes to the acceptor, and the challenge of that to the dialer. */
  #relay(connection: Connection, who: string, asItself: boolean): void {
    const said: Buffer[] = []
    const { scheduler } = this.#world
    const dialer = new Dialer(this.#settings, {
      now: () => scheduler.now,
      random: (bytes) => this.#random.bytes(bytes),
      transmit: (frame) => said.push(frame),
      flushLater: () => {},
      spend: () => false,
      reconnect: () => {},
      accept: () => ({ onItem: () => {}, onWritable: () => {}, onStatus: () => {} }),
      report: () => {},
      prover: this.#security.proverOf(who, impostor),
    })
    dialer.up()
    this.#send(connection, said.pop() as Buffer, (challenge) => {
      const publicKey = asItself ? this.#security.keyOf(impostor).publicKey : challenge.publicKey
      const relayed = Buffer.concat([Buffer.alloc(8), Challenge.encode({ ...challenge, publicKey })])
      sealFrame(relayed, frameKind.challenge, undefined)
      dialer.receive(relayed)
      return said.pop()
    })
  }
}
