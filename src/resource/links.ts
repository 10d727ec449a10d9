/**
 * The links of one resource, over all its endpoints: how many are up, and what changes.
 *
 * Each transport counts the links of its endpoints; this adds them up and notifies observers.
 */

import { Observable, Subject } from 'rxjs'
import type { Clock } from '../clock/index.js'
import type { ErrorCode, RivuletError } from '../errors/index.js'
import { publishLink, SparseReports } from '../observe/index.js'
import type { EndpointChange, EndpointCount, LinkChange } from './link-change.js'

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
  readonly #endpoints: EndpointCount[] = []
  readonly #changes = new Subject<LinkChange>()
  readonly #ports: LinksPorts
  #connected = 0
  #refused = 0
  /** By code, so that none hides another. */
  readonly #refusals = new Map<ErrorCode, SparseReports>()
  #refusal: RivuletError | undefined

  constructor(ports: LinksPorts) {
    this.#ports = ports
  }

  /** Live links. */
  get connected(): number {
    return this.#connected
  }

  /** Connections that ended before both sides had agreed. */
  get refused(): number {
    return this.#refused
  }

  /** Why the last connection that this side made was refused; `undefined` if one was agreed since. */
  get refusal(): RivuletError | undefined {
    return this.#refusal
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
   * Adds an endpoint.
   *
   * @param make - Makes its count, which calls back with each change.
   * @param onChange - Is notified of each change when `connected` is right again, and before observers are.
   */
  add<Count extends EndpointCount>(
    make: (changed: (change: EndpointChange) => void) => Count,
    onChange?: (change: EndpointChange) => void,
  ): Count {
    const count = make((change) => {
      if (change.state === 'connected') this.#connected += 1
      if (change.side === 'connect') this.#remember(change)
      if (change.state === 'disconnected') this.#connected -= 1
      if (change.state === 'refused') this.#refused += 1
      onChange?.(change)
      const whole = this.#complete(change)
      publishLink(this.#ports.resource(), whole)
      this.#changes.next(whole)
      if (change.state === 'refused' && change.cause) this.#report(change.cause)
    })
    this.#endpoints.push(count)
    return count
  }

  /** Marks the links of an endpoint down and forgets it: its socket was closed. */
  remove(links: EndpointCount): void {
    links.clear()
    const at = this.#endpoints.indexOf(links)
    if (at >= 0) this.#endpoints.splice(at, 1)
  }

  /** Marks every link down and ends the observables. */
  close(): void {
    for (const links of this.#endpoints) links.clear()
    this.#changes.complete()
  }

  #remember({ state, cause }: EndpointChange): void {
    if (state === 'connected') this.#refusal = undefined
    else if (state === 'refused' && cause !== undefined) this.#refusal = cause
  }

  #report(cause: RivuletError): void {
    const { clock, onRefused } = this.#ports
    const reports = this.#refusals.get(cause.code) ?? new SparseReports(clock, onRefused)
    this.#refusals.set(cause.code, reports)
    reports.report(cause)
  }

  #complete(change: EndpointChange): LinkChange {
    return { ...change, connected: this.#connected }
  }
}

/** Shows what another observable does, until `ended` emits. */
export function shownUntil<T>(ended: Observable<unknown>, shown: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    subscriber.add(ended.subscribe(() => subscriber.complete()))
    if (!subscriber.closed) shown.subscribe(subscriber)
  })
}
