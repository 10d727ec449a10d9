/** NATS core with its official client, which gathers what one turn publishes: publish, and a flush for each batch. */
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { Tick, tick } from '../tick.js'
import { BatchLoop, messageBytes, type TopicWay } from './topic-way.js'

/** Messages between two waits until the server has all: more make it no faster. */
const perBatch = 4096

/** How a message is made and read. */
interface Payload {
  readonly about: string
  write(id: number): Uint8Array
  read(data: Uint8Array): number
}

const bytes: Payload = (() => {
  const message = Buffer.alloc(messageBytes, 7)
  return { about: `the same ${messageBytes} bytes, not read`, write: () => message, read: ({ length }) => length }
})()

const record: Payload = {
  about: 'the record, encoded and decoded',
  write: (id) => Tick.encode(tick(id)),
  read: (data) => Tick.decode(data).price,
}

function natsTopics({ about, write, read }: Payload): TopicWay {
  return {
    settings: `${about}; publish, a flush for ${perBatch} messages`,

    async open(server, topics) {
      const connection = await open(server)
      const loop = new BatchLoop(perBatch, topics.length)
      return {
        endpoints: server,
        start: () =>
          loop.start((messages, first, topic) => {
            for (let i = 0, at = topic; i < messages; i++, at = at + 1 === topics.length ? 0 : at + 1) {
              connection.publish(topics[at] as string, write(first + i))
            }
            return connection.flush()
          }),
        stop: () => loop.stop(),
      }
    },

    async subscribe(server, topics) {
      const connection = await open(server)
      let messages = 0
      let sum = 0.5
      const callback = (_error: unknown, { data }: { readonly data: Uint8Array }): void => {
        sum += read(data)
        if (sum > 0) messages += 1
      }
      for (const topic of topics) connection.subscribe(topic, { callback })
      await connection.flush()
      return () => messages
    },
  }
}

export const natsBytes = natsTopics(bytes)

export const natsRecords = natsTopics(record)

const open = (servers: readonly string[]): Promise<NatsConnection> => connect({ servers: [...servers] })
