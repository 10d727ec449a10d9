/**
 * `ready` between two processes, for a subscriber with thousands of subscriptions.
 */
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber, type TopicSubscriber } from '../../patterns/pubsub/index.js'
import { turn } from '../support/events.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { childPublisher } from './child-publisher.js'
import { Seen } from './seen.js'

/** Subscribes to much, and then counts in how many of 1,000 tries the first of two messages arrived. */
async function tries(
  t: Test,
  subscriber: TopicSubscriber,
  publish: (topic: string, ids: readonly number[]) => void,
): Promise<void> {
  const all = Array.from({ length: 5000 }, (_, id) => new Seen(subscriber.topic(`many.${id}`, Job)))
  await subscriber.ready
  publish('many.0', [1])
  publish('many.4999', [2])
  await Promise.all([all[0]?.count(1), all[4999]?.count(1)])
  let arrived = 0
  for (let round = 0; round < 1000; round++) {
    const name = `round.${round % 10}`
    const seen = new Seen(subscriber.topic(name, Job))
    await subscriber.ready
    publish(name, [2 * round, 2 * round + 1])
    await seen.when(() => seen.values.some(({ id }) => id === 2 * round + 1))
    if (seen.values[0]?.id === 2 * round) arrived += 1
    seen.unsubscribe()
  }
  t.equal(arrived, 1000)
  t.equal(subscriber.stats().gaps, 0)
}

t.test('the first message after ready arrives 1000 of 1000 times: tcp, from another process', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await childPublisher(t, bind)
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  await tries(t, subscriber, publisher.publish)
})

t.test('the first message after ready arrives 1000 of 1000 times: ipc', async (t) => {
  const { runtime, bind } = place(t, 'ipc')
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  await tries(t, subscriber, async (name, ids) => {
    const topic = publisher.topic(name, Job)
    for (const id of ids) {
      topic.next({ id })
      await turn()
    }
  })
})
