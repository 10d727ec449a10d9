/**
 * What frames wait for between their log and the outbox: nobody gets a number that a crash could take back.
 *
 * A log in memory keeps a frame at once, and there is nothing to wait for. It knows neither logs nor outboxes.
 */
import { isRivuletError, RivuletError } from '../../src/errors/index.js'
import type { FrameGate } from '../../src/socket/index.js'

/** What gates need. */
export interface LogGatesPorts {
  /** The state of gates has changed: what waits may leave. */
  changed(): void
  /** Messages were dropped, since the log has not taken them. */
  dropped(messages: number): void
  report(error: RivuletError): void
}

/** The gates of the frames of one log. */
export class LogGates {
  readonly #ports: LogGatesPorts
  readonly #lost = (messages: number) => this.#ports.dropped(messages)
  #failure: RivuletError | undefined

  constructor(ports: LogGatesPorts) {
    this.#ports = ports
  }

  /**
   * Why the log has not taken a frame; `undefined` as long as it takes all. Nothing may be published after that: a number that
   * only subscribers have would be given again after a restart.
   */
  get failure(): RivuletError | undefined {
    return this.#failure
  }

  /** The gate of a frame that a log is about to take: open at once if it returns nothing. */
  through(append: () => Promise<void> | undefined): FrameGate | undefined {
    const gate = { state: 'shut' as FrameGate['state'], lost: this.#lost }
    let taken: Promise<void> | undefined
    try {
      taken = append()
    } catch (cause) {
      this.#failed(cause)
      gate.state = 'failed'
      return gate
    }
    if (taken === undefined) return undefined
    taken.then(
      () => {
        gate.state = 'open'
        this.#ports.changed()
      },
      (cause: unknown) => {
        gate.state = 'failed'
        this.#failed(cause)
        this.#ports.changed()
      },
    )
    return gate
  }

  #failed(cause: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = isRivuletError(cause)
      ? cause
      : new RivuletError('RIVULET_STORE_FAILED', 'the log of a publisher has failed', { cause })
    this.#ports.report(this.#failure)
  }
}
