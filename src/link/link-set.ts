/**
 * The links of one resource: it connects to any number of endpoints, binds others, or does both.
 *
 * What is said on a session is decided by its users, which are the same for all links, whichever side dialed.
 */
import { randomBytes } from 'node:crypto'
import { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import type { ResourceScope, Transport } from '../resource/index.js'
import { keyFingerprint, type PeerIdentity } from '../security/index.js'
import { type LinkUser, type PeerInfo, type SessionStreams, SharedSession } from '../session/index.js'
import { type ConnectEndpoint, DealerSocket, RouterSocket, SocketSet, type SocketSetOptions } from '../socket/index.js'
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

/** A connecting link that is wanted. */
interface DialedLink {
  readonly endpoint: ConnectEndpoint
  readonly link: LinkClient
}

/** A set of links. */
export class LinkSet implements Transport {
  readonly #scope: ResourceScope
  readonly #options: LinkSetOptions
  readonly #users: readonly LinkUser[]
  readonly #sockets: SocketSet
  /** All connecting links, those that are being retired included, with their sockets once they are open. */
  readonly #dialing = new Map<LinkClient, DealerSocket | undefined>()
  /** Of these, the ones that are wanted, by their address. */
  readonly #wanted = new Map<string, DialedLink>()
  readonly #accepting: LinkServer | undefined
  /** Returns the key of the server of a connecting link, once that is known. */
  readonly #serverKeys = new WeakMap<LinkClient, () => string | undefined>()

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
    this.guard?.revoked.subscribe((key) => this.#revoked(key))
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

  get publicKey(): string | undefined {
    return this.#sockets.publicKey
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
    for (const endpoint of this.#sockets.connect) {
      const link = this.#newLink(endpoint)
      const socket = await this.#sockets.own(DealerSocket.open({ ...config, connect: endpoint }, link))
      this.#dialing.set(link, socket)
      opened.push(() => link.start(socket))
    }
    for (const start of opened) start()
    this.#sockets.follow((endpoints) => this.#follow(endpoints))
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
    for (const link of this.#dialing.keys()) link.announceDrain()
    await waitUntil(
      deadline,
      Promise.all([...this.#dialing.keys(), this.#accepting].map((link) => link?.whenSettled())),
    )
    for (const link of this.#dialing.keys()) link.close(closed)
    // a dialer that misses the goodbye waits for this side to come back, so that it is worth a moment in any case
    const farewell = this.#accepting?.close(closed)
    if (farewell !== undefined) await waitUntil(Math.max(deadline, runtime.clock.now() + farewellMs), farewell)
    return left
  }

  close(lingerMs: number): { readonly left: number; readonly released: Promise<unknown> } {
    const result = this.#sockets.close(lingerMs)
    const closed = this.#closed()
    for (const link of this.#dialing.keys()) link.close(closed)
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

  /**
   * What the links of one side need.
   *
   * @param dialed - The address of a connecting one.
   * @param serverKeyOf - Returns the key by which its server is known, once it is connected.
   */
  #ports(
    dialed: string | undefined,
    serverKeyOf: () => string | undefined = () => undefined,
  ): {
    accept(session: SessionStreams, identity?: PeerIdentity): SharedSession
    report(error: RivuletError): void
    retired(link: LinkClient): void
  } {
    return {
      accept: (session, identity) => {
        const server = () => this.#serverOf(serverKeyOf())
        const id = randomBytes(8).toString('hex')
        const peer =
          dialed === undefined
            ? { id, identity, dialed }
            : {
                id,
                dialed,
                identity,
                get server() {
                  return server()
                },
              }
        return new SharedSession(session, this.#users, peer)
      },
      report: this.#scope.report,
      retired: (link) => this.#remove(link),
    }
  }

  #newLink(endpoint: ConnectEndpoint): LinkClient {
    const { keyPair } = this.#sockets
    const isRevoked = (key: string) => this.guard?.isRevoked(key) ?? false
    const prover = keyPair && proverOf(keyPair, endpoint.serverKeys, () => link.serverKey, isRevoked)
    const { clock } = this.#scope.runtime
    const { address, serverKeys } = endpoint
    const serverKeyOf = () => link.serverKey ?? (serverKeys.length === 1 ? serverKeys[0] : undefined)
    const link: LinkClient = new LinkClient(this.#options, clock, this.#ports(address, serverKeyOf), prover)
    this.#dialing.set(link, undefined)
    this.#serverKeys.set(link, serverKeyOf)
    return link
  }

  /** A key that has left the allow list loses the links that this side has dialed, too. */
  #revoked(key: string): void {
    const { guard } = this
    const isRenamed = guard?.identityOf(key) !== undefined
    if (!isRenamed && !guard?.isRevoked(key)) return
    for (const link of this.#dialing.keys()) if (this.#serverKeys.get(link)?.() === key) link.revoke(isRenamed)
  }

  /** The server of a key, by the name that it has in the allow list of this side, or else by its fingerprint. */
  #serverOf(publicKey: string | undefined): PeerIdentity | undefined {
    if (publicKey === undefined) return undefined
    return this.guard?.identityOf(publicKey) ?? Object.freeze({ name: keyFingerprint(publicKey), publicKey })
  }

  /** Retires the links that are not wanted any more, and dials the endpoints that are new. */
  #follow(endpoints: readonly ConnectEndpoint[]): void {
    const wanted = new Map(endpoints.map((endpoint) => [endpoint.address, endpoint]))
    for (const [address, { endpoint, link }] of this.#wanted) {
      if (wanted.get(address) === endpoint) continue
      this.#wanted.delete(address)
      link.retire()
    }
    for (const endpoint of endpoints) {
      // links that are being retired are bounded, too: one of them ends first
      if (this.#dialing.size >= 2 * defaults.maxEndpoints) return
      if (!this.#wanted.has(endpoint.address)) void this.#dial(endpoint)
    }
  }

  async #dial(endpoint: ConnectEndpoint): Promise<void> {
    const link = this.#newLink(endpoint)
    this.#wanted.set(endpoint.address, { endpoint, link })
    const config = { ...this.#sockets.environment, maxFrameBytes: maxLinkFrameBytes, connect: endpoint }
    try {
      const socket = await this.#sockets.adopt(DealerSocket.open(config, link))
      this.#dialing.set(link, socket)
      if (link.isClosed) this.#remove(link)
      else link.start(socket)
    } catch (error) {
      this.#dialing.delete(link)
      if (this.#wanted.get(endpoint.address)?.link === link) this.#wanted.delete(endpoint.address)
      this.#sockets.failed(error as RivuletError)
    }
  }

  #remove(link: LinkClient): void {
    const socket = this.#dialing.get(link)
    link.close(this.#closed())
    if (socket === undefined) return // it is still being opened
    this.#dialing.delete(link)
    this.#sockets.disown(socket)
    this.#follow(this.#sockets.connect)
  }

  #closed(): RivuletError {
    return new RivuletError('RIVULET_CLOSED', `${this.#scope.name()} was closed`)
  }
}
