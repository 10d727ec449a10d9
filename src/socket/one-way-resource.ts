/**
 * What the resources of the one-way patterns have in common: one socket, with an outbox.
 *
 * The patterns extend it with what they send and receive; it moves no message itself.
 */
import { RivuletError } from '../errors/index.js'
import { type Closable, deferred } from '../lifecycle/index.js'
import { type LinkChange, ResourceBase } from '../resource/index.js'
import type { OneWaySocket } from './one-way-socket.js'
import { RenewableSocket, type SocketSettings } from './renewable-socket.js'
import type { ResolvedSocketOptions } from './socket-options.js'
import { SocketResource } from './socket-resource.js'

/** The base of a resource with one socket of a one-way pattern. */
export abstract class OneWayResource<Stats> extends SocketResource<Stats> {
  readonly #options: ResolvedSocketOptions
  #socket: RenewableSocket | undefined

  /**
   * @param factory - The public function, for messages: `createPush`.
   * @param takesPolicy - Whether it holds its peers to a policy over links. Default: no.
   * @throws RIVULET_INVALID_OPTION
   */
  constructor(
    factory: string,
    options: ResolvedSocketOptions,
    sides: 'one' | 'any',
    { takesPolicy = false }: { readonly takesPolicy?: boolean } = {},
  ) {
    if (options.security?.policy !== undefined && !takesPolicy) {
      const text = `${factory}: security.policy must be left out: these sockets know that a peer is admitted, not which one`
      throw new RivuletError('RIVULET_INVALID_OPTION', text)
    }
    super(factory, options, sides)
    this.#options = options
  }

  protected get socket(): OneWaySocket {
    const socket = this.#socket?.current
    if (!socket) throw new RivuletError('RIVULET_CLOSED', `${this.name} is not open`)
    return socket
  }

  /** Takes a message that arrived; must not throw. */
  protected abstract onFrame(parts: readonly Buffer[]): void

  /** Counts messages that a failure of the transport took with it. */
  protected abstract onLost(messages: number): void

  /** Opens the resource with a socket of these settings; it is usable when this resolves. */
  protected openSocket(settings: SocketSettings): Promise<this> {
    this.#socket = new RenewableSocket(this.sockets, this.#options.bind, settings, {
      clock: this.runtime.clock,
      report: (error) => this.reports.report(error),
      onFrame: (parts) => this.onFrame(parts),
      onLost: (messages) => this.onLost(messages),
    })
    return this.open()
  }

  protected get isSender(): boolean {
    const kind = this.#socket?.kind
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

  protected override openTransport(): Promise<void> {
    return (this.#socket as RenewableSocket).open()
  }

  /**
   * Puts a new socket in the place of the present one, at the same endpoints; resolves when it is open.
   *
   * Peers connect again. What the library held is lost; what waits in the outbox waits for `startSending`.
   */
  protected renewSocket(): Promise<void> {
    return (this.#socket as RenewableSocket).renew()
  }
}
