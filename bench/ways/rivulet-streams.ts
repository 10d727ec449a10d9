/** Rivulet's typed streams with their default options. */
import { setImmediate as turn } from 'node:timers/promises'
import { connectStream, createStreamListener } from 'rivulet/socket'
import { Subject } from 'rxjs'
import { Tick, ticks } from '../tick.js'
import type { Endpoints, Way } from './way.js'

const bind = 'tcp://127.0.0.1:*'

/** `next` does not wait, so its row sends in bursts, one a turn, while no more than so many bytes wait. */
const burst = 1024
const enoughBytes = 1024 * 1024

const connect = ([address]: Endpoints) => connectStream({ schema: Tick, connect: address as string })

export const rivuletStreams: Way = {
  async consume(take) {
    const listener = await createStreamListener({ schema: Tick, bind })
    const messages = new Subject<Tick>()
    take(messages)
    listener.connections.subscribe((connection) => connection.messages.subscribe(messages))
    return listener.endpoints
  },

  produce: {
    async sendAll(endpoints) {
      const connection = await connect(endpoints)
      await connection.sendAll(ticks())
      throw new Error('the source ended')
    },

    async send(endpoints) {
      const connection = await connect(endpoints)
      for (const value of ticks()) await connection.send(value)
      throw new Error('the source ended')
    },

    async next(endpoints) {
      const connection = await connect(endpoints)
      for (const value of ticks()) {
        connection.next(value)
        if (value.id % burst !== 0) continue
        await turn()
        while (connection.stats().outgoing.pendingBytes > enoughBytes) await turn()
      }
      throw new Error('the source ended')
    },
  },
}
