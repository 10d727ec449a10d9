/**
 * The links of one endpoint of one socket: which connections are up, by the events of the monitor.
 *
 * A monitor names our own endpoint, never the peer, and of a connection that fails it does not say which one it was.
 * What is sure: each connection is accepted or connected once and disconnects once; those that fail their handshake
 * are reported directly before. This file counts by these rules; it knows no native socket.
 */

import type { Clock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import type { EndpointChange, EndpointCount, LinkState, Links } from '../resource/index.js'
import { isPeerGone, peerIsGone } from './translate.js'

/** How an endpoint tells what happens to its links. */
export interface EndpointPorts {
  onChange(change: EndpointChange): void
  /**
   * Calls back after the longest time that a handshake takes; returns how to cancel that.
   *
   * A connection that ends while another has not agreed is that other one, refused without a word, or a live one. Each
   * connection agrees or fails in bounded time, so that later events decide.
   */
  confirmAfter(callback: () => void): () => void
}

/** Counts the links of one endpoint. */
export class EndpointLinks implements EndpointCount {
  readonly endpoint: string
  readonly side: 'bind' | 'connect'
  readonly #ports: EndpointPorts
  readonly #isSecured: boolean
  /** Refusals that may turn out to be none; how to take them back. */
  readonly #pendingRefusals = new Set<() => void>()
  /** Connections that were accepted or connected and have not disconnected. */
  #open = 0
  /** Of these, the ones that have agreed. */
  #agreed = 0
  /** Of these, the ones whose handshake failed and whose disconnect must follow. */
  #failed = 0
  #attempt = 0

  constructor(endpoint: string, side: 'bind' | 'connect', ports: EndpointPorts, isSecured = false) {
    this.endpoint = endpoint
    this.side = side
    this.#isSecured = isSecured
    this.#ports = ports
  }

  /** Live links. */
  get connected(): number {
    return this.#agreed
  }

  /** Takes one event of the monitor in. */
  event(type: string, error?: Error): void {
    if (type === 'accept' || type === 'connect') this.#open += 1
    else if (type === 'handshake') this.#agree()
    else if (type.startsWith('handshake:error')) this.#fail(error, type === 'handshake:error:auth')
    else if (type === 'disconnect') this.#disconnect()
    else if (type === 'connect:retry') {
      this.#attempt += 1
      this.#emit('retrying')
    }
  }

  /** A connection has failed for a reason that is reported by `refuse`, here or later; its disconnect must follow. */
  fail(): void {
    this.#failed += 1
  }

  /** A connection was refused; without a cause it is only counted. */
  refuse(cause: RivuletError | undefined): void {
    this.#emit('refused', cause)
  }

  /** Marks every link down: the connections were given up here, of which no event tells. */
  clear(): void {
    this.#open = this.#failed = 0
    for (const takeBack of this.#pendingRefusals) takeBack()
    while (this.#agreed > 0) this.#lose()
  }

  /** A change of this endpoint's links. */
  change(state: LinkState, cause?: RivuletError): EndpointChange {
    const peer = this.side === 'connect' ? this.endpoint : undefined
    return { state, endpoint: this.endpoint, side: this.side, peer, attempt: this.#attempt, cause }
  }

  #agree(): void {
    this.#correct(this.#open - 1)
    this.#agreed += 1
    this.#attempt = 0
    this.#emit('connected')
  }

  #fail(error: Error | undefined, isRefused: boolean): void {
    this.#failed += 1
    this.#refuse(error, isRefused)
  }

  #disconnect(): void {
    const hasAgreed = this.#open <= this.#agreed
    this.#open = Math.max(0, this.#open - 1)
    if (this.#failed > 0) this.#failed -= 1
    // a peer of another protocol, or of a kind that does not fit, leaves without a handshake event
    else if (this.#agreed === 0) this.#refuse(undefined)
    else if (!hasAgreed) this.#doubt()
    this.#correct(this.#open)
  }

  /** If more have agreed than there can be, an earlier disconnect, or this one, was that of a live link. */
  #correct(most: number): void {
    while (this.#agreed > Math.max(0, most)) {
      for (const takeBack of [...this.#pendingRefusals].slice(0, 1)) takeBack()
      this.#lose()
    }
  }

  /** Refused, it seems; later events may say that a live link has ended instead. */
  #doubt(): void {
    const cancel = this.#ports.confirmAfter(() => {
      this.#pendingRefusals.delete(takeBack)
      this.#refuse(undefined)
    })
    const takeBack = () => {
      this.#pendingRefusals.delete(takeBack)
      cancel()
    }
    this.#pendingRefusals.add(takeBack)
  }

  #lose(): void {
    this.#agreed -= 1
    this.#emit('disconnected')
  }

  /** `isRefused`: by the ZAP handler of the one that accepts (`zap-handler.ts`). */
  #refuse(reason: Error | undefined, isRefused = false): void {
    const text = isPeerGone(reason) ? peerIsGone : reason?.message
    const why = text ?? 'the peer is no ZeroMQ socket of a matching kind'
    const more = reason && isRefused ? ` (${this.#whyRefused(reason)})` : ''
    const message = `a connection on ${this.endpoint} was refused: ${why}${more}`
    this.#emit('refused', new RivuletError('RIVULET_HANDSHAKE_FAILED', message, { cause: reason }))
  }

  #whyRefused(reason: Error & { readonly status?: number }): string {
    if (this.side === 'connect') return 'the peer admits none for now'
    // without security, handshakes are refused for this reason alone (`admission.ts`)
    if (!this.#isSecured) return 'too few file descriptors are left'
    return reason.status === 400 ? 'its key is not admitted' : 'whether its key is admitted could not be decided'
  }

  #emit(state: LinkState, cause?: RivuletError): void {
    this.#ports.onChange(this.change(state, cause))
  }
}

/** Adds an endpoint to the links of a resource, before the first event of its socket. */
export function addEndpoint(
  links: Links,
  clock: Clock,
  endpoint: string,
  side: 'bind' | 'connect',
  onChange?: (change: EndpointChange) => void,
  isSecured = false,
): EndpointLinks {
  const confirmAfter = (callback: () => void) => {
    const timer = clock.setTimer(callback, defaults.handshakeMs)
    return () => timer.cancel()
  }
  const make = (changed: EndpointPorts['onChange']) =>
    new EndpointLinks(endpoint, side, { onChange: changed, confirmAfter }, isSecured)
  return links.add(make, onChange)
}

/**
 * The endpoint that an event with this address belongs to.
 *
 * Events name an endpoint by what it resolved to: `localhost` and `0.0.0.0` become numbers. The port tells then which
 * one is meant; with one endpoint there is no doubt, unless there were others.
 */
export function findEndpoint(
  endpoints: readonly EndpointLinks[],
  address: string,
  wereOthers = false,
): EndpointLinks | undefined {
  const exact = endpoints.find(({ endpoint }) => endpoint === address)
  if (exact) return exact
  if (endpoints.length === 1 && !wereOthers) return endpoints[0]
  const port = portOf(address)
  const matching = port === undefined ? [] : endpoints.filter(({ endpoint }) => portOf(endpoint) === port)
  return matching.length === 1 ? matching[0] : undefined
}

/** The port at the end of a TCP address. */
function portOf(address: string): string | undefined {
  return /^tcp:.*:(\d+)$/.exec(address)?.[1]
}
