/**
 * The links of one socket: which connections are up, told from the monitor's events.
 *
 * A monitor names our own endpoint, never the peer, and of a connection that fails it does not say which one it was.
 * What is sure: each connection is accepted or connected once and disconnects once; those that fail their handshake
 * say so directly before. This file counts by these rules; it knows no native socket.
 */
import { Observable, Subject } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import { publishLink } from '../observe/index.js'

/** What happened to a link. */
export type LinkState = 'connected' | 'disconnected' | 'retrying' | 'refused'

/** A change of one link. */
export interface LinkChange {
  /**
   * `connected`: both sides agreed to talk. `disconnected`: an agreed link ended. `retrying`: a try to connect failed
   * and another follows. `refused`: a connection ended before both sides had agreed; `cause` says why.
   */
  readonly state: LinkState
  /** The endpoint of this side that the link belongs to. */
  readonly endpoint: string
  /** Whether this side bound the endpoint or connects to it. */
  readonly side: 'bind' | 'connect'
  /** The peer's address, where this side connects; a binding side is not told. */
  readonly peer: string | undefined
  /** Tries since the link was last up; 0 when it is up. */
  readonly attempt: number
  /** Why, where that is known. */
  readonly cause: RivuletError | undefined
  /** Live links of the resource after this change. */
  readonly connected: number
}

interface EndpointState {
  readonly endpoint: string
  readonly side: 'bind' | 'connect'
  /** Connections that were accepted or connected and have not disconnected. */
  open: number
  /** Of these, the ones that have agreed. */
  agreed: number
  /** Of these, the ones whose handshake failed and whose disconnect must follow. */
  failed: number
  attempt: number
  lastEvent: string
}

/** Counts the links of one socket. */
export class Links {
  readonly #states = new Map<string, EndpointState>()
  readonly #changes = new Subject<LinkChange>()
  readonly #resource: () => string
  readonly #onRefused: (error: RivuletError) => void
  #connected = 0

  constructor(resource: () => string, onRefused: (error: RivuletError) => void) {
    this.#resource = resource
    this.#onRefused = onRefused
  }

  /** Live links. */
  get connected(): number {
    return this.#connected
  }

  /** Of these, the ones that peers opened, to endpoints that are bound here. */
  get accepted(): number {
    let count = 0
    for (const { side, agreed } of this.#states.values()) if (side === 'bind') count += agreed
    return count
  }

  /** Current links first, then changes; completes when the resource is closed. */
  readonly observable: Observable<LinkChange> = new Observable((subscriber) => {
    for (const state of this.#states.values()) {
      for (let count = 0; count < state.agreed; count++) subscriber.next(this.#change(state, 'connected'))
    }
    return this.#changes.subscribe(subscriber)
  })

  /** The changes alone, for the socket's own use. */
  get changes(): Observable<LinkChange> {
    return this.#changes
  }

  /** Names an endpoint before its first event. */
  add(endpoint: string, side: 'bind' | 'connect'): void {
    this.#states.set(endpoint, { endpoint, side, open: 0, agreed: 0, failed: 0, attempt: 0, lastEvent: '' })
  }

  /** Takes one event of the monitor in. */
  event(type: string, address: string, error?: Error): void {
    const state = this.#stateOf(address)
    if (!state) return
    if (type === 'accept' || type === 'connect') state.open += 1
    else if (type === 'handshake') this.#agree(state)
    else if (type.startsWith('handshake:error')) this.#fail(state, error)
    else if (type === 'disconnect') this.#disconnect(state)
    else if (type === 'connect:retry') this.#emit(state, 'retrying', { attempt: ++state.attempt })
    else return
    state.lastEvent = type
  }

  /** Marks every link down and ends the observables. */
  close(): void {
    for (const state of this.#states.values()) {
      while (state.agreed > 0) this.#lose(state)
    }
    this.#changes.complete()
  }

  /** The endpoint that events with this address belong to. */
  find(address: string): Pick<LinkChange, 'endpoint' | 'side'> | undefined {
    return this.#stateOf(address)
  }

  /**
   * Events name an endpoint by what it resolved to: `localhost` and `0.0.0.0` become numbers. The port tells then which
   * one is meant; with one endpoint there is no doubt.
   */
  #stateOf(address: string): EndpointState | undefined {
    const exact = this.#states.get(address)
    if (exact) return exact
    const states = [...this.#states.values()]
    if (states.length === 1) return states[0]
    const port = portOf(address)
    const matching = port === undefined ? [] : states.filter(({ endpoint }) => portOf(endpoint) === port)
    return matching.length === 1 ? matching[0] : undefined
  }

  #agree(state: EndpointState): void {
    // more have agreed than there are connections: a disconnect before was that of an agreed one
    if (state.agreed > 0 && state.agreed >= state.open) this.#lose(state)
    state.agreed += 1
    state.attempt = 0
    this.#connected += 1
    this.#emit(state, 'connected')
  }

  #fail(state: EndpointState, error: Error | undefined): void {
    state.failed += 1
    this.#refuse(state, error)
  }

  #disconnect(state: EndpointState): void {
    state.open = Math.max(0, state.open - 1)
    if (state.failed > 0) {
      state.failed -= 1
    } else if (state.lastEvent === 'accept' || state.lastEvent === 'connect' || state.agreed === 0) {
      // a peer of a kind that does not fit leaves without a handshake event
      this.#refuse(state, undefined)
    } else {
      this.#lose(state)
    }
    while (state.agreed > state.open) this.#lose(state)
  }

  #lose(state: EndpointState): void {
    state.agreed -= 1
    this.#connected -= 1
    this.#emit(state, 'disconnected')
  }

  #refuse(state: EndpointState, reason: Error | undefined): void {
    const why = reason ? reason.message : 'the peer is no ZeroMQ socket of a matching kind'
    const cause = new RivuletError(
      'RIVULET_HANDSHAKE_FAILED',
      `a connection on ${state.endpoint} was refused: ${why}`,
      {
        cause: reason,
      },
    )
    this.#emit(state, 'refused', { cause })
    this.#onRefused(cause)
  }

  #emit(state: EndpointState, kind: LinkState, more: Partial<LinkChange> = {}): void {
    const change = { ...this.#change(state, kind), ...more }
    publishLink(this.#resource(), change)
    this.#changes.next(change)
  }

  #change(state: EndpointState, kind: LinkState): LinkChange {
    const { endpoint, side, attempt } = state
    const peer = side === 'connect' ? endpoint : undefined
    return { state: kind, endpoint, side, peer, attempt, cause: undefined, connected: this.#connected }
  }
}

/** The port at the end of a TCP address. */
function portOf(address: string): string | undefined {
  return /^tcp:.*:(\d+)$/.exec(address)?.[1]
}
