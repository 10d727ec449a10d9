/** The published figures: of this machine, and of the durable queues. */
import type { TopicSubscriber } from 'rivulet/pubsub'
import { filter, firstValueFrom, Subject } from 'rxjs'
import { QueueFigures, queues, Usage } from './schemas.js'

/** One topic. */
export interface Topic {
  readonly topic: string
  messages: number
  /** Messages that were published and did not arrive. */
  missed: number
  /** The last figure, a share from 0 to 1. */
  share: number
}

/** The figures of one subscriber. */
export class Figures {
  /** The durable queue `files`. */
  files: QueueFigures = { depth: 0, leased: 0 }
  /** The most batches that were in it, as far as was published. */
  deepest = 0
  readonly #topics = new Map<string, Topic>()
  readonly #changes = new Subject<string>()
  readonly #depths = new Map<string, number>()

  constructor(subscriber: TopicSubscriber) {
    subscriber.events('machine.#', Usage).subscribe((event) => {
      const topic = this.#topics.get(event.topic) ?? { topic: event.topic, messages: 0, missed: 0, share: 0 }
      this.#topics.set(event.topic, topic)
      if (event.kind === 'message') {
        topic.messages += 1
        topic.share = event.value
      } else topic.missed += event.to - event.from + 1
      this.#changes.next(event.topic)
    })
    for (const name of Object.keys(queues)) {
      subscriber.topic(`queue.${name}`, QueueFigures).subscribe((figures) => {
        if (name === 'files') this.files = figures
        this.deepest = Math.max(this.deepest, this.files.depth)
        this.#depths.set(name, figures.depth)
        this.#changes.next(name)
      })
    }
  }

  /** The topics of this machine, by name. */
  get topics(): readonly Topic[] {
    const { compare } = new Intl.Collator('en', { numeric: true })
    return [...this.#topics.values()].sort((a, b) => compare(a.topic, b.topic))
  }

  /** Resolves when both queues have published from now on, and are empty. */
  async whenEmpty(): Promise<void> {
    const published = new Set<string>()
    const isEmpty = (name: string) =>
      this.#depths.has(name) &&
      published.add(name).size === 2 &&
      [...this.#depths.values()].every((depth) => depth === 0)
    await firstValueFrom(this.#changes.pipe(filter(isEmpty)))
  }

  /** Resolves when a figure of this machine has arrived. */
  async whenPublished(): Promise<void> {
    if (this.#topics.size === 0) await firstValueFrom(this.#changes.pipe(filter(() => this.#topics.size > 0)))
  }
}
