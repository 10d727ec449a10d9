/**
 * The baseline of streams: JSON, a line for each message, over `node:net`.
 *
 * The consumer splits chunks at line feeds, which is several times quicker than `node:readline`.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Subject } from 'rxjs'
import { type Tick, ticks } from '../tick.js'
import type { Endpoints, Way } from './way.js'

/** Messages of one write, in the row that joins them. */
const joined = 256

export const ndjson: Way = {
  async consume(take) {
    const messages = new Subject<Tick>()
    take(messages)
    const server = createServer((socket) => {
      let rest = ''
      socket.setEncoding('utf8')
      socket.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() as string
        for (const line of lines) messages.next(JSON.parse(line))
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return [String((server.address() as AddressInfo).port)]
  },

  produce: {
    async write(endpoints) {
      const socket = await open(endpoints)
      for (const value of ticks()) {
        if (!socket.write(`${JSON.stringify(value)}\n`)) await once(socket, 'drain')
        // a system that takes every write at once would never let this process measure
        else if (value.id % joined === 0) await turn()
      }
      throw new Error('the source ended')
    },

    async joined(endpoints) {
      const socket = await open(endpoints)
      let lines = ''
      for (const value of ticks()) {
        lines += `${JSON.stringify(value)}\n`
        if (value.id % joined !== 0) continue
        if (!socket.write(lines)) await once(socket, 'drain')
        else await turn()
        lines = ''
      }
      throw new Error('the source ended')
    },
  },
}

const turn = () => new Promise(setImmediate)

async function open([port]: Endpoints): Promise<Socket> {
  const socket = connect(Number(port), '127.0.0.1')
  socket.setNoDelay(true)
  await once(socket, 'connect')
  return socket
}
