/**
 * Rivulet's durable queue at a depth: a host that is opened and looked at, a producer that fills it, and a pair that keeps it.
 *
 * The pair passes messages as fast as it can: for each one that the consumer acknowledges, the producer publishes another.
 * It learns how many from the consumer itself, over a connection of their own.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { createConsumer, createProducer, createQueueHost, type Delivery, type QueueHost } from 'rivulet/queue'
import { Tick, tick } from '../tick.js'
import { type DepthWay, prefetch } from './depth-way.js'

const queue = 'ticks'

const tellBytes = 4

let host: QueueHost | undefined
/** What the consumer has acknowledged, and what it holds on request. */
let acknowledged = 0
let held: Delivery<Tick>[] | undefined = []
let acknowledge: (delivery: Delivery<Tick>) => void = () => {}
let end: () => Promise<unknown> = async () => {}

export const rivuletDepth: DepthWay = {
  async open(folder) {
    const start = performance.now()
    host = await createQueueHost({ path: folder, bind: 'tcp://127.0.0.1:*', autoCreate: true })
    return { ms: performance.now() - start, endpoints: host.endpoints }
  },

  look() {
    const { ready = 0, depth = 0 } = host?.queue(queue).stats() ?? {}
    return { ready, depth }
  },

  async fill(endpoints, messages) {
    await using producer = await createProducer({ connect: endpoints, queue, schema: Tick })
    const { sent } = await producer.sendAll(some(messages))
    if (sent !== messages) throw new Error(`of ${messages} messages ${sent} were stored`)
  },

  async consume(endpoints) {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const listener = once(server, 'connection')
    const consumer = await createConsumer({ connect: endpoints, queue, schema: Tick, prefetch })
    let told = 0
    let sum = 0.5
    void listener.then(([producer]) => {
      const tell = (): void => {
        const count = Buffer.alloc(tellBytes)
        count.writeUInt32BE(acknowledged - told)
        told = acknowledged
        producer.write(count)
      }
      acknowledge = (delivery) => {
        sum += delivery.value.price
        void delivery.ack()
        // once a turn: messages of one turn are acknowledged together
        if (acknowledged === told) setImmediate(tell)
        if (sum > 0) acknowledged += 1
      }
      consumer.deliveries.subscribe((delivery) => {
        if (held) held.push(delivery)
        else acknowledge(delivery)
      })
    })
    end = () => consumer.close()
    return { port: (server.address() as AddressInfo).port, counter: () => acknowledged }
  },

  hold(isHeld) {
    const deliveries = held ?? []
    held = isHeld ? [] : undefined
    for (const delivery of deliveries) acknowledge(delivery)
  },

  async replace(endpoints, port, more) {
    const producer = await createProducer({ connect: endpoints, queue, schema: Tick })
    await producer.whenConnected()
    const consumer = connect(port, '127.0.0.1')
    // it may end first
    consumer.on('error', () => {})
    await once(consumer, 'connect')
    const publish = (messages: number): void => {
      producer.sendAll(some(messages)).catch(() => {})
    }
    let rest: Buffer = Buffer.alloc(0)
    consumer.on('data', (data) => {
      rest = Buffer.concat([rest, data])
      let messages = 0
      for (; rest.length >= tellBytes; rest = rest.subarray(tellBytes)) messages += rest.readUInt32BE()
      publish(messages)
    })
    publish(more)
    end = () => {
      consumer.destroy()
      return producer.close()
    }
  },

  async end() {
    await end()
  },
}

function* some(count: number): Generator<Tick> {
  for (let id = 0; id < count; id++) yield tick(id)
}
