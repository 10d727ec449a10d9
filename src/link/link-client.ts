/**
 * The connecting side of a link over a DEALER socket: a dialer, driven.
 */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { atEndOfTurn, turnBudget } from '../lifecycle/index.js'
import { defaults } from '../options/index.js'
import { Dialer, type IdentityProver, type SessionStreams, type SharedSession } from '../session/index.js'
import { type DealerSocket, type LinkHandler, onlyPeer } from '../socket/index.js'
import { LinkDriver } from './link-driver.js'
import { type LinkOptions, sessionSettings } from './link-settings.js'

/** What a link needs of its resource. */
export interface LinkClientPorts {
  /** A new session begins: after the first, each one takes the place of one that has ended. */
  accept(session: SessionStreams): SharedSession
  report(error: RivuletError): void
  /** A retired link is used by nobody any more, or has lost its session: it is to be closed. */
  retired?(link: LinkClient): void
}

/** One link to one endpoint. */
export class LinkClient extends LinkDriver<DealerSocket> implements LinkHandler {
  protected readonly machine: Dialer
  readonly #ports: LinkClientPorts
  /** The users of the present session. */
  #handler: SharedSession | undefined
  #isRetired = false
  #isUnused = false

  /**
   * @param prover - Proves the key of this side to the server. Without one, only servers without security are spoken to.
   */
  constructor(options: LinkOptions, clock: Clock, ports: LinkClientPorts, prover?: IdentityProver) {
    super(clock)
    this.#ports = ports
    const flush = () => this.machine.flush()
    this.machine = new Dialer(
      { ...sessionSettings(options), handshakeMs: defaults.handshakeMs },
      {
        now: () => clock.now(),
        random: randomBytes,
        transmit: (frame) => this.socket?.send(onlyPeer, frame),
        flushLater: () => atEndOfTurn(flush),
        spend: () => turnBudget.spendShare(),
        reconnect: () => this.socket?.reconnect(),
        accept: (session) => {
          this.#handler = ports.accept(session)
          return this.#handler
        },
        report: (error) => ports.report(error),
        prover,
      },
    )
  }

  /**
   * Whether there is nothing to wait for: all that was sent has arrived, or nothing of it must and nobody is there.
   *
   * Of a session that has had no connection yet nobody waits for anything: it has only what its pattern says first.
   */
  get settled(): boolean {
    const { status, suspected } = this.machine.session
    const owes = this.#handler?.owes // looked at in any case: what has arrived by now is not owed later
    if (this.machine.settled || status === 'opening') return true
    return !owes && (status === 'cut' || suspected)
  }

  /** The key by which CURVE knows the server of the present connection. */
  get serverKey(): string | undefined {
    return this.socket?.serverKey
  }

  /** Lets nothing new begin on the link, and notifies its owner when what has begun has ended. */
  retire(): void {
    this.#isRetired = true
    this.machine.retire()
    this.checkSettled()
  }

  protected override checkSettled(): void {
    super.checkSettled()
    if (!this.#isRetired || this.#isUnused) return
    this.#isUnused = this.machine.session.status === 'ended' || (!this.#handler?.inUse && this.settled)
    if (this.#isUnused) this.#ports.retired?.(this)
  }

  /** Tells the peer that this side is about to close, so that it acknowledges at once. */
  announceDrain(): void {
    // arrived items are counted before: from here on there is current work
    if (!this.settled || this.machine.session.status === 'live') this.machine.announceDrain()
  }

  /** The key of its server is no longer admitted here, or by another name: its session ends. */
  revoke(isRenamed: boolean): void {
    this.machine.revoke(isRenamed)
    this.checkSettled()
  }

  /** Ends the link for good, with a goodbye if there is a connection; the socket is closed by its owner. */
  close(reason: RivuletError): void {
    this.machine.close(reason)
    this.stop()
  }

  onUp(): void {
    this.machine.up()
  }

  onGone(_peer: string, error: RivuletError | undefined): void {
    if (error) this.#ports.report(error)
    this.machine.down(error ?? new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection of a link was lost'))
    this.checkSettled()
  }

  onFrame(_peer: string, frame: Buffer): void {
    turnBudget.beginShare()
    this.machine.receive(frame)
    this.taken()
  }

  onBad(_peer: string, error: RivuletError): void {
    this.machine.broken(error)
  }
}
