/** MQTT with MQTT.js: QoS 0, and buffers as messages. */
import { connectAsync } from 'mqtt'
import { BatchLoop, messageBytes, type TopicWay } from './topic-way.js'

/** Messages between two waits until they are written: more make it no faster. */
const perBatch = 512

/** Topics of one SUBSCRIBE. */
const perSubscribe = 500

const message = Buffer.alloc(messageBytes, 7)

export const mqttTopics: TopicWay = {
  settings: `the same ${messageBytes} bytes, not read; QoS 0, a wait for ${perBatch} messages`,

  async open(server, names) {
    const client = await connectAsync(server[0] as string)
    const topics = names.map(onWire)
    const loop = new BatchLoop(perBatch, topics.length)
    return {
      endpoints: server,
      start: () =>
        loop.start(async (messages, _first, topic) => {
          let at = topic
          for (let i = 1; i < messages; i++, at = at + 1 === topics.length ? 0 : at + 1) {
            client.publish(topics[at] as string, message)
          }
          await client.publishAsync(topics[at] as string, message)
        }),
      stop: () => loop.stop(),
    }
  },

  async subscribe(server, names) {
    const client = await connectAsync(server[0] as string)
    let messages = 0
    let bytes = 0
    client.on('message', (_topic, { length }) => {
      bytes += length
      if (bytes > 0) messages += 1
    })
    const topics = names.map(onWire)
    for (let at = 0; at < topics.length; at += perSubscribe) {
      await client.subscribeAsync(topics.slice(at, at + perSubscribe), { qos: 0 })
    }
    return () => messages
  },
}

/** Words of MQTT are separated by slashes. */
const onWire = (name: string): string => name.replaceAll('.', '/')
