/**
 * The endpoints of an observable: the newest list, checked, without duplicates and within its bound.
 *
 * It opens nothing. What cannot be used is reported once, for as long as it is in the lists, and the rest is used.
 */
import { type Observable, Subscription } from 'rxjs'
import type { Endpoint } from '../discovery/index.js'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { defaults, describe } from '../options/index.js'
import { asEndpoint, type ConnectEndpoint, isInput } from './connect-endpoint.js'

/** What a feed needs of its owner. */
export interface EndpointFeedPorts {
  /** Names the option, for messages: `createRpcClient: connect`. */
  readonly subject: string
  /**
   * Resolves an endpoint.
   *
   * @throws RIVULET_INVALID_ENDPOINT, RIVULET_INVALID_OPTION
   */
  resolve(endpoint: Endpoint): ConnectEndpoint
  /** Another list; endpoints that stay as they are are the same objects as before. */
  changed(endpoints: readonly ConnectEndpoint[]): void
  report(error: RivuletError): void
}

/** Follows one observable. */
export class EndpointFeed {
  readonly #ports: EndpointFeedPorts
  readonly #subscription = new Subscription()
  #endpoints: readonly ConnectEndpoint[] = []
  /** What was wrong with the last list. */
  #faults: ReadonlySet<string> = new Set()
  /** The newest list that came while another one was being taken: by somebody who hears of what that does. */
  #next: { readonly list: unknown } | undefined
  #isTaking = false

  /** Subscribes; lists may come before this returns. */
  constructor(lists: Observable<unknown>, ports: EndpointFeedPorts) {
    this.#ports = ports
    // sources that continue after a failure, as `fromDns` does, have their failures beside their lists
    const { errors } = lists as { readonly errors?: Observable<unknown> }
    if (typeof errors?.subscribe === 'function') {
      this.#subscription.add(errors.subscribe({ next: (error) => this.#failed(error), error: () => {} }))
    }
    this.#subscription.add(
      lists.subscribe({
        next: (list) => this.#take(list),
        error: (error: unknown) => this.#failed(error),
      }),
    )
  }

  /** Unsubscribes. */
  stop(): void {
    this.#subscription.unsubscribe()
  }

  #take(list: unknown): void {
    this.#next = { list }
    if (this.#isTaking) return
    this.#isTaking = true
    while (this.#next !== undefined && !this.#subscription.closed) {
      const { list } = this.#next
      this.#next = undefined
      this.#apply(list)
    }
    this.#isTaking = false
  }

  #apply(list: unknown): void {
    if (!Array.isArray(list)) {
      this.#faulty(new Map([['list', this.#failure(`emitted ${describe(list)}, which is no list`)]]))
      return
    }
    const faults = new Map<string, RivuletError>()
    const found = new Map<string, ConnectEndpoint>()
    let inputs: unknown[]
    try {
      inputs = [...list]
    } catch (cause) {
      this.#faulty(new Map([['list', this.#failure('emitted a list that cannot be read', cause)]]))
      return
    }
    for (const [at, input] of inputs.entries()) {
      try {
        const endpoint = this.#resolve(input, at)
        const { address, serverKeys } = endpoint
        const known = found.get(address)
        const both = known && [...new Set([...known.serverKeys, ...serverKeys])]
        found.set(address, both === undefined ? endpoint : Object.freeze({ address, serverKeys: both }))
      } catch (error) {
        faults.set((error as RivuletError).message.replace(`[${at}]`, ''), error as RivuletError)
      }
    }
    const endpoints = this.#bounded(found, faults)
    this.#faulty(faults)
    this.#endpoints = endpoints
    this.#ports.changed(endpoints)
  }

  #resolve(input: unknown, at: number): ConnectEndpoint {
    let endpoint: Endpoint | undefined
    try {
      if (isInput(input)) endpoint = asEndpoint(input)
    } catch (cause) {
      const text = `${this.#ports.subject}[${at}] cannot be read`
      throw new RivuletError('RIVULET_INVALID_ENDPOINT', text, { cause })
    }
    if (endpoint === undefined) {
      const text = `${this.#ports.subject}[${at}] must be a text or { address, serverKey }, received ${describe(input)}`
      throw new RivuletError('RIVULET_INVALID_ENDPOINT', text)
    }
    return this.#ports.resolve(endpoint)
  }

  /** Those that are in use stay, whatever their order; of further ones, as many as there is room for. */
  #bounded(found: ReadonlyMap<string, ConnectEndpoint>, faults: Map<string, RivuletError>): readonly ConnectEndpoint[] {
    const former = new Map(this.#endpoints.map((endpoint) => [endpoint.address, endpoint]))
    const kept: ConnectEndpoint[] = []
    const added: ConnectEndpoint[] = []
    for (const endpoint of found.values()) {
      const known = former.get(endpoint.address)
      if (known === undefined) added.push(endpoint)
      else kept.push(hasSameKeys(known, endpoint) ? known : endpoint)
    }
    const { maxEndpoints } = defaults
    if (found.size > maxEndpoints) {
      const text = `lists ${found.size} endpoints, of which ${maxEndpoints} are used: let it choose, or use several clients`
      faults.set('bound', this.#failure(text))
    }
    return Object.freeze([...kept, ...added].slice(0, maxEndpoints))
  }

  #faulty(faults: ReadonlyMap<string, RivuletError>): void {
    const former = this.#faults
    this.#faults = new Set(faults.keys())
    for (const [key, error] of faults) if (!former.has(key)) this.#ports.report(error)
  }

  #failed(cause: unknown): void {
    if (isRivuletError(cause, 'RIVULET_DISCOVERY_FAILED')) this.#ports.report(cause)
    else this.#ports.report(this.#failure('failed', cause))
  }

  #failure(what: string, cause?: unknown): RivuletError {
    const text = `${this.#ports.subject}: the observable of endpoints ${what}; its last list holds`
    return new RivuletError('RIVULET_DISCOVERY_FAILED', text, { cause })
  }
}

function hasSameKeys({ serverKeys }: ConnectEndpoint, other: ConnectEndpoint): boolean {
  return serverKeys.length === other.serverKeys.length && serverKeys.every((key) => other.serverKeys.includes(key))
}
