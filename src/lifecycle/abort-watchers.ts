/**
 * Those that wait for a signal to abort: one listener for each signal, however many share it.
 *
 * A listener for each would cost more than what it guards, since Node.js looks through all of a signal to add one, and it warns
 * of a leak when a signal has eleven.
 */

/** What a signal ends. */
export interface AbortWatcher {
  cancel(cause: unknown): void
}

/** The watchers of one signal, and its listener. */
class SharedListener {
  readonly watchers = new Set<AbortWatcher>()
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** The signal has aborted. */
  handleEvent(): void {
    for (const watcher of [...this.watchers]) watcher.cancel(this.#signal.reason)
  }
}

const listeners = new WeakMap<AbortSignal, SharedListener>()

/** Cancels a watcher when the signal aborts, which it has not yet. */
export function watchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  let listener = listeners.get(signal)
  if (listener === undefined) {
    listener = new SharedListener(signal)
    listeners.set(signal, listener)
    signal.addEventListener('abort', listener)
  }
  listener.watchers.add(watcher)
}

/** Forgets a watcher; harmless for one that was never added. */
export function unwatchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  const listener = listeners.get(signal)
  if (listener === undefined || !listener.watchers.delete(watcher) || listener.watchers.size > 0) return
  listeners.delete(signal)
  signal.removeEventListener('abort', listener)
}

/** Calls back once when the signal aborts, or at once if it has; returns how to take that back. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (!signal) return () => {}
  if (signal.aborted) {
    callback()
    return () => {}
  }
  const watcher = { cancel: callback }
  watchAbort(signal, watcher)
  return () => unwatchAbort(signal, watcher)
}
