/**
 * The life of a resource: `opening`, `open`, `closing`, `closed`, each once and in that order.
 *
 * `close` is idempotent and shared by concurrent calls, and never rejects. What closing means is the owner's: it is
 * handed in as one function.
 */
import { holdProcess } from './process-hold.js'

/** Where a resource is in its life. */
export type Status = 'opening' | 'open' | 'closing' | 'closed'

/** How to close. */
export interface CloseOptions {
  /**
   * Whether accepted messages are still sent, and received ones still delivered.
   * @defaultValue `true`
   */
  readonly drain?: boolean
  /**
   * How long draining may take, in milliseconds, 0 or more; 0 drains nothing. A goodbye to a silent peer may take 500 ms more.
   * @defaultValue `5000`
   */
  readonly timeoutMs?: number
}

/** How closing went. */
export interface CloseResult {
  /** Messages that were accepted but not handed to the transport, or received but not delivered. */
  readonly undelivered: number
}

/** What can be closed. */
export interface Closable extends AsyncDisposable {
  /** Where the resource is in its life. */
  readonly status: Status
  /** Whether the resource is closed for good. */
  readonly closed: boolean
  /** Resolves when the resource is closed, by any call; never rejects. */
  readonly whenClosed: Promise<void>
  /**
   * Closes; further calls share the first one. Never rejects.
   *
   * @param options - Whether it drains, and for how long; further calls have the options of the first one.
   */
  close(options?: CloseOptions): Promise<CloseResult>
}

/** The state behind a `Closable`. */
export class LifeCycle {
  #status: Status = 'opening'
  #closing: Promise<CloseResult> | undefined
  #markClosed: () => void = () => {}
  readonly #shutDown: (options: CloseOptions) => Promise<CloseResult>
  readonly #closingCallbacks = new Set<() => void>()

  /** Resolves when the owner is closed. */
  readonly whenClosed: Promise<void> = new Promise((resolve) => {
    this.#markClosed = resolve
  })

  /**
   * @param shutDown - Releases everything the owner holds; must not reject.
   */
  constructor(shutDown: (options: CloseOptions) => Promise<CloseResult>) {
    this.#shutDown = shutDown
  }

  /** The status now. */
  get status(): Status {
    return this.#status
  }

  /** Whether new work may be taken. */
  get isOpen(): boolean {
    return this.#status === 'open'
  }

  /** Marks the owner open, unless it is already closing. */
  opened(): void {
    if (this.#status === 'opening') this.#status = 'open'
  }

  /** Calls back when closing begins, or at once if it has begun; returns how to take that back. */
  onClosing(callback: () => void): () => void {
    if (this.#status === 'closing' || this.#status === 'closed') {
      callback()
      return () => {}
    }
    this.#closingCallbacks.add(callback)
    return () => this.#closingCallbacks.delete(callback)
  }

  /** Closes once; concurrent and later calls get the same promise, with the options of the first. */
  close(options: CloseOptions = {}): Promise<CloseResult> {
    this.#closing ??= this.#closeOnce(options)
    return this.#closing
  }

  async #closeOnce(options: CloseOptions): Promise<CloseResult> {
    this.#status = 'closing'
    // timers of clocks keep no process alive, and what else closes meanwhile may have been the last that did
    const letGo = holdProcess()
    for (const callback of this.#closingCallbacks) callback()
    this.#closingCallbacks.clear()
    try {
      return await this.#shutDown(options)
    } finally {
      letGo()
      this.#status = 'closed'
      this.#markClosed()
    }
  }
}
