/** Rivulet's durable queue with its default options, but for the prefetch. */
import { createConsumer, createProducer, createQueueHost, type Producer } from 'rivulet/queue'
import { Tick, tick, ticks } from '../tick.js'
import { callForEver, type DurableWay } from './durable-way.js'
import type { Endpoints } from './way.js'

const queue = 'ticks'

/** Messages that wait for their acknowledgement: more make it no faster. */
const prefetch = 16_384

export const rivuletDurable: DurableWay = {
  settings: `confirmed when it is flushed; in bulk what the outbox holds; prefetch ${prefetch}`,

  async host(folder) {
    const host = await createQueueHost({ path: folder, bind: 'tcp://127.0.0.1:*', autoCreate: true })
    return host.endpoints
  },

  publish: {
    async send(endpoints) {
      const producer = await connect(endpoints)
      return callForEver((id) => producer.send(tick(id)))
    },

    async sendAll(endpoints) {
      const producer = await connect(endpoints)
      void producer.sendAll(ticks())
      return () => producer.stats().sent
    },
  },

  async consume(endpoints) {
    const consumer = await createConsumer({ connect: endpoints, queue, schema: Tick, prefetch })
    let acknowledged = 0
    let sum = 0.5
    consumer.deliveries.subscribe((delivery) => {
      sum += delivery.value.price
      void delivery.ack()
      if (sum > 0) acknowledged += 1
    })
    return () => acknowledged
  },
}

async function connect(endpoints: Endpoints): Promise<Producer<Tick>> {
  const producer = await createProducer({ connect: endpoints, queue, schema: Tick })
  await producer.whenConnected()
  return producer
}
