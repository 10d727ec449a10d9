/**
 * The links of one resource: it connects to any number of endpoints, binds others, or does both.
 *
 * What is said on a session is decided by its users, which are the same for all links, whichever side dialed.
 */
import { randomBytes } from 'node:crypto'
import { RivuletError } from '../errors/index.js'
import type { ResourceScope, Transport } from '../resource/index.js'
import type { PeerIdentity } from '../security/index.js'
import { type LinkUser, type PeerInfo, type SessionStreams, SharedSession } from '../session/index.js'
import { DealerSocket, RouterSocket, SocketSet, type SocketSetOptions } from '../socket/index.js'
import { LinkClient } from './link-client.js'
import { proverOf } from './link-security.js'
import { LinkServer } from './link-server.js'
import { type LinkOptions, maxLinkFrameBytes } from './link-settings.js'

/** What a resource decides about its links. */
export interface LinkSetOptions extends LinkOptions, SocketSetOptions {
  /** Sessions that are accepted at the same time, those that are cut included; needed with `bind`. */
  readonly maxSessions?: number
}

/** How long a side that closes waits at least until its dialers have read its goodbye, in milliseconds. */
const farewellMs = 200

/** A set of links. */
export class LinkSet implements Transport {
  readonly #scope: ResourceScope
  readonly #options: LinkSetOptions
  readonly #users: readonly LinkUser[]
  readonly #sockets: SocketSet
  readonly #dialing: LinkClient[] = []
  readonly #accepting: LinkServer | undefined

  /**
   * @param users - Each is given every session; no two take the same items.
   */
  constructor(scope: ResourceScope, options: LinkSetOptions, users: readonly LinkUser[]) {
    this.#scope = scope
    this.#options = options
    this.#users = users
    this.#sockets = new SocketSet(scope, options)
    const { bind, maxSessions = 0 } = options
    const { clock } = scope.runtime
    if (bind.length > 0)
      this.#accepting = new LinkServer({ ...options, maxSessions }, clock, this.#ports(undefined), this.#sockets.guard)
  }

  get address(): string {
    return this.#sockets.address
  }

  /** Who is admitted to what is bound, and what they may do; `undefined` without security, or where nothing is bound. */
  get guard(): SocketSet['guard'] {
    return this.#sockets.guard
  }

  /** Notes that a peer has reached a limit, which has a name; without security nobody asks. */
  limited(reason: string, { identity }: PeerInfo): void {
    this.guard?.note({ kind: 'limit', reason, ...(identity && { identity }) })
  }

  get securityEvents(): SocketSet['securityEvents'] {
    return this.#sockets.securityEvents
  }

  get endpoints(): readonly string[] {
    return this.#sockets.endpoints
  }

  /** Sessions that were accepted, those that are cut included. */
  get sessions(): number {
    return this.#accepting?.sessions ?? 0
  }

  /** Frames that came on an accepted connection without a session. */
  get strayFrames(): number {
    return this.#accepting?.strayFrames ?? 0
  }

  /** Frames of dialers that were rejected, by reason. */
  get rejectedFrames(): Readonly<Record<string, number>> {
    return this.#accepting?.rejectedFrames ?? Object.freeze({})
  }

  async open(): Promise<void> {
    const { bind } = this.#options
    const config = { ...this.#sockets.environment, maxFrameBytes: maxLinkFrameBytes }
    const opened: (() => void)[] = []
    const accepting = this.#accepting
    if (accepting !== undefined) {
      const socket = await this.#sockets.own(RouterSocket.open({ ...config, bind }, accepting))
      opened.push(() => accepting.start(socket))
    }
    const { keyPair } = this.#sockets
    for (const endpoint of this.#sockets.connect) {
      const prover = keyPair && proverOf(keyPair, endpoint.serverKeys, () => link.serverKey)
      const link: LinkClient = new LinkClient(
        this.#options,
        this.#scope.runtime.clock,
        this.#ports(endpoint.address),
        prover,
      )
      this.#dialing.push(link)
      const socket = await this.#sockets.own(DealerSocket.open({ ...config, connect: endpoint }, link))
      opened.push(() => link.start(socket))
    }
    for (const start of opened) start()
  }

  /** Asks the dialers of accepted sessions to open no new streams. */
  announceDrain(): void {
    this.#accepting?.announceDrain()
  }

  /** Lets the users finish, waits until what they sent has arrived, and says goodbye. */
  async finish(deadline: number): Promise<number> {
    const { waitUntil, runtime } = this.#scope
    this.announceDrain()
    await waitUntil(deadline, Promise.all(this.#users.map((user) => user.drain?.())))
    const left = this.#users.reduce((sum, { unfinished = 0 }) => sum + unfinished, 0)
    const closed = this.#closed()
    await Promise.all(this.#users.map((user) => user.stopAll?.(closed)))
    for (const link of this.#dialing) link.announceDrain()
    await waitUntil(deadline, Promise.all([...this.#dialing, this.#accepting].map((link) => link?.whenSettled())))
    for (const link of this.#dialing) link.close(closed)
    // a dialer that misses the goodbye waits for this side to come back, so that it is worth a moment in any case
    const farewell = this.#accepting?.close(closed)
    if (farewell !== undefined) await waitUntil(Math.max(deadline, runtime.clock.now() + farewellMs), farewell)
    return left
  }

  close(lingerMs: number): { readonly left: number; readonly released: Promise<unknown> } {
    const result = this.#sockets.close(lingerMs)
    const closed = this.#closed()
    for (const link of this.#dialing) link.close(closed)
    void this.#accepting?.close(closed)
    return result
  }

  ref(): void {
    this.#sockets.ref()
  }

  unref(): void {
    this.#sockets.unref()
  }

  isConnectedTo(endpoints: readonly string[], isSameRuntime: boolean): boolean {
    return this.#sockets.isConnectedTo(endpoints, isSameRuntime)
  }

  /** What the links of one side need; `dialed` is the address of a connecting one. */
  #ports(dialed: string | undefined): {
    accept(session: SessionStreams, identity?: PeerIdentity): SharedSession
    report(error: RivuletError): void
  } {
    return {
      accept: (session, identity) =>
        new SharedSession(session, this.#users, { id: randomBytes(8).toString('hex'), identity, dialed }),
      report: this.#scope.report,
    }
  }

  #closed(): RivuletError {
    return new RivuletError('RIVULET_CLOSED', `${this.#scope.name()} was closed`)
  }
}
