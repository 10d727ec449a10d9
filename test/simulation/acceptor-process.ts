/** A process of a simulation with an acceptor, which takes the connections that come. */
import { isOpening, type Opening } from '../../src/session/held-frames.js'
import { Acceptor } from '../../src/session/index.js'
import { Hello, readRecordFrame } from '../../src/wire/index.js'
import { frameKind } from '../../src/wire/prelude.js'
import type { Connection } from './network.js'
import { BrokenPromise } from './session-oracle.js'
import { closing, kindOf, lost, type ProcessSettings, SessionProcess, type SessionWorld } from './session-process.js'
import { impostor } from './session-security.js'
import type { Side } from './session-side.js'

/** A process with an acceptor. */
export class AcceptorProcess extends SessionProcess {
  #acceptor: Acceptor | undefined
  readonly #connections = new Map<string, Connection>()
  /** The sides of sessions, by connection and by key. */
  readonly #sides = new Map<string, Side>()
  readonly #byKey = new Map<string, Side>()
  /** The connection and the session of the hello or proof that is being handled. */
  #peer = ''
  #key = ''
  /** The session of the last hello on each connection. */
  readonly #asked = new Map<string, string>()

  constructor(name: string, world: SessionWorld, settings: ProcessSettings) {
    super(name, world, settings)
    this.boot()
  }

  /** Sessions, those that are cut included. */
  get sessions(): number {
    return this.#acceptor?.size ?? 0
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.#acceptor = new Acceptor(this.settings, {
      now: () => this.now,
      transmit: (peer, frame) => {
        const side = this.#sides.get(peer)
        this.world.security?.sends(peer, kindOf(frame))
        this.watchLeaving(side, frame)
        this.#connections.get(peer)?.send('acceptor', (side && this.world.tamper?.(side, frame)) ?? frame)
      },
      flushLater: (flush) => this.flushes.add(flush),
      spend: this.spend,
      accept: (session, identity) => {
        this.world.security?.begins(this.#peer, identity)
        const user = this.accept(session, 'acceptor', this.#key)
        this.#sides.set(this.#peer, user.side)
        this.#byKey.set(this.#key, user.side)
        return user
      },
      report: (error) => this.report(error),
      authenticator: this.world.security?.authenticatorOf(this.name),
    })
  }

  override crash(): void {
    this.note('crashes')
    for (const connection of this.#connections.values()) connection.cut('acceptor')
    this.#connections.clear()
    this.#sides.clear()
    this.#byKey.clear()
    this.#asked.clear()
    this.#acceptor = undefined
    this.users.clear()
    this.flushes.clear()
    this.stop()
  }

  override announceDrain(): void {
    this.#acceptor?.announceDrain()
  }

  override close(): void {
    for (const { side } of this.users) side.closed = true
    this.#acceptor?.close(closing())
  }

  /** A connection is made. */
  admit(connection: Connection): void {
    this.#connections.set(connection.name, connection)
  }

  override arrived(connection: Connection, frame: Buffer): void {
    const { name } = connection
    const { life } = this
    this.enqueue(() =>
      this.reads.read(this, () => {
        if (life === this.life && this.#connections.get(name) === connection) this.#receive(name, frame)
      }),
    )
  }

  override lost(connection: Connection): void {
    // a peer that a frame cannot go to is given up at once, with what was not read of it
    const atOnce = this.world.turnEnds > 0 && this.random.chance(0.5)
    this.enqueue(() => {
      if (atOnce) {
        this.#gone(connection)
        this.#connections.delete(connection.name)
      } else this.reads.read(this, () => this.#gone(connection))
    })
  }

  #gone(connection: Connection): void {
    const { name } = connection
    if (this.#connections.get(name) !== connection) return
    this.note('gone')
    this.#acceptor?.gone(name, lost())
  }

  protected override get isFull(): boolean {
    return this.sessions >= this.settings.maxSessions
  }

  protected override tick(): void {
    this.#acceptor?.tick()
  }

  protected override get machine(): Acceptor | undefined {
    return this.#acceptor
  }

  /** A frame that would open a session is looked at when its turn comes. */
  override takeRest(): boolean {
    const next = this.#acceptor?.held.next
    if (next !== undefined && isOpening(next)) this.#opens(next)
    const isTaken = super.takeRest()
    const { maxSessions } = this.settings
    if (this.sessions > maxSessions) throw new BrokenPromise(`${this.name} has ${this.sessions} sessions`)
    return isTaken
  }

  #opens({ peer, frame }: Opening): void {
    const hello = readHello(frame)
    this.#peer = peer
    this.#key = hello ? hello.session.toString('latin1') : (this.#asked.get(peer) ?? '')
    if (!hello) return
    this.#asked.set(peer, this.#key)
    const isHonest = !peer.startsWith(`${impostor}#`)
    const side = hello.resume && isHonest ? this.#byKey.get(this.#key) : undefined
    if (side === undefined) return
    this.#sides.set(peer, side)
    this.world.oracle.acknowledged(side, hello.received)
  }

  #receive(peer: string, frame: Buffer): void {
    this.watchComing(this.#sides.get(peer), frame)
    this.#acceptor?.receive(peer, frame)
  }
}

function readHello(frame: Buffer): Hello | undefined {
  if (kindOf(frame) !== frameKind.hello) return undefined
  try {
    return readRecordFrame(Hello, frame, frameKind.hello, undefined)
  } catch {
    return undefined // a bit of it was changed
  }
}
