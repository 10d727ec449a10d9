/**
 * Holds the events of one topic of one publisher to its numbers: each is in one message or in one gap, in order.
 *
 * It keeps counts and not events, so that it can watch millions of them. The id of a message must be its number.
 */
import type { Observable } from 'rxjs'
import type { TopicEvent } from '../../patterns/pubsub/index.js'
import type { Job } from '../support/job.js'

/** Watches one topic, and counts. */
export class NumberCheck {
  /** Messages that came, and messages that gaps have named. */
  delivered = 0
  missed = 0
  /** What broke a rule, in words; the first few. */
  readonly faults: string[] = []
  readonly reasons: Record<string, number> = {}
  #last = 0
  #awaited: { readonly number: number; readonly resolve: () => void }[] = []

  constructor(events: Observable<TopicEvent<Job>>) {
    events.subscribe((event) => this.#take(event))
  }

  /** The last number that a message or a gap had. */
  get last(): number {
    return this.#last
  }

  /** Resolves when a message or a gap has had this number or a later one. */
  when(number: number): Promise<void> {
    if (this.#last >= number) return Promise.resolve()
    return new Promise((resolve) => this.#awaited.push({ number, resolve }))
  }

  #take(event: TopicEvent<Job>): void {
    const [from, to] = event.kind === 'gap' ? [event.from, event.to] : [event.sequence, event.sequence]
    if (from !== this.#last + 1) this.#fault(`${event.kind} from ${from} behind ${this.#last}`)
    if (event.kind === 'gap') {
      this.missed += to - from + 1
      this.reasons[event.reason] = (this.reasons[event.reason] ?? 0) + to - from + 1
    } else {
      this.delivered += 1
      if (event.value.id !== event.sequence) this.#fault(`message ${event.value.id} as number ${event.sequence}`)
    }
    this.#last = to
    if (this.#awaited.length === 0) return
    for (const { number, resolve } of this.#awaited) if (number <= to) resolve()
    this.#awaited = this.#awaited.filter(({ number }) => number > to)
  }

  #fault(text: string): void {
    if (this.faults.length < 10) this.faults.push(text)
  }
}
