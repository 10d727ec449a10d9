/** Two ends of a fake session, connected, cut and ended by the test. */
import { RivuletError } from '../../src/errors/index.js'
import type { SessionStatus } from '../../src/session/session-streams.js'
import { FakeSession, type FakeSessionOptions } from './fake-session.js'

/** Two ends that are connected. */
export class FakePair {
  /** The end that opens streams with positive numbers. */
  readonly dialer: FakeSession
  readonly acceptor: FakeSession

  constructor(options: FakeSessionOptions = {}) {
    const { windowBytes = 131_072, outboxBytes = 8_388_608, spoils = true, live = true, now = () => 0 } = options
    const resolved = { windowBytes, outboxBytes, spoils, live, now }
    this.dialer = new FakeSession(1, 250, resolved)
    this.acceptor = new FakeSession(-1, -4000, resolved)
    this.dialer.peer = this.acceptor
    this.acceptor.peer = this.dialer
    if (live) this.dialer.status = this.acceptor.status = 'live'
  }

  /** Moves items both ways until nothing moves any more, or so many were delivered; returns how many. */
  pump(max = Number.POSITIVE_INFINITY): number {
    let count = 0
    for (;;) {
      this.dialer.flush()
      this.acceptor.flush()
      const moved = this.acceptor.deliver(max - count) + this.dialer.deliver(max - count)
      count += moved
      if (moved === 0 || count >= max) return count
    }
  }

  /** Loses the connection. */
  cut(): void {
    this.#both('cut', new RivuletError('RIVULET_TRANSPORT_FAILED', 'cut'))
  }

  /** Connects, for the first time or again. */
  resume(): void {
    this.#both('live')
  }

  /** Ends the session; what was under way is lost. */
  end(reason = new RivuletError('RIVULET_SESSION_LOST', 'the session has ended')): void {
    this.#both('ended', reason)
  }

  #both(status: SessionStatus, reason?: RivuletError): void {
    for (const end of [this.dialer, this.acceptor]) if (end.status !== 'ended') end.become({ status }, reason)
  }
}
