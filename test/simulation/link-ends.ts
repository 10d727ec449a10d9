/** The ends of simulated links: what accepts connections, and what dials one address, driven as `src/link` drives them. */
import { RivuletError } from '../../src/errors/index.js'
import { atEndOfTurn } from '../../src/lifecycle/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import {
  Acceptor,
  type Authenticator,
  Dialer,
  type DialerSettings,
  type IdentityProver,
  type SessionStreams,
  type SharedSession,
} from '../../src/session/index.js'
import type { FrameReader } from './frame-reads.js'
import type { Keyring } from './keyring.js'
import type { Connection, Listener, Network, NetworkEnd } from './network.js'
import type { Random } from './random.js'
import { kindOf } from './session-process.js'

/** What links are like, apart from their users. */
export interface SimulatedLinkOptions {
  readonly link: DialerSettings
  /** The least and the longest wait before a connection is tried again, in milliseconds. */
  readonly waitMs: readonly [least: number, longest: number]
}

/** What links need of their process. */
export interface LinkedProcess {
  readonly name: string
  readonly random: Random
  readonly world: {
    readonly network: Network
    readonly listeners: Map<string, Listener>
    /** The keys of processes, where links are secured. */
    readonly keyring?: Keyring | undefined
  }
  /** What the machines of both ends of links need alike. */
  readonly linkPorts: { now(): number; spend(): boolean; report(error: RivuletError): void }
  note(what: string, ...numbers: readonly number[]): void
  enqueue(event: () => void): void
  enqueueLater(delayMs: number, event: () => void): void
  /** Reads something of the sockets, in order. */
  read(reader: FrameReader, take: () => void): void
}

/** Sessions that a process accepts. */
const maxSessions = 100

const connectionLost = () => new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection was cut')

/** How the ends of links prove who they are; `undefined` where they do not. */
export interface LinkSecurity {
  readonly authenticator: Authenticator | undefined
  /** What proves this side to what has an address. */
  proverOf(address: string): IdentityProver | undefined
}

/** The set that a link belongs to. */
export interface LinkOwner {
  readonly process: LinkedProcess
  readonly options: SimulatedLinkOptions
  readonly security: LinkSecurity
  /** Gives a session to the users. */
  accept(session: SessionStreams, dialed: string | undefined, identity?: PeerIdentity): SharedSession
  /** A link that was retired is not used any more. */
  retired(link: Dialing): void
}

/** The accepting side. */
export class Accepting implements Listener {
  readonly process: LinkedProcess
  readonly #acceptor: Acceptor
  readonly #connections = new Map<string, Connection>()

  constructor(links: LinkOwner) {
    const { process } = links
    this.process = process
    this.#acceptor = new Acceptor(
      { ...links.options.link, maxSessions },
      {
        ...process.linkPorts,
        transmit: (peer, frame) => {
          process.note('sends', kindOf(frame), frame.length)
          this.#connections.get(peer)?.send('acceptor', frame)
        },
        flushLater: atEndOfTurn,
        accept: (session, identity) => links.accept(session, undefined, identity),
        authenticator: links.security.authenticator,
      },
    )
  }

  admit(connection: Connection): void {
    this.#connections.set(connection.name, connection)
  }

  arrived({ name }: Connection, frame: Buffer): void {
    this.process.read(this.#acceptor, () => {
      if (!this.#connections.has(name)) return
      this.process.note('gets', kindOf(frame), frame.length)
      this.#acceptor.receive(name, frame)
    })
  }

  lost({ name }: Connection): void {
    this.process.read(this.#acceptor, () => {
      if (this.#connections.delete(name)) this.#acceptor.gone(name, connectionLost())
    })
  }

  tick(): void {
    this.#acceptor.tick()
  }

  announceDrain(): void {
    this.#acceptor.announceDrain()
  }

  revoke(publicKey: string, isRenamed: boolean): void {
    this.#acceptor.revoke(publicKey, isRenamed)
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
  readonly #links: LinkOwner
  readonly #process: LinkedProcess
  readonly #dialer: Dialer
  #handler: SharedSession | undefined
  #connection: Connection | undefined
  #isRetired = false
  #isGone = false

  constructor(links: LinkOwner, address: string) {
    const { process } = links
    this.#links = links
    this.#process = process
    this.address = address
    this.#dialer = new Dialer(links.options.link, {
      ...process.linkPorts,
      random: (bytes) => process.random.bytes(bytes),
      transmit: (frame) => {
        process.note('sends', kindOf(frame), frame.length)
        this.#connection?.send('dialer', frame)
      },
      flushLater: () => atEndOfTurn(this.#flush),
      reconnect: () => {
        const connection = this.#connection
        connection?.cut('dialer')
        if (connection !== undefined) process.enqueue(() => this.#down(connection))
      },
      prover: links.security.proverOf(address),
      accept: (session) => {
        this.#handler = links.accept(session, address)
        return this.#handler
      },
    })
    this.#connectLater()
  }

  readonly #flush = () => this.#dialer.flush()

  get connection(): Connection | undefined {
    return this.#connection
  }

  get isLive(): boolean {
    return this.#dialer.session.status === 'live'
  }

  arrived(connection: Connection, frame: Buffer): void {
    // a DEALER does not tell which connection a frame came on
    this.#process.read(this.#dialer, () => {
      if (connection !== this.#connection || this.#isGone) return
      this.#process.note('gets', kindOf(frame), frame.length)
      this.#dialer.receive(frame)
      this.#checkUse()
    })
  }

  lost(connection: Connection): void {
    this.#process.enqueue(() => this.#down(connection))
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
    this.#links.retired(this)
  }

  #down(connection: Connection): void {
    if (connection !== this.#connection) return
    this.#process.note('down')
    this.#connection = undefined
    this.#dialer.down(connectionLost())
    this.#checkUse()
    this.#connectLater()
  }

  #connectLater(): void {
    const process = this.#process
    process.enqueueLater(process.random.between(...this.#links.options.waitMs), () => {
      if (this.#isGone) return
      const { listeners, network } = process.world
      const listener = listeners.get(this.address)
      const ends = listener && { dialer: this, acceptor: listener }
      const connection = ends && network.connect(wayOf(process, listener.process), ends)
      if (listener === undefined || connection === undefined) {
        this.#connectLater()
        return
      }
      process.note('up')
      listener.admit(connection)
      this.#connection = connection
      this.#dialer.up()
    })
  }
}

/** An address of a process; another one after it has moved. */
export function addressOf(name: string, move?: number): string {
  return move === undefined ? `ipc:///${name}` : `ipc:///${name}/${move}`
}

/** Whose address it is. */
export function ownerOf(address: string): string {
  return address.split('/')[3] as string
}

/** Names the way from one process to another, which may be blocked. */
export function wayOf(from: { readonly name: string }, to: { readonly name: string }): string {
  return `${from.name}>${to.name}`
}
