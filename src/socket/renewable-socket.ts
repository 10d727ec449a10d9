/**
 * One socket of a one-way pattern in a set of sockets: follows a list of endpoints, and is replaced where it has to be.
 *
 * What waits in its outbox waits for the socket that takes its place. It moves no message itself.
 */
import type { Clock } from '../clock/index.js'
import type { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import { type OneWayConfig, OneWaySocket } from './one-way-socket.js'
import { Outbox } from './outbox.js'
import type { SocketSet } from './socket-set.js'

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
  | 'whenRoom'
> & { readonly outboxBytes: number }

/** What a renewable socket needs of its resource. */
export interface RenewableSocketPorts {
  readonly clock: Clock
  report(error: RivuletError): void
  /** Takes each message that arrives; must not throw. */
  onFrame(parts: readonly Buffer[]): void
  /** Counts messages that a failure of the transport took with it. */
  onLost(messages: number): void
}

/** A socket, and those that take its place. */
export class RenewableSocket {
  readonly #sockets: SocketSet
  readonly #bind: readonly string[]
  readonly #settings: SocketSettings
  readonly #ports: RenewableSocketPorts
  #socket: OneWaySocket | undefined
  #isRenewing = false

  constructor(sockets: SocketSet, bind: readonly string[], settings: SocketSettings, ports: RenewableSocketPorts) {
    this.#sockets = sockets
    this.#bind = bind
    this.#settings = settings
    this.#ports = ports
  }

  get kind(): SocketSettings['kind'] {
    return this.#settings.kind
  }

  /** The present socket; `undefined` before it is open. */
  get current(): OneWaySocket | undefined {
    return this.#socket
  }

  /** Opens the first socket. */
  async open(): Promise<void> {
    this.#socket = await this.#sockets.own(this.#openSocket(this.#bind, new Outbox(this.#settings.outboxBytes)))
    this.#socket.startSending()
    this.#sockets.follow(() => this.#follow(this.#socket as OneWaySocket))
  }

  /**
   * Puts a new socket in the place of the present one, at the same endpoints; resolves when it is open.
   *
   * Peers connect again. What the library held is lost; what waits in the outbox waits for `startSending`.
   */
  renew(): Promise<void> {
    const renewal = this.#renew(this.#socket as OneWaySocket, 0)
    this.#sockets.renewal = renewal
    return renewal
  }

  /** Connects as the newest list says. */
  #follow(socket: OneWaySocket): void {
    const { connect } = this.#sockets
    if (this.#isRenewing) return
    if (socket.mayFollow(connect)) socket.follow(connect)
    else this.#sockets.renewal = this.#renew(socket, defaults.removedLingerMs, (renewed) => renewed.startSending())
  }

  async #renew(former: OneWaySocket, lingerMs: number, opened?: (socket: OneWaySocket) => void): Promise<void> {
    this.#isRenewing = true
    const { endpoints, outbox } = former
    former.giveUp(lingerMs)
    await former.released
    for (let isReported = false; !this.#sockets.isShut; isReported = true) {
      try {
        const socket = await this.#sockets.own(this.#openSocket(endpoints, outbox), former)
        this.#socket = socket
        this.#isRenewing = false
        opened?.(socket)
        this.#follow(socket) // the list may have changed meanwhile
        return
      } catch (error) {
        // another process may have taken the address; it is tried until the resource is closed
        if (!isReported && !this.#sockets.isShut) this.#ports.report(error as RivuletError)
        await new Promise<void>((resolve) => this.#ports.clock.setTimer(resolve, defaults.reconnectMs))
      }
    }
  }

  #openSocket(bind: readonly string[], outbox: Outbox): Promise<OneWaySocket> {
    const { onFrame, onLost } = this.#ports
    return OneWaySocket.open({
      ...this.#sockets.environment,
      ...this.#settings,
      bind,
      connect: this.#sockets.connect,
      outbox,
      onFrame,
      onLost,
      onUnconnected: (error: RivuletError) => this.#sockets.failed(error),
    })
  }
}
