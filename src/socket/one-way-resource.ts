/**
 * What the resources of the one-way patterns have in common: one socket, with an outbox.
 *
 * The patterns extend it with what they send and receive; it moves no message itself.
 */
import { RivuletError } from '../errors/index.js'
import { type Closable, deferred } from '../lifecycle/index.js'
import { defaults } from '../options/index.js'
import { type LinkChange, ResourceBase } from '../resource/index.js'
import { type OneWayConfig, OneWaySocket } from './one-way-socket.js'
import { Outbox } from './outbox.js'
import type { ResolvedSocketOptions } from './socket-options.js'
import { SocketResource } from './socket-resource.js'

/** What a pattern decides about its socket. */
export type SocketSettings = Pick<
  OneWayConfig,
  | 'kind'
  | 'sendHighWaterMark'
  | 'receiveHighWaterMark'
  | 'maxFrameBytes'
  | 'socketBufferBytes'
  | 'patienceMs'
  | 'gateName'
> & { readonly outboxBytes: number }

/** The base of a resource with one socket of a one-way pattern. */
export abstract class OneWayResource<Stats> extends SocketResource<Stats> {
  readonly #options: ResolvedSocketOptions
  #settings: SocketSettings | undefined
  #socket: OneWaySocket | undefined
  #isRenewing = false

  /**
   * @param factory - The public function, for messages: `createPush`.
   * @throws RIVULET_INVALID_OPTION
   */
  constructor(factory: string, options: ResolvedSocketOptions, sides: 'one' | 'any') {
    if (options.security?.policy !== undefined) {
      const text = `${factory}: security.policy must be left out: these sockets know that a peer is admitted, not which one`
      throw new RivuletError('RIVULET_INVALID_OPTION', text)
    }
    super(factory, options, sides)
    this.#options = options
  }

  protected get socket(): OneWaySocket {
    if (!this.#socket) throw new RivuletError('RIVULET_CLOSED', `${this.name} is not open`)
    return this.#socket
  }

  /** Takes a message that arrived; must not throw. */
  protected abstract onFrame(parts: readonly Buffer[]): void

  /** Counts messages that a failure of the transport took with it. */
  protected abstract onLost(messages: number): void

  /** Opens the resource with a socket of these settings; it is usable when this resolves. */
  protected openSocket(settings: SocketSettings): Promise<this> {
    this.#settings = settings
    return this.open()
  }

  protected get isSender(): boolean {
    const kind = this.#settings?.kind
    return kind === 'push' || kind === 'xpub'
  }

  /** Whether somebody takes what arrives; of a receiver. */
  protected get isWanted(): boolean {
    return false
  }

  /** What a sender has handed over still arrives until its link is down. */
  protected override whenUsersClosed(users: readonly Closable[]): (deadline: number) => Promise<void> {
    const isConnected = (one: Closable) => one instanceof ResourceBase && one.connected > 0
    const left = this.#whenLeft(users.filter(isConnected).length)
    return async (deadline) => {
      if (this.isWanted)
        await this.waitUntil(
          deadline,
          left.then(() => this.socket.whenQuiet()),
        )
    }
  }

  /** Resolves when so many links have gone down, or the resource is closed. */
  #whenLeft(links: number): Promise<void> {
    if (links === 0) return Promise.resolve()
    const { promise, resolve } = deferred()
    let left = 0
    const next = ({ state }: LinkChange) => {
      if (state !== 'disconnected') return
      left += 1
      if (left === links) resolve()
    }
    const subscription = this.socket.links.changes.subscribe({ next, complete: resolve })
    return promise.then(() => subscription.unsubscribe())
  }

  protected override async openTransport(): Promise<void> {
    const { outboxBytes } = this.#settings as SocketSettings
    this.#socket = await this.sockets.own(this.#openSocket(this.#options.bind, new Outbox(outboxBytes)))
    this.#socket.startSending()
    this.sockets.follow(() => this.#follow())
  }

  /** Connects as the newest list says. */
  #follow(): void {
    const { connect } = this.sockets
    if (this.#isRenewing) return
    if (this.socket.mayFollow(connect)) this.socket.follow(connect)
    else this.sockets.renewal = this.#renewSocket(defaults.removedLingerMs, (socket) => socket.startSending())
  }

  /**
   * Puts a new socket in the place of the present one, at the same endpoints; resolves when it is open.
   *
   * Peers connect again. What the library held is lost; what waits in the outbox waits for `startSending`.
   */
  protected renewSocket(): Promise<void> {
    const renewal = this.#renewSocket(0)
    this.sockets.renewal = renewal
    return renewal
  }

  async #renewSocket(lingerMs: number, opened?: (socket: OneWaySocket) => void): Promise<void> {
    this.#isRenewing = true
    const former = this.socket
    const { endpoints, outbox } = former
    former.giveUp(lingerMs)
    await former.released
    for (let isReported = false; !this.sockets.isShut; isReported = true) {
      try {
        this.#socket = await this.sockets.own(this.#openSocket(endpoints, outbox), former)
        this.#isRenewing = false
        opened?.(this.#socket)
        this.#follow() // the list may have changed meanwhile
        return
      } catch (error) {
        // another process may have taken the address; it is tried until the resource is closed
        if (!isReported && !this.sockets.isShut) this.reports.report(error as RivuletError)
        await new Promise<void>((resolve) => this.runtime.clock.setTimer(resolve, defaults.reconnectMs))
      }
    }
  }

  #openSocket(bind: readonly string[], outbox: Outbox): Promise<OneWaySocket> {
    return OneWaySocket.open({
      ...this.sockets.environment,
      ...(this.#settings as SocketSettings),
      bind,
      connect: this.sockets.connect,
      outbox,
      onFrame: (parts: readonly Buffer[]) => this.onFrame(parts),
      onLost: (messages: number) => this.onLost(messages),
      onUnconnected: (error: RivuletError) => this.sockets.failed(error),
    })
  }
}
