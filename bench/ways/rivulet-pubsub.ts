/**
 * Rivulet's publish/subscribe with one topic and one subscriber.
 *
 * The publisher waits for a slow subscriber, else it would be measured how fast messages can be dropped.
 */
import { createPublisher, createSubscriber } from 'rivulet/pubsub'
import { Tick, ticks } from '../tick.js'
import type { Way } from './way.js'

const topic = 'ticks.acme'

export const rivuletPubsub: Way = {
  async consume(take) {
    const subscriber = await createSubscriber({ bind: 'tcp://127.0.0.1:*' })
    take(subscriber.topic(topic, Tick))
    return subscriber.endpoints
  },

  produce: {
    async sendAll(endpoints) {
      const publisher = await createPublisher({ connect: endpoints, slowSubscribers: 'wait' })
      await publisher.whenConnected()
      await publisher.topic(topic, Tick).sendAll(ticks())
      throw new Error('the source ended')
    },
  },
}
