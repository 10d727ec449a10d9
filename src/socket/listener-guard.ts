/**
 * Keeps what listeners accept within the file descriptors of the process: asks the admission of the runtime, reports, and takes
 * ipc listeners away for a while.
 */
import { RivuletError } from '../errors/index.js'
import type { Runtime } from '../runtime/index.js'
import { type Admission, admissionOf } from './admission.js'
import type { EndpointLinks } from './endpoint-links.js'
import { translate } from './translate.js'

/** What a guard needs of its socket. */
export interface ListenerGuardPorts {
  readonly closed: boolean
  readonly name: string
  /** Ends a listener and its connections. */
  unbind(address: string): void
  /** Binds an address again, at once; throws the native error. */
  bind(address: string): void
  report(error: RivuletError): void
}

/** Guards the listeners of one socket. */
export class ListenerGuard {
  readonly #admission: Admission
  readonly #ports: ListenerGuardPorts
  /** Endpoints that are not bound for now: late events of their former connections are wrong. */
  readonly #withdrawn = new Set<EndpointLinks>()

  constructor(runtime: Runtime, ports: ListenerGuardPorts) {
    this.#admission = admissionOf(runtime)
    this.#ports = ports
  }

  /** Takes an event of a bound endpoint; returns whether it is one of a connection that counts. */
  event(type: string, links: EndpointLinks, error: Error | undefined): boolean {
    if (type === 'accept:error') {
      if (this.#admission.failed()) this.#ports.report(translate(`${this.#ports.name}: cannot accept`, error))
      return false
    }
    if (type === 'bind') this.#withdrawn.delete(links)
    if (this.#withdrawn.has(links)) return false
    if (type === 'accept') this.#accepted(links)
    return !this.#withdrawn.has(links)
  }

  #accepted(links: EndpointLinks): void {
    const { name, report } = this.#ports
    const withdraw = links.endpoint.startsWith('ipc:') ? () => this.#withdraw(links) : undefined
    const why = this.#admission.accepted(withdraw)
    if (why !== undefined) report(new RivuletError('RIVULET_TOO_MANY_SOCKETS', `${name}: ${why}`))
  }

  /** An ipc listener that finds no descriptor aborts the process (libzmq 4.3.5): until there are some it is not bound. */
  #withdraw(links: EndpointLinks): void {
    const { endpoint } = links
    this.#withdrawn.add(links)
    this.#ports.unbind(endpoint)
    links.clear()
    const bindAgain = () => {
      const { closed, name, bind, report } = this.#ports
      if (closed) return
      try {
        bind(endpoint)
      } catch (error) {
        report(translate(`${name}: cannot bind ${endpoint} again`, error, 'RIVULET_BIND_FAILED'))
        this.#admission.onRoom(bindAgain)
      }
    }
    this.#admission.onRoom(bindAgain)
  }
}
