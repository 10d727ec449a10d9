/**
 * RabbitMQ: a durable queue of one of its two kinds, with the faster of its two well-kept clients.
 *
 * Both kinds flush before they confirm.
 */
import { type Channel, connect } from 'amqplib'
import { Tick, tick } from '../tick.js'
import { type Counter, callForEver, type DurableWay } from './durable-way.js'
import type { Endpoints } from './way.js'

/** How it keeps a queue: files of its own, or the log of Raft, here with one member. */
type Kind = 'classic' | 'quorum'

const name = 'ticks'

/** More of them in flight than this makes publishing in bulk no faster. */
const bulkInFlight = 1024

/** Messages that wait for their acknowledgement, and those that one acknowledgement is for: more make it no faster. */
const prefetch = 1000
const acknowledgedAtOnce = 128

export const rabbitmqClassic = rabbitmq('classic')
export const rabbitmqQuorum = rabbitmq('quorum')

function rabbitmq(kind: Kind): DurableWay {
  return {
    settings: `${kind} durable queue, persistent messages, confirms; in bulk ${bulkInFlight} in flight; prefetch ${prefetch}, one ack for ${acknowledgedAtOnce}`,

    publish: {
      async send(endpoints) {
        const publish = await open(kind, endpoints)
        return callForEver(
          (id) => new Promise<void>((resolve, reject) => publish(id, (error) => (error ? reject(error) : resolve()))),
        )
      },

      async sendAll(endpoints): Promise<Counter> {
        const publish = await open(kind, endpoints)
        let sent = 0
        let confirmed = 0
        const fill = (): void => {
          for (; sent - confirmed < bulkInFlight; sent++) publish(sent, taken)
        }
        const taken = (error: unknown): void => {
          if (error) throw error
          confirmed += 1
          fill()
        }
        fill()
        return () => confirmed
      },
    },

    async consume([url = '']) {
      const connection = await connect(url)
      const channel = await connection.createChannel()
      await declare(kind, channel)
      await channel.prefetch(prefetch)
      let received = 0
      let sum = 0.5
      await channel.consume(name, (message) => {
        if (!message) throw new Error('the queue is gone')
        sum += Tick.decode(message.content).price
        if (sum > 0) received += 1
        if (received % acknowledgedAtOnce === 0) channel.ack(message, true)
      })
      return () => received - (received % acknowledgedAtOnce)
    },
  }
}

/** Returns what publishes one persistent message and says when the server has confirmed it. */
async function open(kind: Kind, [url = '']: Endpoints): Promise<(id: number, taken: (error: unknown) => void) => void> {
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  await declare(kind, channel)
  return (id, taken) => channel.sendToQueue(name, Tick.encode(tick(id)), { persistent: true }, taken)
}

async function declare(kind: Kind, channel: Channel): Promise<void> {
  await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': kind } })
}
