/**
 * The links of one resource, over all its sockets and endpoints: how many are up, and what changes.
 *
 * Each endpoint counts its own (`endpoint-links.ts`); this adds them up and tells those who watch.
 */

import { Observable, Subject } from 'rxjs'
import type { Clock } from '../clock/index.js'
import type { RivuletError } from '../errors/index.js'
import { publishLink, SparseReports } from '../observe/index.js'
import { defaults } from '../options/index.js'
import { type EndpointChange, EndpointLinks, type LinkChange } from './endpoint-links.js'

/** What links need of their resource. */
export interface LinksPorts {
  /** What messages and channels call the resource. */
  readonly resource: () => string
  readonly clock: Clock
  /** Takes why connections were refused: the first at once, further ones together. */
  readonly onRefused: (error: RivuletError) => void
}

/** Counts the links of one resource. */
export class Links {
  readonly #endpoints: EndpointLinks[] = []
  readonly #changes = new Subject<LinkChange>()
  readonly #ports: LinksPorts
  #connected = 0
  #refused = 0
  readonly #refusals: SparseReports

  constructor(ports: LinksPorts) {
    this.#ports = ports
    this.#refusals = new SparseReports(ports.clock, ports.onRefused)
  }

  /** Live links. */
  get connected(): number {
    return this.#connected
  }

  /** Connections that ended before both sides had agreed. */
  get refused(): number {
    return this.#refused
  }

  /** Of these, the ones that peers opened, to endpoints that are bound here. */
  get accepted(): number {
    let count = 0
    for (const { side, connected } of this.#endpoints) if (side === 'bind') count += connected
    return count
  }

  /** Current links first, then changes; completes when the resource is closed. */
  readonly observable: Observable<LinkChange> = new Observable((subscriber) => {
    for (const links of this.#endpoints) {
      for (let count = links.connected; count > 0; count--) subscriber.next(this.#complete(links.change('connected')))
    }
    return this.#changes.subscribe(subscriber)
  })

  /** The changes alone, for the resource's own use. */
  get changes(): Observable<LinkChange> {
    return this.#changes
  }

  /**
   * Names an endpoint before its first event; its socket hands the events over.
   *
   * @param onChange - Hears of each change when `connected` is right again, and before those who watch.
   */
  add(endpoint: string, side: 'bind' | 'connect', onChange?: (change: EndpointChange) => void): EndpointLinks {
    const { resource, clock } = this.#ports
    const links = new EndpointLinks(endpoint, side, {
      onChange: (change) => {
        if (change.state === 'connected') this.#connected += 1
        if (change.state === 'disconnected') this.#connected -= 1
        if (change.state === 'refused') this.#refused += 1
        onChange?.(change)
        const whole = this.#complete(change)
        publishLink(resource(), whole)
        this.#changes.next(whole)
        if (change.state === 'refused' && change.cause) this.#refusals.report(change.cause)
      },
      confirmAfter: (callback) => {
        const timer = clock.setTimer(callback, defaults.handshakeMs)
        return () => timer.cancel()
      },
    })
    this.#endpoints.push(links)
    return links
  }

  /** Marks the links of an endpoint down and forgets it: its socket was closed. */
  remove(links: EndpointLinks): void {
    links.clear()
    const at = this.#endpoints.indexOf(links)
    if (at >= 0) this.#endpoints.splice(at, 1)
  }

  /** Marks every link down and ends the observables. */
  close(): void {
    for (const links of this.#endpoints) links.clear()
    this.#changes.complete()
  }

  #complete(change: EndpointChange): LinkChange {
    return { ...change, connected: this.#connected }
  }
}
