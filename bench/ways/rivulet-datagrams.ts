/** Rivulet's datagrams: a message in each, and those of one turn together. */
import { createDatagram } from 'rivulet/socket'
import { Tick, ticks } from '../tick.js'
import type { Endpoints, Way } from './way.js'

export const rivuletDatagrams: Way = {
  async consume(take) {
    const socket = await createDatagram({ schema: Tick, bind: 'udp://127.0.0.1:*' })
    take(socket.messages)
    return [socket.endpoint]
  },

  produce: {
    async sendAll([to]: Endpoints) {
      const socket = await createDatagram({ schema: Tick, to: to as string })
      await socket.sendAll(ticks())
      throw new Error('the source ended')
    },
    send: (endpoints) => send(endpoints, false),
    'send, batch': (endpoints) => send(endpoints, true),
  },
}

async function send([to]: Endpoints, batch: boolean): Promise<never> {
  const socket = await createDatagram({ schema: Tick, to: to as string, batch })
  for (const value of ticks()) await socket.send(value)
  throw new Error('the source ended')
}
