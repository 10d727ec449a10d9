/**
 * A process of the demonstration: keeps the durable queues, and publishes what is in them.
 *
 * Arguments: where to bind, the folder, the endpoint of the subscriber. It tells the process that started it where it is
 * bound. It may be killed at any moment: another one on the same folder and the same endpoint goes on where it was. When it
 * is let go, nobody needs the folder any more.
 */
import { rm } from 'node:fs/promises'
import { createPublisher } from 'rivulet/pubsub'
import { createQueueHost } from 'rivulet/queue'
import { firstValueFrom, interval } from 'rxjs'
import { parentGone } from './lifeline.js'
import { QueueFigures, topics } from './schemas.js'
import { queues } from './work-queue.js'

const everyMs = 100

const [bind = '', path = '', figuresEndpoint = ''] = process.argv.slice(2)
const gone = parentGone()
const host = await createQueueHost({ path, bind, queues })
const publisher = await createPublisher({ connect: figuresEndpoint })
host.errors.subscribe(({ message }) => console.error(`queue: ${message}`))
process.send?.(host.endpoint)

const watched = Object.keys(queues).map((name) => ({
  queue: host.queue(name),
  topic: publisher.topic(`${topics.queue}.${name}`, QueueFigures),
}))
// also when nothing has changed: who came late learns of it
const telling = interval(everyMs).subscribe(() => {
  for (const { queue, topic } of watched) {
    const { depth, leased, rates } = queue.stats()
    topic.next({ depth, leased, doneASecond: rates.acked })
  }
})
await firstValueFrom(gone)
telling.unsubscribe()
await Promise.all([host.close({ drain: false }), publisher.close({ drain: false })])
await rm(path, { recursive: true, force: true })
