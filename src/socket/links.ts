/**
 * The links of one resource, over all its sockets and endpoints: how many are up, and what changes.
 *
 * Each endpoint counts its own (`endpoint-links.ts`); this adds them up and tells those who watch.
 */
import { Observable, Subject } from 'rxjs'
import type { RivuletError } from '../errors/index.js'
import { publishLink } from '../observe/index.js'
import { type EndpointChange, EndpointLinks, type EndpointPorts, type LinkChange } from './endpoint-links.js'

/** Counts the links of one resource. */
export class Links {
  readonly #endpoints: EndpointLinks[] = []
  readonly #changes = new Subject<LinkChange>()
  readonly #resource: () => string
  readonly #onRefused: (error: RivuletError) => void
  #connected = 0

  /**
   * @param resource - What messages and channels call the resource.
   * @param onRefused - Takes why a connection ended before both sides had agreed.
   */
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
   * @param ports - Hear of each change when `connected` is right again, and before those who watch.
   */
  add(endpoint: string, side: 'bind' | 'connect', ports: Partial<EndpointPorts> = {}): EndpointLinks {
    const links = new EndpointLinks(endpoint, side, {
      onChange: (change) => {
        if (change.state === 'connected') this.#connected += 1
        if (change.state === 'disconnected') this.#connected -= 1
        ports.onChange?.(change)
        const whole = this.#complete(change)
        publishLink(this.#resource(), whole)
        this.#changes.next(whole)
        if (change.state === 'refused' && change.cause) this.#onRefused(change.cause)
      },
      whenSure: ports.whenSure,
    })
    this.#endpoints.push(links)
    return links
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
