/**
 * The binding side of links: one ROUTER socket, a peer for each connection.
 *
 * Which peer has gone is read from the socket itself, over every transport (for inproc, too: measured with libzmq 4.3.5,
 * whether the dealer closes or disconnects): the library puts a message there that no peer can send. The monitor says
 * only that some peer has gone, and before the last frames of that peer are read.
 */
import { RivuletError } from '../errors/index.js'
import { type LinkConfig, type LinkHandler, type LinkSocket, linkSettings, type PeerHandle } from './link-socket.js'
import { disconnectMessage } from './native.js'
import { Socket } from './socket.js'
import { errnoOf, translate } from './translate.js'

/** What a router is made of. */
export interface RouterConfig extends LinkConfig {
  readonly bind: readonly string[]
}

interface Peer {
  readonly routingId: Buffer
  /** It was told to be gone, but the library has not said so yet: what it still sends is dropped. */
  gone: boolean
}

/** A ROUTER socket, owned. */
export class RouterSocket extends Socket implements LinkSocket {
  readonly #handler: LinkHandler
  /** Those that have sent something, until the library says that they have gone. */
  readonly #peers = new Map<PeerHandle, Peer>()

  /**
   * Opens a socket that is bound when it resolves. Its handler hears nothing before `start`.
   *
   * @error RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS
   */
  static async open(config: RouterConfig, handler: LinkHandler): Promise<RouterSocket> {
    return new RouterSocket(config, handler).enter()
  }

  private constructor(config: RouterConfig, handler: LinkHandler) {
    super({ ...config, ...linkSettings(config), kind: 'router', bind: config.bind, connect: [] })
    this.#handler = handler
  }

  /** How many peers are known: those that have sent something and are not gone for the library. */
  get peers(): number {
    return this.#peers.size
  }

  /** Begins to read. */
  start(): void {
    this.read(true)
  }

  send(handle: PeerHandle, frame: Buffer): void {
    const peer = this.#peers.get(handle)
    if (!peer || peer.gone || this.closed) return
    this.native.send([peer.routingId, frame]).catch((error: unknown) => this.#onUnsent(handle, peer, error))
  }

  protected onMessage(parts: readonly Buffer[]): void {
    if (this.closed) return
    const [routingId, frame] = parts
    if (!routingId) return
    const handle = routingId.toString('latin1')
    const known = this.#peers.get(handle)
    if (frame?.length === disconnectMessage.length && frame.equals(disconnectMessage)) {
      if (!known) return
      this.#peers.delete(handle)
      if (!known.gone) this.#handler.onGone(handle, undefined)
      return
    }
    if (known?.gone) return
    if (!known) this.#peers.set(handle, { routingId, gone: false })
    if (frame && parts.length === 2) this.#handler.onFrame(handle, frame)
    else this.#handler.onBad(handle, new RivuletError('RIVULET_BAD_FRAME', `a message of ${parts.length - 1} parts`))
  }

  protected override get peersHurryBack(): boolean {
    return true
  }

  protected get lingers(): boolean {
    return true
  }

  protected get letsGo(): boolean {
    return false
  }

  protected stop(): number {
    this.#peers.clear()
    return 0
  }

  /**
   * `EHOSTUNREACH`: its connection has ended, and the news of it waits behind its last frames. `EAGAIN`: it has not read
   * for so long that the mark is reached. Either way a frame is lost, so that what follows would have a gap.
   */
  #onUnsent(handle: PeerHandle, peer: Peer, error: unknown): void {
    if (peer.gone || this.closed || this.#peers.get(handle) !== peer) return
    peer.gone = true
    const left = errnoOf(error) === 'EHOSTUNREACH'
    this.#handler.onGone(handle, left ? undefined : translate(`${this.name}: cannot send`, error))
  }
}
