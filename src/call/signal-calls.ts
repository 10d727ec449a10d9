/**
 * Calls by the signal that cancels them: one listener for each signal, however many calls share it.
 *
 * A listener for each call would cost more than the call, and Node.js warns of a leak when a signal has eleven.
 */

/** What a signal cancels. */
export interface Cancellable {
  cancel(cause: unknown): void
}

/** The calls of one signal, and its listener. */
class SharedSignal {
  readonly calls = new Set<Cancellable>()
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** The signal has aborted. */
  handleEvent(): void {
    for (const call of [...this.calls]) call.cancel(this.#signal.reason)
  }
}

/** All calls of a client that have a signal. */
export class SignalCalls {
  readonly #bySignal = new Map<AbortSignal, SharedSignal>()

  /** Cancels a call when the signal aborts, which it has not yet. */
  add(signal: AbortSignal, call: Cancellable): void {
    let shared = this.#bySignal.get(signal)
    if (shared === undefined) {
      shared = new SharedSignal(signal)
      this.#bySignal.set(signal, shared)
      signal.addEventListener('abort', shared)
    }
    shared.calls.add(call)
  }

  /** Forgets a call that has its outcome; harmless for one that was never added. */
  remove(signal: AbortSignal, call: Cancellable): void {
    const shared = this.#bySignal.get(signal)
    if (shared === undefined || !shared.calls.delete(call) || shared.calls.size > 0) return
    this.#bySignal.delete(signal)
    signal.removeEventListener('abort', shared)
  }
}
