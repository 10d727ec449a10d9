/** The open sockets of a datagram resource, and the interfaces that have joined its group, as links. */
import type { RivuletError } from '../../../src/errors/index.js'
import type { EndpointChange, EndpointCount, LinkState } from '../../../src/resource/index.js'

/** Counts the links of one endpoint: one for a bound socket, and one for each interface of a group. */
export class SocketLinks implements EndpointCount {
  readonly side = 'bind'
  readonly #endpoint: string
  readonly #changed: (change: EndpointChange) => void
  #connected = 0

  constructor(endpoint: string, changed: (change: EndpointChange) => void) {
    this.#endpoint = endpoint
    this.#changed = changed
  }

  get connected(): number {
    return this.#connected
  }

  change(state: LinkState, cause?: RivuletError): EndpointChange {
    return { state, endpoint: this.#endpoint, side: this.side, peer: undefined, attempt: 0, cause }
  }

  clear(): void {
    while (this.#connected > 0) this.down(undefined)
  }

  /** The socket is bound, or an interface has joined. */
  up(): void {
    this.#connected += 1
    this.#changed(this.change('connected'))
  }

  /** The socket is closed, or an interface has gone. */
  down(cause: RivuletError | undefined): void {
    this.#connected -= 1
    this.#changed(this.change('disconnected', cause))
  }
}
