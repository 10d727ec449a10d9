/** The publishers of one subscriber, as an observable: `publisher-presence.ts` with a timer. */
import { Observable, Subject } from 'rxjs'
import type { Clock, Timer } from '../../src/clock/index.js'
import { defaults } from '../../src/options/index.js'
import { type PublisherChange, PublisherPresence } from './publisher-presence.js'

/** What it needs of its subscriber. */
export interface PublisherChangesPorts {
  readonly clock: Clock
  /** Asks all publishers to answer. */
  ask(): void
  left(publisher: string): void
}

/** The publishers of one subscriber. */
export class PublisherChanges {
  readonly observable: Observable<PublisherChange>
  readonly #changes = new Subject<PublisherChange>()
  readonly #presence: PublisherPresence
  #timer: Timer | undefined
  #isClosed = false

  constructor({ clock, ask, left }: PublisherChangesPorts) {
    this.#presence = new PublisherPresence(
      { suspectMs: defaults.publisherSuspectMs, leaveMs: defaults.publisherLeaveMs },
      {
        now: () => clock.now(),
        watch: (at) => {
          if (this.#isClosed) return
          this.#timer?.cancel()
          this.#timer = clock.setTimer(() => this.#presence.check(), Math.max(0, at - clock.now()))
        },
        ask,
        changed: (change) => {
          if (change.kind === 'left') left(change.publisher)
          this.#changes.next(change)
        },
      },
    )
    this.observable = new Observable((subscriber) => {
      if (!this.#isClosed) for (const change of this.#presence.present()) subscriber.next(change)
      return this.#changes.subscribe(subscriber)
    })
  }

  /** A publisher has answered. */
  answered(publisher: string): void {
    this.#presence.answered(publisher)
  }

  /** A hub has no answer of a publisher any more. */
  doubted(publisher: string): void {
    this.#presence.doubted(publisher)
  }

  /** A link has ended. */
  unlinked(): void {
    this.#presence.unlinked()
  }

  /** The observable completes, now and for later subscribers. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#changes.complete()
  }
}
