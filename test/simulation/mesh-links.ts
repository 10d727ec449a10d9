/** The links of a process of a simulated mesh: those that it accepts, and those that it dials, driven as `src/link` does. */
import { RivuletError } from '../../src/errors/index.js'
import { atEndOfTurn } from '../../src/lifecycle/index.js'
import {
  Acceptor,
  Dialer,
  type DialerSettings,
  type SessionStreams,
  type SharedSession,
} from '../../src/session/index.js'
import type { Connection, Network, NetworkEnd } from './network.js'
import type { Random } from './random.js'
import { kindOf } from './session-process.js'

/** What links need of their process. */
export interface LinkedProcess {
  readonly name: string
  readonly random: Random
  readonly world: {
    readonly network: Network
    readonly link: DialerSettings
    readonly listeners: ReadonlyMap<string, LinkedProcess>
  }
  /** What takes connections now. */
  readonly accepting: Accepting | undefined
  readonly linkPorts: { now(): number; spend(): boolean; report(error: RivuletError): void }
  note(what: string, ...numbers: readonly number[]): void
  enqueue(event: () => void): void
  enqueueLater(delayMs: number, event: () => void): void
  /** Reads something of the sockets, in order. */
  read(link: Accepting | Dialing, take: () => boolean): void
  accept(session: SessionStreams, dialed: string | undefined): SharedSession
  retired(link: Dialing): void
}

/** Sessions that a process accepts. */
const maxSessions = 100

/** The longest wait before a connection is tried again, in milliseconds. */
const longestWaitMs = 100

const connectionLost = () => new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection was cut')

/** The accepting side of a process. */
export class Accepting implements NetworkEnd {
  readonly #process: LinkedProcess
  readonly #acceptor: Acceptor
  readonly #connections = new Map<string, Connection>()

  constructor(process: LinkedProcess) {
    this.#process = process
    this.#acceptor = new Acceptor(
      { ...process.world.link, maxSessions },
      {
        ...process.linkPorts,
        transmit: (peer, frame) => {
          process.note('sends', kindOf(frame), frame.length)
          this.#connections.get(peer)?.send('acceptor', frame)
        },
        flushLater: atEndOfTurn,
        accept: (session) => process.accept(session, undefined),
      },
    )
  }

  admit(connection: Connection): void {
    this.#connections.set(connection.name, connection)
  }

  arrived({ name }: Connection, frame: Buffer): void {
    this.#process.read(this, () => {
      if (!this.#connections.has(name)) return true
      this.#process.note('gets', kindOf(frame), frame.length)
      return this.#acceptor.receive(name, frame)
    })
  }

  lost({ name }: Connection): void {
    this.#process.read(this, () => {
      if (this.#connections.delete(name)) this.#acceptor.gone(name, connectionLost())
      return true
    })
  }

  tick(): void {
    this.#acceptor.tick()
  }

  takeRest(): boolean {
    return this.#acceptor.takeRest()
  }

  close(reason: RivuletError): void {
    this.#acceptor.close(reason)
  }

  drop(): void {
    for (const connection of this.#connections.values()) connection.cut('acceptor')
    this.#connections.clear()
  }
}

/** A link that a process has dialed. */
export class Dialing implements NetworkEnd {
  readonly address: string
  readonly #process: LinkedProcess
  readonly #dialer: Dialer
  #handler: SharedSession | undefined
  #connection: Connection | undefined
  #isRetired = false
  #isGone = false

  constructor(process: LinkedProcess, address: string) {
    this.#process = process
    this.address = address
    this.#dialer = new Dialer(process.world.link, {
      ...process.linkPorts,
      random: (bytes) => process.random.bytes(bytes),
      transmit: (frame) => {
        process.note('sends', kindOf(frame), frame.length)
        this.#connection?.send('dialer', frame)
      },
      flushLater: () => atEndOfTurn(() => this.#dialer.flush()),
      reconnect: () => {
        const connection = this.#connection
        connection?.cut('dialer')
        if (connection !== undefined) process.enqueue(() => this.#down(connection))
      },
      accept: (session) => {
        this.#handler = process.accept(session, address)
        return this.#handler
      },
    })
    this.#connectLater()
  }

  arrived(connection: Connection, frame: Buffer): void {
    this.#process.read(this, () => {
      if (connection !== this.#connection || this.#isGone) return true
      this.#process.note('gets', kindOf(frame), frame.length)
      const isTaken = this.#dialer.receive(frame)
      this.#checkUse()
      return isTaken
    })
  }

  lost(connection: Connection): void {
    this.#process.enqueue(() => this.#down(connection))
  }

  takeRest(): boolean {
    return this.#dialer.takeRest()
  }

  tick(): void {
    this.#dialer.tick()
    this.#checkUse()
  }

  retire(): void {
    this.#isRetired = true
    this.#dialer.retire()
    this.#checkUse()
  }

  close(reason: RivuletError): void {
    this.#dialer.close(reason)
  }

  drop(): void {
    this.#isGone = true
    this.#connection?.cut('dialer')
    this.#connection = undefined
  }

  /** A retired link ends when nobody uses it any more, as that of `src/link`. */
  #checkUse(): void {
    if (!this.#isRetired || this.#isGone) return
    const { status, suspected } = this.#dialer.session
    const owes = this.#handler?.owes
    const isSettled = this.#dialer.settled || status === 'opening' || (!owes && (status === 'cut' || suspected))
    if (status !== 'ended' && (this.#handler?.inUse || !isSettled)) return
    this.#isGone = true
    this.#process.retired(this)
  }

  #down(connection: Connection): void {
    if (connection !== this.#connection) return
    this.#connection = undefined
    this.#dialer.down(connectionLost())
    this.#checkUse()
    this.#connectLater()
  }

  #connectLater(): void {
    const process = this.#process
    process.enqueueLater(process.random.between(1, longestWaitMs), () => {
      if (this.#isGone) return
      const { listeners, network } = process.world
      const to = listeners.get(this.address)
      const acceptor = to?.accepting
      const connection = acceptor && network.connect(wayOf(process, to), { dialer: this, acceptor })
      if (connection === undefined) {
        this.#connectLater()
        return
      }
      acceptor?.admit(connection)
      this.#connection = connection
      this.#dialer.up()
    })
  }
}

/** Names the way from one process to another, which may be blocked. */
export function wayOf(from: { readonly name: string }, to: { readonly name: string }): string {
  return `${from.name}>${to.name}`
}
