/**
 * The connection of a caller as a handler may watch it, for handlers that send to callers without being asked.
 *
 * It shows the session and changes nothing: what is sent while a connection is closed waits for the next one.
 */
import type { SessionStreams } from '../session/index.js'

/** How the connection of a caller is doing. */
export type ConnectionState =
  | 'open'
  /** The caller has sent nothing for so long that it may be gone. */
  | 'silent'
  /** The connection is lost; the caller may come back on another one. */
  | 'closed'
  /** The session has ended: the caller does not come back. */
  | 'ended'

/** The connection of one session. */
export class CallerConnection {
  readonly #streams: SessionStreams
  readonly #now: () => number
  readonly #watchers = new Set<() => void>()
  #state: ConnectionState
  #changedAt: number

  constructor(streams: SessionStreams, now: () => number) {
    this.#streams = streams
    this.#now = now
    this.#state = stateOf(streams)
    this.#changedAt = now()
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** How long nothing has come from the caller, in milliseconds. */
  get silentMs(): number {
    return this.#now() - this.#streams.receivedAt
  }

  /** How long there has been no connection, in milliseconds; `undefined` while there is one, and when the session has ended. */
  get lostMs(): number | undefined {
    return this.#state === 'closed' ? this.#now() - this.#changedAt : undefined
  }

  /** Calls back after each change of the state; returns how to stop that. */
  onChange(callback: () => void): () => void {
    this.#watchers.add(callback)
    return () => this.#watchers.delete(callback)
  }

  /** The status of the session may have changed. */
  update(): void {
    const state = stateOf(this.#streams)
    if (state === this.#state) return
    this.#state = state
    this.#changedAt = this.#now()
    for (const callback of [...this.#watchers]) callback()
  }
}

function stateOf({ status, suspected }: SessionStreams): ConnectionState {
  if (status === 'ended') return 'ended'
  if (status === 'live') return suspected ? 'silent' : 'open'
  return 'closed'
}
