/** A publisher and a subscriber that close together, in either order: what was published arrives. */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { closeAll } from '../../src/index.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'
import { Seen } from './seen.js'

for (const first of ['publisher', 'subscriber'] as const) {
  eachTransport(t, `${first} first`, async (t, { runtime, bind }) => {
    const publisher = await createPublisher({ bind, runtime })
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const seen = new Seen(subscriber.topic('a', Job))
    await subscriber.ready
    const topic = publisher.topic('a', Job)
    for (const job of jobs(5000)) topic.next(job)
    const all = first === 'publisher' ? [publisher, subscriber] : [subscriber, publisher]
    t.strictSame(await closeAll(all), { undelivered: 0 })
    t.equal(seen.values.length, 5000)
  })
}
