/**
 * The connecting side of links: one DEALER socket, one endpoint, one peer at a time.
 *
 * A connection that is cut is restored automatically. A connection on which a frame could not go is given up, since the
 * frames after it would have a gap.
 */

import { errnoOf, RivuletError } from '../errors/index.js'
import type { EndpointChange } from '../resource/index.js'
import type { ConnectEndpoint } from './connect-endpoint.js'
import {
  type LinkConfig,
  type LinkHandler,
  type LinkSocket,
  linkSettings,
  onlyPeer,
  type PeerHandle,
} from './link-socket.js'
import { Socket } from './socket.js'
import { translate } from './translate.js'

/** What a dealer is made of. */
export interface DealerConfig extends LinkConfig {
  readonly connect: ConnectEndpoint
}

const ignore = () => {}

/** A DEALER socket, owned. */
export class DealerSocket extends Socket implements LinkSocket {
  readonly #handler: LinkHandler
  readonly #address: string
  #started = false
  #connected = false
  /** Whether the handler was notified of the connection. */
  #up = false
  #renewing = false
  /** Why the connection is being given up, while it is. */
  #reason: RivuletError | undefined

  /**
   * Opens a socket that is being connected when it resolves. Its handler hears nothing before `start`.
   *
   * @error RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS
   */
  static async open(config: DealerConfig, handler: LinkHandler): Promise<DealerSocket> {
    return new DealerSocket(config, handler).enter()
  }

  private constructor(config: DealerConfig, handler: LinkHandler) {
    super({ ...config, ...linkSettings(config), kind: 'dealer', bind: [], connect: [config.connect] })
    this.#handler = handler
    this.#address = config.connect.address
  }

  /** The key by which CURVE knows the server of the present connection; `undefined` without security, and over inproc. */
  get serverKey(): string | undefined {
    return this.serverKeyAt(this.#address)
  }

  /** Whether there is a connection that frames can go to. */
  get up(): boolean {
    return this.#up && !this.#renewing && !this.closed
  }

  /** Begins to read and to tell. */
  start(): void {
    this.#started = true
    this.read(true)
    queueMicrotask(() => this.#reportUp())
  }

  send(_peer: PeerHandle, frame: Buffer): void {
    // nothing may leave before the connection is reported, so that frames that are sent then are the first
    if (this.up) this.native.send(frame).catch((error: unknown) => this.#onUnsent(error))
  }

  hold(on: boolean): void {
    this.read(!on)
  }

  /** Gives up the connection, at the end of this job, and makes another: what cures gaps and stalls. */
  reconnect(): void {
    this.#renew(undefined)
  }

  protected onMessage(parts: readonly Buffer[]): void {
    if (this.closed) return
    const [frame] = parts
    if (frame && parts.length === 1) this.#handler.onFrame(onlyPeer, frame)
    else this.#handler.onBad(onlyPeer, new RivuletError('RIVULET_BAD_FRAME', `a message of ${parts.length} parts`))
  }

  protected override onLinkChange({ state }: EndpointChange): void {
    if (state === 'connected') {
      this.#connected = true
      this.#reportUp()
    } else if (state === 'disconnected') {
      this.#connected = false
      if (!this.#up) return
      this.#up = false
      this.#handler.onGone(onlyPeer, this.#reason)
    }
  }

  protected get lingers(): boolean {
    return true
  }

  /**
   * A router that leaves still has its pipe for a moment, in which the first frame for its successor would be lost. What it
   * sent and this side has not read is not taken after the end of the connection, anyway.
   */
  protected get disconnectsWhenPeerUnbinds(): boolean {
    return true
  }

  protected stop(): number {
    return 0
  }

  #reportUp(): void {
    if (!this.#started || !this.#connected || this.#up || this.closed) return
    // The library looks for new connections once in a millisecond when it sends; after this it has looked. Nothing is
    // sent, and unlike a look at `readable` it wakes the pending read if there is something for it.
    this.native.send([]).catch(ignore)
    this.#up = true
    this.#handler.onUp(onlyPeer)
  }

  #renew(error: RivuletError | undefined): void {
    if (this.#renewing || this.closed) return
    this.#renewing = true
    queueMicrotask(() => {
      this.#renewing = false
      this.#reason = error
      this.reconnectAll()
      this.#reason = undefined
    })
  }

  /**
   * `EAGAIN`: the connection is cut, and its event is still to be read. Since a frame was lost, the connection is given up at
   * once; that is no failure, and the link is reported as disconnected. A router that reads too slowly is no cause of it:
   * credit keeps what is in flight below the mark.
   */
  #onUnsent(error: unknown): void {
    if (!this.up) return
    this.#renew(errnoOf(error) === 'EAGAIN' ? undefined : translate(`${this.name}: cannot send`, error))
  }
}
