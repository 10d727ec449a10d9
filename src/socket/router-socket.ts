/**
 * The binding side of links: one ROUTER socket, a peer for each connection.
 *
 * Which peer has gone is read from the socket itself, over every transport (for inproc, too: measured with libzmq 4.3.5,
 * whether the dealer closes or disconnects): the library puts a message there that no peer can send. The monitor says
 * only that some peer has gone, and before the last frames of that peer are read.
 */
import { errnoOf, RivuletError } from '../errors/index.js'
import { type LinkConfig, type LinkHandler, type LinkSocket, linkSettings, type PeerHandle } from './link-socket.js'
import { disconnectMessage } from './native.js'
import { Socket } from './socket.js'
import { translate } from './translate.js'

/** What a router is made of. */
export interface RouterConfig extends LinkConfig {
  readonly bind: readonly string[]
}

interface Peer {
  readonly handle: PeerHandle
  readonly routingId: Buffer
  /** The link considers it gone, and the library has not reported that yet: its frames are dropped. */
  gone: boolean
}

/** A ROUTER socket, owned. */
export class RouterSocket extends Socket implements LinkSocket {
  readonly #handler: LinkHandler
  /** Those that have sent something, until the library says that they have gone. */
  readonly #peers = new Map<PeerHandle, Peer>()
  /** The one of them that sent last. */
  #last: Peer | undefined

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

  hold(on: boolean): void {
    this.read(!on)
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
    const known = this.#find(routingId)
    if (frame?.length === disconnectMessage.length && frame.equals(disconnectMessage)) {
      if (known) this.#left(known)
      return
    }
    const peer = known ?? this.#meet(routingId)
    if (peer.gone) return
    if (frame && parts.length === 2) this.#handler.onFrame(peer.handle, frame)
    else this.#handler.onBad(peer.handle, badParts(parts.length - 1))
  }

  protected get lingers(): boolean {
    return true
  }

  protected get disconnectsWhenPeerUnbinds(): boolean {
    return false
  }

  protected stop(): number {
    this.#peers.clear()
    this.#last = undefined
    return 0
  }

  #find(routingId: Buffer): Peer | undefined {
    // who sent last mostly sends next, and comparing costs less than making a text
    if (this.#last && isSame(this.#last.routingId, routingId)) return this.#last
    const peer = this.#peers.get(handleOf(routingId))
    if (peer) this.#last = peer
    return peer
  }

  #meet(routingId: Buffer): Peer {
    const peer = { handle: handleOf(routingId), routingId, gone: false }
    this.#peers.set(peer.handle, peer)
    return peer
  }

  #left(peer: Peer): void {
    this.#peers.delete(peer.handle)
    this.#last = undefined
    if (!peer.gone) this.#handler.onGone(peer.handle, undefined)
  }

  /**
   * `EHOSTUNREACH`: its connection has ended, and the event of it waits behind its last frames, which are still to be read.
   * `EAGAIN`: it has not read for so long that the mark is reached: a frame is lost, so that what follows would have a gap.
   */
  #onUnsent(handle: PeerHandle, peer: Peer, error: unknown): void {
    if (errnoOf(error) === 'EHOSTUNREACH') return
    if (peer.gone || this.closed || this.#peers.get(handle) !== peer) return
    peer.gone = true
    this.#handler.onGone(handle, translate(`${this.name}: cannot send`, error))
  }
}

function handleOf(routingId: Buffer): PeerHandle {
  return routingId.toString('latin1')
}

/** Whether two ids are the same; a loop, since a call of `equals` costs more for so few bytes. */
function isSame(one: Buffer, other: Buffer): boolean {
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}

function badParts(count: number): RivuletError {
  return new RivuletError('RIVULET_BAD_FRAME', `a message of ${count} parts`)
}
