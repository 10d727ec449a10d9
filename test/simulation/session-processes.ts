/**
 * The processes that sessions live in: a dialer or an acceptor each, driven as `src/link` drives them.
 *
 * They tell the oracle what passes between machine and network, and show it to whoever tampers with it.
 */
import { RivuletError } from '../../src/errors/index.js'
import {
  Acceptor,
  Dialer,
  type DialerSettings,
  type SessionStreams,
  type StreamsHandler,
} from '../../src/session/index.js'
import type { Session } from '../../src/session/session.js'
import { Hello, hasNoItems, type LinkNumbers, readLinkNumbers, readRecordFrame, Welcome } from '../../src/wire/index.js'
import { frameKind } from '../../src/wire/prelude.js'
import type { Connection, Network, NetworkEnd } from './network.js'
import type { Random } from './random.js'
import { BrokenPromise, type SessionOracle } from './session-oracle.js'
import type { Side } from './session-side.js'
import { SessionUser, type UserHabits } from './session-user.js'
import { SimulatedProcess, type SimulatedWorld } from './simulated-process.js'

/** What the processes of a simulation of sessions share. */
export interface SessionWorld extends SimulatedWorld {
  readonly network: Network
  readonly oracle: SessionOracle
  readonly habits: UserHabits
  /** Changes the frames of a side, for machines that are broken on purpose. */
  readonly tamper: ((side: Side, frame: Buffer) => Buffer | undefined) | undefined
}

/** How a process behaves. */
export interface ProcessSettings extends DialerSettings {
  readonly maxSessions: number
}

const lost = () => new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection was cut')
const closing = () => new RivuletError('RIVULET_CLOSED', 'this side closes')

/** What both kinds of process have in common. */
abstract class SessionProcess extends SimulatedProcess implements NetworkEnd {
  readonly #settings: ProcessSettings
  declare readonly world: SessionWorld
  readonly random: Random
  /** The users of sessions that have not ended. */
  readonly users = new Set<SessionUser>()
  protected readonly flushes = new Set<() => void>()

  constructor(name: string, world: SessionWorld, settings: ProcessSettings) {
    super(name, world, settings.heartbeatMs)
    this.#settings = settings
    this.random = world.random.fork()
  }

  get settings(): ProcessSettings {
    return this.#settings
  }

  abstract arrived(connection: Connection, frame: Buffer): void
  abstract lost(connection: Connection): void
  /** Says goodbye and ends. */
  abstract close(): void
  /** Ends without a word. */
  abstract crash(): void
  abstract boot(): void

  protected accept(session: SessionStreams, role: Side['role'], key: string): StreamsHandler {
    const { oracle, habits } = this.world
    const side = oracle.began(role, key, this, session as Session, this.settings.limits)
    this.note('session', side.number)
    const user = new SessionUser(side, habits, {
      random: this.random,
      oracle,
      later: (delayMs, action) => this.enqueueLater(delayMs, action),
      ended: (ended, reason) => {
        this.users.delete(user)
        this.note('ended', ended.number)
        oracle.judgeEnd(ended, reason, this.isFull)
      },
    })
    this.users.add(user)
    return user
  }

  /** Whether sessions are ended to make room for others. */
  protected abstract get isFull(): boolean

  protected report(error: RivuletError): void {
    this.note(error.code)
    this.world.oracle.reported(this.name, error)
  }

  protected note(what: string, ...numbers: readonly number[]): void {
    this.world.trace.note(this.now, this.name, what, ...numbers)
  }

  /** A frame leaves a side. */
  protected watchLeaving(side: Side | undefined, frame: Buffer): void {
    this.note('sends', kindOf(frame), frame.length)
    if (!side || kindOf(frame) !== frameKind.link) return
    const bytes = itemBytesOf(frame, numbers)
    if (bytes > 0) this.world.oracle.left(side, numbers.sequence, bytes)
  }

  /** A frame comes to a side. */
  protected watchComing(side: Side | undefined, frame: Buffer): void {
    this.note('gets', kindOf(frame), frame.length)
    if (!side) return
    try {
      if (kindOf(frame) === frameKind.link) {
        readLinkNumbers(frame, cursor, numbers)
        this.world.oracle.acknowledged(side, numbers.acknowledged)
      } else if (kindOf(frame) === frameKind.welcome) {
        this.world.oracle.acknowledged(side, readRecordFrame(Welcome, frame, frameKind.welcome, undefined).received)
      }
    } catch {
      // a bit of it was changed: the machine will say so
    }
  }

  protected override endTurn(): void {
    const flushes = [...this.flushes]
    this.flushes.clear()
    for (const flush of flushes) flush()
    for (const { side } of this.users) this.world.oracle.checkHeld(side, this.settings.outboxBytes)
  }
}

/** A process with a dialer. */
export class DialerProcess extends SessionProcess {
  #dialer: Dialer | undefined
  #connection: Connection | undefined
  readonly #to: AcceptorProcess
  /** Connections of this life; a process that was started again has others. */
  readonly #lives = new WeakMap<Connection, number>()
  readonly #flush = () => this.#dialer?.flush()
  #key = ''
  #side: Side | undefined
  /** The last frames that left. */
  #leftovers: Buffer[] = []

