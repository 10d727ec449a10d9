/**
 * `ready` between two processes, for a subscriber with thousands of subscriptions.
 */
import t from 'tap'
import { createSubscriber } from '../../patterns/pubsub/index.js'
import { Job } from '../support/job.js'
import { eachTransport } from '../support/transports.js'
import { childPublisher } from './child-publisher.js'
import { Seen } from './seen.js'

eachTransport(
  t,
  'with 5,000 subscriptions, the first message after ready arrives 1000 of 1000 times',
  async (t, { runtime, bind }) => {
    const publisher = await childPublisher(t, bind)
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const all = Array.from({ length: 5000 }, (_, id) => new Seen(subscriber.topic(`many.${id}`, Job)))
    await subscriber.ready
    publisher.publish('many.0', [1])
    publisher.publish('many.4999', [2])
    await Promise.all([all[0]?.count(1), all[4999]?.count(1)])
    let arrived = 0
    for (let round = 0; round < 1000; round++) {
      const name = `round.${round % 10}`
      const seen = new Seen(subscriber.topic(name, Job))
      await subscriber.ready
      publisher.publish(name, [2 * round, 2 * round + 1])
      await seen.when(() => seen.values.some(({ id }) => id === 2 * round + 1))
      if (seen.values[0]?.id === 2 * round) arrived += 1
      seen.unsubscribe()
    }
    t.equal(arrived, 1000)
    t.equal(subscriber.stats().gaps, 0)
  },
  ['ipc', 'tcp'],
)
