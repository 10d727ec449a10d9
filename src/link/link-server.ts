/**
 * The accepting side of links over a ROUTER socket: an acceptor, driven.
 */
import type { Clock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { atEndOfTurn, deferred, turnBudget } from '../lifecycle/index.js'
import { Tally } from '../observe/index.js'
import type { PeerIdentity, SecurityGuard } from '../security/index.js'
import { Acceptor, isHello, type SessionStreams, type StreamsHandler } from '../session/index.js'
import type { LinkHandler, PeerHandle, RouterSocket } from '../socket/index.js'
import { LinkDriver } from './link-driver.js'
import { authenticatorOf } from './link-security.js'
import { type LinkOptions, sessionSettings } from './link-settings.js'

/** What a resource decides about its links. */
export interface LinkServerOptions extends LinkOptions {
  /** Sessions at the same time, those that are cut included. */
  readonly maxSessions: number
}

/** What links need of their resource. */
export interface LinkServerPorts {
  /** A new session begins; its peer has an identity where there is a guard. */
  accept(session: SessionStreams, identity: PeerIdentity | undefined): StreamsHandler
  report(error: RivuletError): void
}

/** All links of one socket. */
export class LinkServer extends LinkDriver<RouterSocket> implements LinkHandler {
  protected readonly machine: Acceptor
  readonly #ports: LinkServerPorts
  /** What peers did wrong, by the code of the error. */
  readonly #rejected = new Tally()
  /** Peers that have not read the goodbye yet, once it was said. */
  #leaving: Set<PeerHandle> | undefined
  readonly #left = deferred()

  /**
   * @param guard - Who is admitted: each dialer must prove its key. Without one, all are, and nobody is known.
   */
  constructor(options: LinkServerOptions, clock: Clock, ports: LinkServerPorts, guard?: SecurityGuard) {
    super(clock)
    this.#ports = ports
    this.machine = new Acceptor(
      { ...sessionSettings(options), maxSessions: options.maxSessions },
      {
        now: () => clock.now(),
        transmit: (peer, frame) => this.socket?.send(peer, frame),
        flushLater: atEndOfTurn,
        spend: () => turnBudget.spendShare(),
        accept(session, identity) {
          if (identity !== undefined) guard?.note({ kind: 'admitted', reason: 'session', identity })
          return ports.accept(session, identity)
        },
        report: (error) => this.#reject(error),
        authenticator: guard && authenticatorOf(guard, options.maxSessions),
      },
    )
    guard?.usedBy(this.machine.isInUse)
    // completes with the guard
    guard?.revoked.subscribe((key) => {
      this.machine.revoke(key, guard.identityOf(key) !== undefined)
      this.checkSettled()
    })
  }

  get settled(): boolean {
    return this.machine.settled
  }

  /** Sessions, those that are cut included. */
  get sessions(): number {
    return this.machine.size
  }

  /** Frames that came on a connection without a session. */
  get strayFrames(): number {
    return this.machine.strayFrames
  }

  /** Frames that could not be opened, were not to be sent, or found no room, by reason: `bad-frame`, `protocol-violation`. */
  get rejectedFrames(): Readonly<Record<string, number>> {
    return this.#rejected.snapshot()
  }

  /** Asks all peers to open no new streams. */
  announceDrain(): void {
    this.machine.announceDrain()
  }

  /**
   * Ends all links for good, with a goodbye where there is a connection; the socket is closed by its owner.
   *
   * Resolves when every peer has read it: a dealer drops what it has not read when its connection ends, and would then
   * wait for this side to come back.
   */
  close(reason: RivuletError): Promise<void> {
    if (this.#leaving === undefined) {
      this.#leaving = new Set(this.machine.close(reason))
      this.stop()
      if (this.#leaving.size === 0) this.#left.resolve()
    }
    return this.#left.promise
  }

  onUp(): void {
    // a router hears of a connection with its first frame
  }

  onGone(peer: string, error: RivuletError | undefined): void {
    if (this.#leaving !== undefined) {
      this.#hasLeft(peer)
      return
    }
    if (error) this.#reject(error)
    this.machine.gone(peer, error ?? new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection of a link was lost'))
    this.checkSettled()
  }

  onFrame(peer: string, frame: Buffer): void {
    if (this.#leaving !== undefined) {
      // it has read the goodbye if it says hello again
      if (isHello(frame)) this.#hasLeft(peer)
      return
    }
    turnBudget.beginShare()
    this.machine.receive(peer, frame)
    this.taken()
  }

  onBad(peer: string, error: RivuletError): void {
    this.machine.broken(peer, error)
  }

  #reject(error: RivuletError): void {
    this.#rejected.add(error.code.slice('RIVULET_'.length).toLowerCase().replaceAll('_', '-'))
    this.#ports.report(error)
  }

  #hasLeft(peer: PeerHandle): void {
    this.#leaving?.delete(peer)
    if (this.#leaving?.size === 0) this.#left.resolve()
  }
}
