/**
 * Rivulet's topics: a publisher that binds, and waits for slow subscribers instead of losing what they do not take.
 *
 * It publishes by `send` on the topics in turn, and waits once for many messages.
 */
import { createPublisher, createSubscriber } from 'rivulet/pubsub'
import { Tick, tick } from '../tick.js'
import { BatchLoop, type TopicWay } from './topic-way.js'

/** Messages between two waits for room in the outbox. */
const perBatch = 256

const bind = 'tcp://127.0.0.1:*'

export const rivuletTopics: TopicWay = {
  settings: `the record, encoded and decoded; send, a wait for ${perBatch} messages`,

  async open(_server, names) {
    const publisher = await createPublisher({ bind, slowSubscribers: 'wait' })
    const topics = names.map((name) => publisher.topic(name, Tick))
    const loop = new BatchLoop(perBatch, topics.length)
    return {
      endpoints: publisher.endpoints,
      start: () =>
        loop.start(async (messages, first, topic) => {
          let last: Promise<void> | undefined
          for (let i = 0, at = topic; i < messages; i++, at = at + 1 === topics.length ? 0 : at + 1) {
            last = topics[at]?.send(tick(first + i))
          }
          await last
        }),
      stop: () => loop.stop(),
    }
  },

  async subscribe(endpoints, topics) {
    const subscriber = await createSubscriber({ connect: endpoints })
    let messages = 0
    let sum = 0.5
    for (const topic of topics) {
      subscriber.topic(topic, Tick).subscribe(({ price }) => {
        sum += price
        if (sum > 0) messages += 1
      })
    }
    await subscriber.ready
    return () => messages
  },
}
