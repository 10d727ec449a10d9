/**
 * What is in the queues, as their host has last published it.
 *
 * For people to look at, and to see that there is nothing left; what has to be exact is counted from the reports.
 */
import type { TopicSubscriber } from 'rivulet/pubsub'
import { filter, firstValueFrom, Subject } from 'rxjs'
import { QueueFigures, topics } from './schemas.js'
import { filesQueue, reportsQueue } from './work-queue.js'

const nothing: QueueFigures = { depth: 0, leased: 0, doneASecond: 0 }

/** The figures of both queues. */
export class QueueBook {
  /** Of the files that are to be hashed. */
  files = nothing
  /** Of what became of them. */
  reports = nothing
  /** The most that were in the queue of files at once, in messages. */
  deepest = 0
  readonly #told = new Subject<string>()

  constructor(subscriber: TopicSubscriber) {
    subscriber.topic(`${topics.queue}.${filesQueue}`, QueueFigures).subscribe((figures) => {
      this.files = figures
      this.deepest = Math.max(this.deepest, figures.depth)
      this.#told.next(filesQueue)
    })
    subscriber.topic(`${topics.queue}.${reportsQueue}`, QueueFigures).subscribe((figures) => {
      this.reports = figures
      this.#told.next(reportsQueue)
    })
  }

  /** Resolves when both queues were told to be empty from now on. */
  async whenEmpty(): Promise<void> {
    const heard = new Set<string>()
    await firstValueFrom(
      this.#told.pipe(
        filter((queue) => heard.add(queue).size === 2 && this.files.depth === 0 && this.reports.depth === 0),
      ),
    )
  }
}
