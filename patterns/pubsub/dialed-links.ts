/**
 * Where a publisher that only connects dials links: the addresses that the requests of its subscribers name.
 *
 * Pure; what is named by untrusted peers is bounded.
 */
import type { Endpoint } from '../../src/discovery/index.js'
import type { ConnectEndpoint } from '../../src/socket/index.js'
import { reachableLinks } from './link-addresses.js'

/** Links that are dialed; beyond that, those that were named the longest ago are given up. */
const maxDialed = 64

/** The links that a publisher dials. */
export class DialedLinks {
  readonly #named = new Map<string, Endpoint>()
  readonly #dial: (endpoints: readonly Endpoint[]) => void

  constructor(dial: (endpoints: readonly Endpoint[]) => void) {
    this.#dial = dial
  }

  /** A request has named links. */
  named(addresses: readonly string[], connect: readonly ConnectEndpoint[]): void {
    const before = [...this.#named.keys()]
    for (const endpoint of reachableLinks(addresses, connect)) {
      this.#named.delete(endpoint.address)
      this.#named.set(endpoint.address, endpoint)
    }
    while (this.#named.size > maxDialed) this.#named.delete(this.#named.keys().next().value as string)
    if (before.length !== this.#named.size || before.some((address) => !this.#named.has(address))) this.#apply()
  }

  /** No subscriber is linked: they name their links again when they are. */
  forget(): void {
    if (this.#named.size === 0) return
    this.#named.clear()
    this.#apply()
  }

  #apply(): void {
    this.#dial([...this.#named.values()])
  }
}
