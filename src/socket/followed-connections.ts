/**
 * The connections of one socket to the endpoints of a list that changes: which are made, and when those that are not wanted end.
 *
 * libzmq drops what it holds of a connection that is ended. So the connection to an endpoint that has gone from the list stays
 * until the peer has left, or for some time: a peer that closes sends everything before. Then what has come is read first.
 */
import type { Clock, Timer } from '../clock/index.js'
import type { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import type { ConnectEndpoint } from './connect-endpoint.js'

/** What is needed of the socket. */
export interface FollowedPorts {
  readonly clock: Clock
  /** Connects; throws an error of Rivulet. */
  connect(endpoint: ConnectEndpoint): void
  /** Calls back when everything that has come was read, which may take any time. */
  whenRead(callback: () => void): void
  /** Ends a connection at the next moment at which that does no harm, and calls back. */
  disconnect(address: string, done: () => void): void
  /** An endpoint could not be connected. */
  failed(error: RivuletError): void
}

interface Followed {
  readonly endpoint: ConnectEndpoint
  /** While it is not wanted any more; the timer ends the connection, or the wait for its peer. */
  leaving: { timer: Timer | undefined } | undefined
}

/** The connections of one socket. */
export class FollowedConnections {
  readonly #ports: FollowedPorts
  readonly #connections = new Map<string, Followed>()
  /** Addresses whose former connection is about to end: no other one may have them meanwhile. */
  readonly #ending = new Set<string>()
  #wanted: readonly ConnectEndpoint[]
  #isClosed = false

  /** @param endpoints - Those that the socket connects to from the start. */
  constructor(endpoints: readonly ConnectEndpoint[], ports: FollowedPorts) {
    this.#ports = ports
    this.#wanted = endpoints
    for (const endpoint of endpoints) this.#connections.set(endpoint.address, { endpoint, leaving: undefined })
  }

  /** Whether an endpoint of the present list is missing in another one, or has other keys there. */
  wouldRemove(endpoints: readonly ConnectEndpoint[]): boolean {
    const wanted = new Set(endpoints)
    return [...this.#connections.values()].some(({ endpoint }) => !wanted.has(endpoint))
  }

  /** Takes another list. */
  apply(endpoints: readonly ConnectEndpoint[]): void {
    this.#wanted = endpoints
    const wanted = new Map(endpoints.map((endpoint) => [endpoint.address, endpoint]))
    for (const [address, followed] of this.#connections) {
      const next = wanted.get(address)
      if (next === undefined) {
        this.#leave(address, followed)
      } else if (next !== followed.endpoint) {
        this.#end(address, followed)
      } else {
        stay(followed)
      }
    }
    for (const endpoint of endpoints) if (!this.#connections.has(endpoint.address)) this.#connect(endpoint)
  }

  /** A connection has ended. */
  disconnected(address: string): void {
    const followed = this.#connections.get(address)
    // its peer sends no more: what has come is read, however long that takes
    if (followed?.leaving !== undefined) this.#endWhenRead(address, followed, Number.POSITIVE_INFINITY)
  }

  /** Ends nothing any more. */
  close(): void {
    this.#isClosed = true
    for (const followed of this.#connections.values()) stay(followed)
    this.#connections.clear()
  }

  #connect(endpoint: ConnectEndpoint): void {
    if (this.#isClosed || this.#ending.has(endpoint.address)) return
    try {
      this.#ports.connect(endpoint)
      this.#connections.set(endpoint.address, { endpoint, leaving: undefined })
    } catch (error) {
      this.#ports.failed(error as RivuletError)
    }
  }

  #leave(address: string, followed: Followed): void {
    if (followed.leaving !== undefined) return
    // also without a connection: there may be one of which this side has not heard yet
    const { removedMs } = defaults
    const end = () => this.#endWhenRead(address, followed, removedMs)
    followed.leaving = { timer: this.#ports.clock.setTimer(end, removedMs) }
  }

  #endWhenRead(address: string, followed: Followed, mostMs: number): void {
    const { leaving } = followed
    if (leaving === undefined) return
    leaving.timer?.cancel()
    const end = () => {
      if (followed.leaving === leaving) this.#end(address, followed)
    }
    leaving.timer = mostMs === Number.POSITIVE_INFINITY ? undefined : this.#ports.clock.setTimer(end, mostMs)
    this.#ports.whenRead(end)
  }

  #end(address: string, followed: Followed): void {
    stay(followed)
    if (this.#isClosed || this.#connections.get(address) !== followed) return
    this.#connections.delete(address)
    this.#ending.add(address)
    this.#ports.disconnect(address, () => {
      this.#ending.delete(address)
      if (!this.#isClosed) this.apply(this.#wanted)
    })
  }
}

function stay(followed: Followed): void {
  followed.leaving?.timer?.cancel()
  followed.leaving = undefined
}
