/** NATS JetStream: a work queue in files, with its official client. */
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect, createInbox, type NatsConnection } from '@nats-io/transport-node'
import { Tick, tick } from '../tick.js'
import { callForEver, type DurableWay } from './durable-way.js'
import type { Endpoints } from './way.js'

const name = 'ticks'

/** More of them in flight than this makes publishing in bulk no faster. */
const bulkInFlight = 1024

/** Messages that wait for their acknowledgement: more make it no faster. */
const maxAckPending = 1000

export const natsJetstream: DurableWay = {
  settings: `work queue in files; in bulk ${bulkInFlight} in flight; explicit acks, max_ack_pending ${maxAckPending}`,

  publish: {
    async send(endpoints) {
      const stream = jetstream(await open(endpoints))
      return callForEver((id) => stream.publish(name, Tick.encode(tick(id))))
    },

    // ten times as fast as `publish` of the JetStream client: its core, with an address for each confirmation
    async sendAll(endpoints) {
      const connection = await open(endpoints)
      const inbox = createInbox()
      let sent = 0
      let confirmed = 0
      const fill = (): void => {
        for (; sent - confirmed < bulkInFlight; sent++) {
          connection.publish(name, Tick.encode(tick(sent)), { reply: `${inbox}.${sent}` })
        }
      }
      connection.subscribe(`${inbox}.*`, {
        callback: (error, message) => {
          const { seq } = message.json<{ seq?: number }>()
          if (error || !seq) throw error ?? new Error(`not stored: ${message.string()}`)
          confirmed += 1
          fill()
        },
      })
      fill()
      return () => confirmed
    },
  },

  async consume(endpoints) {
    const connection = await open(endpoints)
    const manager = await jetstreamManager(connection)
    await manager.consumers.add(name, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: maxAckPending,
    })
    const consumer = await jetstream(connection).consumers.get(name, name)
    let acknowledged = 0
    let sum = 0.5
    await consumer.consume({
      max_messages: maxAckPending,
      callback: (message) => {
        sum += Tick.decode(message.data).price
        message.ack()
        if (sum > 0) acknowledged += 1
      },
    })
    return () => acknowledged
  },
}

async function open(endpoints: Endpoints): Promise<NatsConnection> {
  const connection = await connect({ servers: [...endpoints] })
  const manager = await jetstreamManager(connection)
  // as often as one likes
  await manager.streams.add({
    name,
    subjects: [name],
    storage: StorageType.File,
    retention: RetentionPolicy.Workqueue,
  })
  return connection
}
