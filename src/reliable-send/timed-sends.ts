/**
 * Sends that nobody waits for any more after some time, or when a signal aborts, in the order in which they began.
 *
 * They are linked with each other. A `Set` with as many deletions as insertions moves to a new table again and again, and each
 * old table that outlives a minor collection keeps all later ones alive, with the sends in them, until the next full collection.
 */
import type { Extras } from './protocol.js'

/** A send among others. */
export interface Timed<E extends Extras> {
  /** When nobody waits any more, on the clock of the runtime. */
  readonly deadline: number
  earlier: Timed<E> | undefined
  later: Timed<E> | undefined
  /** Gives up, since nobody waits any more. */
  expire(): void
}

/** The sends of one sender that have a deadline or a signal. */
export class TimedSends<E extends Extras> {
  #first: Timed<E> | undefined
  #last: Timed<E> | undefined

  /** Adds a send, which is in no list. */
  add(send: Timed<E>): void {
    send.earlier = this.#last
    if (this.#last === undefined) this.#first = send
    else this.#last.later = send
    this.#last = send
  }

  /** Takes out a send that was added, once. */
  remove(send: Timed<E>): void {
    const { earlier, later } = send
    if (earlier === undefined) this.#first = later
    else earlier.later = later
    if (later === undefined) this.#last = earlier
    else later.earlier = earlier
    // a send that has ended keeps no other one alive
    send.earlier = send.later = undefined
  }

  /** Gives up those whose deadline has come; returns the earliest deadline that is left, infinity if there is none. */
  expire(now: number): number {
    let earliest = Number.POSITIVE_INFINITY
    const late: Timed<E>[] = []
    for (let send = this.#first; send !== undefined; send = send.later) {
      if (send.deadline > now) earliest = Math.min(earliest, send.deadline)
      else late.push(send)
    }
    for (const send of late) send.expire()
    return earliest
  }
}
