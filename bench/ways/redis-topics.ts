/** Redis pub/sub with its official client: commands of a batch in one pipeline, and buffers as messages. */
import { createClient } from '@redis/client'
import { BatchLoop, messageBytes, type TopicWay } from './topic-way.js'

/** Commands of one pipeline: more make it no faster. */
const perBatch = 1024

const message = Buffer.alloc(messageBytes, 7)

export const redisTopics: TopicWay = {
  settings: `the same ${messageBytes} bytes, not read; ${perBatch} commands in a pipeline`,

  async open(server, topics) {
    const client = await open(server)
    const loop = new BatchLoop(perBatch, topics.length)
    return {
      endpoints: server,
      start: () =>
        loop.start((messages, _first, topic) => {
          const pipeline = client.multi()
          for (let i = 0, at = topic; i < messages; i++, at = at + 1 === topics.length ? 0 : at + 1) {
            pipeline.publish(topics[at] as string, message)
          }
          return pipeline.execAsPipeline()
        }),
      stop: () => loop.stop(),
    }
  },

  async subscribe(server, topics) {
    const client = await open(server)
    let messages = 0
    let bytes = 0
    const listener = ({ length }: Buffer): void => {
      bytes += length
      if (bytes > 0) messages += 1
    }
    await client.subscribe([...topics], listener, true)
    return () => messages
  },
}

async function open([url]: readonly string[]) {
  const client = createClient({ url: url as string })
  // a subscriber that the server has cut connects again; what it lost is counted
  client.on('error', () => {})
  await client.connect()
  return client
}
