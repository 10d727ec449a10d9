/** NATS core with its official client: publish without confirmations, and request. */
import { connect } from '@nats-io/transport-node'
import { Subject } from 'rxjs'
import { Tick, ticks } from '../tick.js'
import type { CallWay } from './call-way.js'
import type { Way } from './way.js'

const subject = 'ticks'

/** The variable with the address of the server, which the parent starts. */
export const natsVariable = 'RIVULET_BENCH_NATS'

/** Messages between two waits until the server has all: more make it no faster. */
const burst = 4096

const open = () => connect({ servers: [process.env[natsVariable] as string] })

export const natsMessages: Way = {
  async consume(take) {
    const connection = await open()
    const messages = new Subject<Tick>()
    take(messages)
    connection.subscribe(subject, { callback: (_error, message) => messages.next(Tick.decode(message.data)) })
    await connection.flush()
    return []
  },

  produce: {
    async publish() {
      const connection = await open()
      for (const value of ticks()) {
        connection.publish(subject, Tick.encode(value))
        if (value.id % burst === burst - 1) await connection.flush()
      }
      throw new Error('the source ended')
    },
  },
}

export const natsRequests: CallWay = {
  async serve() {
    const connection = await open()
    connection.subscribe(subject, {
      callback: (_error, message) => void message.respond(Tick.encode(Tick.decode(message.data))),
    })
    await connection.flush()
    return []
  },

  async connect() {
    const connection = await open()
    return { call: async (tick) => Tick.decode((await connection.request(subject, Tick.encode(tick))).data) }
  },
}
