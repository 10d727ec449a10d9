/** NATS JetStream: a stream in memory or in files, and an ordered consumer of the official client. */
import { jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { connect, createInbox } from '@nats-io/transport-node'
import type { ReplayWay } from './replay-way.js'
import { messageBytes } from './topic-way.js'

const name = 'ticks'

/** Messages that are published and not confirmed: more make it no faster. */
const inFlight = 1024

/** Messages that a consumer asks for ahead: more make it no faster. */
const ahead = 16_384

const message = Buffer.alloc(messageBytes, 7)

function natsReplay(storage: StorageType): ReplayWay {
  return {
    settings: `the same ${messageBytes} bytes, not read; an ordered consumer with max_messages ${ahead}`,

    async store(server, messages) {
      const connection = await connect({ servers: [...server] })
      const manager = await jetstreamManager(connection)
      await manager.streams.add({ name, subjects: [name], storage })
      const inbox = createInbox()
      await new Promise<void>((resolve, reject) => {
        let sent = 0
        let confirmed = 0
        const fill = (): void => {
          for (; sent < messages && sent - confirmed < inFlight; sent++) {
            connection.publish(name, message, { reply: `${inbox}.${sent}` })
          }
        }
        connection.subscribe(`${inbox}.*`, {
          callback: (error, answer) => {
            if (error || !answer.json<{ seq?: number }>().seq) reject(error ?? new Error(answer.string()))
            confirmed += 1
            if (confirmed === messages) resolve()
            else fill()
          },
        })
        fill()
      })
      return server
    },

    async replay(server, messages) {
      const connection = await connect({ servers: [...server] })
      const consumer = await jetstream(connection).consumers.get(name)
      const start = performance.now()
      let count = 0
      let bytes = 0
      const read = new Promise<number>((resolve) => {
        void consumer.consume({
          max_messages: ahead,
          callback: ({ data }) => {
            bytes += data.length
            count += 1
            if (count === messages && bytes > 0) resolve(performance.now() - start)
          },
        })
      })
      const ms = await read
      await connection.close()
      return ms
    },
  }
}

export const natsInMemory = natsReplay(StorageType.Memory)

export const natsInFiles = natsReplay(StorageType.File)
