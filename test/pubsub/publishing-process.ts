/**
 * A publisher in a process of its own: it says where it is bound, and publishes what it is told to.
 */
import { createPublisher } from '../../patterns/pubsub/index.js'
import { turn } from '../support/events.js'
import { Job } from '../support/job.js'

/** What it is told: ids to publish on a topic, each in a turn of its own; or to close and end. */
export type Order = { readonly topic: string; readonly ids: readonly number[] } | 'close'

/** What it says: its endpoint first, then how closing went. */
export type Answer = { readonly endpoint: string } | { readonly undelivered: number; readonly sent: number }

const publisher = await createPublisher({ bind: process.argv[2] as string })

process.on('message', async (order: Order) => {
  if (order === 'close') {
    const { undelivered } = await publisher.close()
    const answer: Answer = { undelivered, sent: publisher.stats().sent }
    // what is left must not keep the process alive: nothing here ends it
    process.send?.(answer, () => process.disconnect())
    return
  }
  const topic = publisher.topic(order.topic, Job)
  for (const id of order.ids) {
    topic.next({ id })
    await turn()
  }
})
process.send?.({ endpoint: publisher.endpoint } satisfies Answer)
