/**
 * Keeps what listeners accept within the file descriptors of the process: asks the admission of the runtime, reports, and takes
 * ipc listeners away for a while. Ends all connections of a listener, since one alone cannot be ended.
 */
import { systemClock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { restoreFolder } from '../net/index.js'
import { defaults } from '../options/index.js'
import type { Runtime } from '../runtime/index.js'
import { type Admission, admissionOf } from './admission.js'
import type { EndpointLinks } from './endpoint-links.js'
import { translate } from './translate.js'

/** How often a listener is bound again until its address is free, and after how long that is reported, in milliseconds. */
const againMs = 5
const reportAfterMs = 1000

/** What a guard needs of its socket. */
export interface ListenerGuardPorts {
  isClosed(): boolean
  name(): string
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
  /** What binds endpoints again as soon as their former listeners are closed. */
  readonly #renewals = new Map<EndpointLinks, () => void>()

  constructor(runtime: Runtime, ports: ListenerGuardPorts) {
    this.#admission = admissionOf(runtime)
    this.#ports = ports
  }

  /** Takes an event of a bound endpoint; returns whether it is one of a connection that counts. */
  event(type: string, links: EndpointLinks, error: Error | undefined): boolean {
    if (type === 'accept:error') {
      if (this.#admission.failed()) this.#ports.report(translate(`${this.#ports.name()}: cannot accept`, error))
      return false
    }
    if (type === 'bind') this.#withdrawn.delete(links)
    if (type === 'close') this.#renewals.get(links)?.()
    if (this.#withdrawn.has(links)) return false
    if (type === 'accept') this.#accepted(links)
    return !this.#withdrawn.has(links)
  }

  /**
   * Ends a listener and its connections, and binds it again when it is closed: one of a wildcard of ipc takes its path with it,
   * also if another has bound that meanwhile.
   */
  renew(links: EndpointLinks): void {
    if (this.#withdrawn.has(links)) return
    const bindNow = () => {
      timer.cancel()
      if (this.#renewals.delete(links)) this.#bindSoon(links, systemClock.now() + reportAfterMs)
    }
    const timer = systemClock.setTimer(bindNow, reportAfterMs)
    this.#renewals.set(links, bindNow)
    this.#unbind(links)
  }

  /** Binds as soon as the address is free, which somebody else may have taken. */
  #bindSoon(links: EndpointLinks, reportAt: number): void {
    const { isClosed, name, bind, report } = this.#ports
    if (isClosed()) return
    const now = systemClock.now()
    const isLate = now >= reportAt
    try {
      if (links.endpoint.startsWith('ipc:')) restoreFolder(links.endpoint.slice('ipc://'.length))
      bind(links.endpoint)
    } catch (error) {
      if (isLate) report(translate(`${name()}: cannot bind ${links.endpoint} again`, error, 'RIVULET_BIND_FAILED'))
      const next = () => this.#bindSoon(links, isLate ? now + defaults.reportMs : reportAt)
      systemClock.setTimer(next, againMs)
    }
  }

  #accepted(links: EndpointLinks): void {
    const { name, report } = this.#ports
    const withdraw = links.endpoint.startsWith('ipc:') ? () => this.#withdraw(links) : undefined
    const why = this.#admission.accepted(withdraw)
    if (why !== undefined) report(new RivuletError('RIVULET_TOO_MANY_SOCKETS', `${name()}: ${why}`))
  }

  /** An ipc listener that finds no descriptor aborts the process (libzmq 4.3.5): until there are some it is not bound. */
  #withdraw(links: EndpointLinks): void {
    const { endpoint } = links
    this.#unbind(links)
    const bindAgain = () => {
      const { isClosed, name, bind, report } = this.#ports
      if (isClosed()) return
      try {
        bind(endpoint)
      } catch (error) {
        report(translate(`${name()}: cannot bind ${endpoint} again`, error, 'RIVULET_BIND_FAILED'))
        this.#admission.onRoom(bindAgain)
      }
    }
    this.#admission.onRoom(bindAgain)
  }

  #unbind(links: EndpointLinks): void {
    this.#withdrawn.add(links)
    this.#ports.unbind(links.endpoint)
    links.clear()
  }
}
