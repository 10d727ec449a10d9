/**
 * Rivulet's topics: a publisher that binds, and waits for slow subscribers instead of losing what they do not take.
 *
 * It publishes by `send` on the topics in turn, and waits for each: that is resolved while the outbox has room.
 */
import { createPublisher, createSubscriber, type HistoryOptions } from 'rivulet/pubsub'
import { Tick, tick } from '../tick.js'
import { BatchLoop, type TopicWay } from './topic-way.js'

/** Messages between two looks at whether to stop. */
const perBatch = 256

const bind = 'tcp://127.0.0.1:*'

/** What history a publisher has, if any; `folder` is empty. */
type MakeHistory = (folder: string) => HistoryOptions | undefined

const settings = 'the record, encoded and decoded; a wait for each send'

const rivuletTopicsWith = (makeHistory: MakeHistory): TopicWay => ({
  settings,

  async open(_server, names, folder) {
    const history = makeHistory(folder)
    const publisher = await createPublisher({ bind, slowSubscribers: 'wait', ...(history && { history }) })
    const topics = names.map((name) => publisher.topic(name, Tick))
    const loop = new BatchLoop(perBatch, topics.length)
    return {
      endpoints: publisher.endpoints,
      start: () =>
        loop.start(async (messages, first, topic) => {
          for (let i = 0, at = topic; i < messages; i++, at = at + 1 === topics.length ? 0 : at + 1) {
            await topics[at]?.send(tick(first + i))
          }
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
})

export const rivuletTopics = rivuletTopicsWith(() => undefined)

export const rivuletHistoryInMemory = rivuletTopicsWith(() => ({}))

export const rivuletHistoryOnDisk = rivuletTopicsWith((path) => ({ path }))
