/**
 * Which publishers are there, as their answers show it.
 *
 * Pure but for a clock. A link does not tell which publisher is behind it: when one ends, all are asked, and those that do not
 * answer are suspected, and later taken for gone.
 */

/** A change of the publishers behind a subscriber. */
export interface PublisherChange {
  /**
   * What happened: a publisher has answered; it does not answer for a second after a link has ended, or after a hub has lost it;
   * nor for five more.
   */
  readonly kind: 'joined' | 'suspected' | 'left'
  /** The publisher's identity: 16 hexadecimal digits. */
  readonly publisher: string
}

/** What presence needs. */
export interface PresencePorts {
  now(): number
  /** `check` is to be called at a time. */
  watch(at: number): void
  /** Asks all publishers to answer. */
  ask(): void
  changed(change: PublisherChange): void
}

/** How long a publisher may take to answer, and then until it is taken for gone, in milliseconds. */
export interface PresenceTimes {
  readonly suspectMs: number
  readonly leaveMs: number
}

/** Publishers that are remembered. */
const maxPublishers = 1024

interface Present {
  isSuspected: boolean
  /** When it was asked, if it has not answered since. */
  askedAt: number | undefined
}

/** The publishers behind one subscriber. */
export class PublisherPresence {
  readonly #times: PresenceTimes
  readonly #ports: PresencePorts
  readonly #present = new Map<string, Present>()

  constructor(times: PresenceTimes, ports: PresencePorts) {
    this.#times = times
    this.#ports = ports
  }

  /** Those that are there, as changes. */
  *present(): Iterable<PublisherChange> {
    for (const [publisher, { isSuspected }] of this.#present) {
      yield { kind: 'joined', publisher }
      if (isSuspected) yield { kind: 'suspected', publisher }
    }
  }

  /** A publisher has answered. */
  answered(publisher: string): void {
    const known = this.#present.get(publisher)
    if (known) {
      known.askedAt = undefined
      if (!known.isSuspected) return
      known.isSuspected = false
    } else {
      if (this.#present.size >= maxPublishers) return
      this.#present.set(publisher, { isSuspected: false, askedAt: undefined })
    }
    this.#ports.changed({ kind: 'joined', publisher })
  }

  /** A link has ended. */
  unlinked(): void {
    if (this.#present.size === 0) return
    const now = this.#ports.now()
    for (const one of this.#present.values()) one.askedAt ??= now
    this.#ports.ask()
    this.#ports.watch(now + this.#times.suspectMs)
  }

  /** A hub has no answer of a publisher any more: it is asked, since it may be there by other ways. */
  doubted(publisher: string): void {
    const known = this.#present.get(publisher)
    if (known === undefined || known.askedAt !== undefined) return
    const now = this.#ports.now()
    known.askedAt = now
    this.#ports.ask()
    this.#ports.watch(now + this.#times.suspectMs)
  }

  /** Looks at those that were asked. */
  check(): void {
    const { suspectMs, leaveMs } = this.#times
    const now = this.#ports.now()
    let next = Number.POSITIVE_INFINITY
    for (const [publisher, one] of this.#present) {
      if (one.askedAt === undefined) continue
      const suspectAt = one.askedAt + suspectMs
      const leaveAt = suspectAt + leaveMs
      if (now >= leaveAt) {
        this.#present.delete(publisher)
        // a process that has stalled looks late, and reports both changes all the same
        if (!one.isSuspected) this.#ports.changed({ kind: 'suspected', publisher })
        this.#ports.changed({ kind: 'left', publisher })
      } else if (now >= suspectAt) {
        next = Math.min(next, leaveAt)
        if (one.isSuspected) continue
        one.isSuspected = true
        this.#ports.changed({ kind: 'suspected', publisher })
      } else {
        next = Math.min(next, suspectAt)
      }
    }
    if (next === Number.POSITIVE_INFINITY) return
    // the answer may have been lost
    this.#ports.ask()
    this.#ports.watch(next)
  }
}