  constructor(name: string, world: SessionWorld, settings: ProcessSettings, to: AcceptorProcess) {
    super(name, world, settings)
    this.#to = to
    this.boot()
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.#dialer = new Dialer(this.settings, {
      now: () => this.now,
      random: (bytes) => {
        const id = this.random.bytes(bytes)
        this.#key = id.toString('latin1')
        return id
      },
      transmit: (frame) => {
        this.#transmit(frame)
      },
      flushLater: () => this.flushes.add(this.#flush),
      reconnect: () => {
        this.#connection?.cut('dialer')
        const connection = this.#connection
        if (connection) this.enqueue(() => this.#down(connection))
      },
      accept: (session) => {
        const user = this.accept(session, 'dialer', this.#key) as SessionUser
        this.#side = user.side
        return user
      },
      report: (error) => this.report(error),
    })
    this.#connectLater()
  }

  override crash(): void {
    this.note('crashes')
    this.#connection?.cut('dialer')
    this.#connection = undefined
    this.#dialer = undefined
    this.#side = undefined
    this.#leftovers = []
    this.users.clear()
    this.flushes.clear()
    this.stop()
  }

  override close(): void {
    if (this.#side) this.#side.closed = true
    this.#dialer?.close(closing())
  }

  override arrived(connection: Connection, frame: Buffer): void {
    // a DEALER does not tell which connection a frame came on
    if (this.isAlive && this.#knows(connection)) {
      this.enqueue(() => {
        this.watchComing(this.#side, frame)
        this.#dialer?.receive(frame)
      })
    }
  }

  override lost(connection: Connection): void {
    this.enqueue(() => this.#down(connection))
  }

  protected override get isFull(): boolean {
    return false
  }

  protected override tick(): void {
    this.#dialer?.tick()
  }

  #knows(connection: Connection): boolean {
    return this.#lives.get(connection) === this.life
  }

  #transmit(frame: Buffer): void {
    const { tamper } = this.world
    this.watchLeaving(this.#side, frame)
    const sent = (this.#side && tamper?.(this.#side, frame)) ?? frame
    if (kindOf(sent) === frameKind.link) this.#leftovers = [...this.#leftovers.slice(-2), sent]
    this.#connection?.send('dialer', sent)
  }

  #down(connection: Connection): void {
    if (connection !== this.#connection) return
    this.note('down')
    this.#connection = undefined
    this.#dialer?.down(lost())
    this.#connectLater()
  }

  #connectLater(): void {
    this.enqueueLater(this.random.between(1, 200), () => {
      const ends = { dialer: this, acceptor: this.#to }
      const connection = this.#to.isAlive ? this.world.network.connect(this.name, ends) : undefined
      if (!connection) {
        this.#connectLater()
        return
      }
      this.note('up')
      this.#lives.set(connection, this.life)
      this.#to.admit(connection)
      this.#connection = connection
      // a transport may keep what it could not send, and send it first
      if (this.random.chance(this.world.network.weather.leftovers)) {
        for (const frame of this.#leftovers) connection.send('dialer', frame)
      }
      this.#dialer?.up()
    })
  }
}

/** A process with an acceptor. */
export class AcceptorProcess extends SessionProcess {
  #acceptor: Acceptor | undefined
  readonly #connections = new Map<string, Connection>()
  /** The sides of sessions, by connection and by key. */
  readonly #sides = new Map<string, Side>()
  readonly #byKey = new Map<string, Side>()
  /** The connection and the session of the hello that is being handled. */
  #peer = ''
  #key = ''

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
        this.watchLeaving(side, frame)
        this.#connections.get(peer)?.send('acceptor', (side && this.world.tamper?.(side, frame)) ?? frame)
      },
      flushLater: (flush) => this.flushes.add(flush),
      accept: (session) => {
        const user = this.accept(session, 'acceptor', this.#key) as SessionUser
        this.#sides.set(this.#peer, user.side)
        this.#byKey.set(this.#key, user.side)
        return user
      },
      report: (error) => this.report(error),
    })
  }

  override crash(): void {
    this.note('crashes')
    for (const connection of this.#connections.values()) connection.cut('acceptor')
    this.#connections.clear()
    this.#sides.clear()
    this.#byKey.clear()
    this.#acceptor = undefined
    this.users.clear()
    this.flushes.clear()
    this.stop()
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
    this.enqueue(() => {
      if (life === this.life && this.#connections.get(name) === connection) this.#receive(name, frame)
    })
  }

  override lost(connection: Connection): void {
    const { name } = connection
    this.enqueue(() => {
      if (this.#connections.get(name) !== connection) return
      this.note('gone')
      this.#acceptor?.gone(name, lost())
    })
  }

  protected override get isFull(): boolean {
    return this.sessions >= this.settings.maxSessions
  }

  protected override tick(): void {
    this.#acceptor?.tick()
  }

  #receive(peer: string, frame: Buffer): void {
    const hello = readHello(frame)
    if (hello) {
      this.#peer = peer
      this.#key = hello.session.toString('latin1')
      const side = hello.resume ? this.#byKey.get(this.#key) : undefined
      if (side) {
        this.#sides.set(peer, side)
        this.world.oracle.acknowledged(side, hello.received)
      }
    }
    this.watchComing(this.#sides.get(peer), frame)
    this.#acceptor?.receive(peer, frame)
    const { maxSessions } = this.settings
    if (this.sessions > maxSessions) throw new BrokenPromise(`${this.name} has ${this.sessions} sessions`)
  }
}

const numbers: LinkNumbers = { connection: 0, sequence: 0, acknowledged: 0, time: 0 }
const cursor = { position: 0 }

/** The kind in the prelude of a frame. */
export function kindOf(frame: Buffer): number {
  return (frame[3] as number) >> 1
}

function readHello(frame: Buffer): Hello | undefined {
  if (kindOf(frame) !== frameKind.hello) return undefined
  try {
    return readRecordFrame(Hello, frame, frameKind.hello, undefined)
  } catch {
    return undefined // a bit of it was changed
  }
}

/** Reads the numbers of a link frame; returns what its items take. */
function itemBytesOf(frame: Buffer, into: LinkNumbers): number {
  readLinkNumbers(frame, cursor, into)
  if (hasNoItems(frame, cursor)) return 0
  return frame.length - cursor.position
}
