/** The connections of one endpoint as links of their resource. */
import type { RivuletError } from '../../../src/errors/index.js'
import type { EndpointChange, EndpointCount, LinkState } from '../../../src/resource/index.js'

/** Counts the connections of an endpoint. */
export class LinkCount implements EndpointCount {
  readonly side: 'bind' | 'connect'
  readonly #endpoint: string
  readonly #changed: (change: EndpointChange) => void
  #connected = 0
  #attempt = 0

  constructor(endpoint: string, side: 'bind' | 'connect', changed: (change: EndpointChange) => void) {
    this.#endpoint = endpoint
    this.side = side
    this.#changed = changed
  }

  get connected(): number {
    return this.#connected
  }

  change(state: LinkState, cause?: RivuletError): EndpointChange {
    const peer = this.side === 'connect' ? this.#endpoint : undefined
    return { state, endpoint: this.#endpoint, side: this.side, peer, attempt: this.#attempt, cause }
  }

  clear(): void {
    while (this.#connected > 0) this.down(undefined)
  }

  /** A connection has opened. */
  up(): void {
    this.#connected += 1
    this.#attempt = 0
    this.#changed(this.change('connected'))
  }

  /** A connection has ended; with the reason, unless both sides have closed it. */
  down(cause: RivuletError | undefined): void {
    if (this.#connected === 0) return
    this.#connected -= 1
    this.#changed(this.change('disconnected', cause))
  }

  /** A connection was refused before it was handed out. */
  refuse(cause: RivuletError): void {
    this.#changed(this.change('refused', cause))
  }

  /** A try to connect has failed, and another one follows. */
  retry(cause: RivuletError): void {
    this.#attempt += 1
    this.#changed(this.change('retrying', cause))
  }
}
