/**
 * The links of one part of a resource, which are links of the resource as well: each side of a hub counts its own.
 */
import { type Observable, Subject } from 'rxjs'
import type { Clock } from '../clock/index.js'
import type { EndpointChange, EndpointCount, LinkChange } from './link-change.js'
import { Links } from './links.js'

/** Counts the links of one part of a resource. */
export class PartLinks extends Links {
  readonly #whole: Links
  readonly #counts = new Set<EndpointCount>()
  readonly #partChanges = new Subject<LinkChange>()

  /** @param whole - All links of the resource, which reports those that are refused. */
  constructor(whole: Links, clock: Clock) {
    super({ resource: () => '', clock, onRefused: () => {} })
    this.#whole = whole
  }

  override get connected(): number {
    return this.#sum('bind') + this.#sum('connect')
  }

  override get accepted(): number {
    return this.#sum('bind')
  }

  override get changes(): Observable<LinkChange> {
    return this.#partChanges
  }

  override add<Count extends EndpointCount>(
    make: (changed: (change: EndpointChange) => void) => Count,
    onChange?: (change: EndpointChange) => void,
  ): Count {
    const count = this.#whole.add(make, (change) => {
      onChange?.(change)
      this.#partChanges.next({ ...change, connected: this.connected })
    })
    this.#counts.add(count)
    return count
  }

  override remove(links: EndpointCount): void {
    this.#whole.remove(links)
    this.#counts.delete(links)
  }

  #sum(side: EndpointCount['side']): number {
    let sum = 0
    for (const count of this.#counts) if (count.side === side) sum += count.connected
    return sum
  }
}
