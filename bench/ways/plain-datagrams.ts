/** Datagrams over `node:dgram` alone: bytes that are made once, and read by nobody. */
import { createSocket } from 'node:dgram'
import { Observable } from 'rxjs'
import { tick } from '../tick.js'
import type { Endpoints, Way } from './way.js'

/** As large as a datagram of Rivulet with one message. */
const bytes = Buffer.alloc(63, 'x')

/** What the system may have at the same time. */
const inFlight = 64

const receiveBufferBytes = 1_048_576

export const plainDatagrams: Way = {
  async consume(take) {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    socket.setRecvBufferSize(receiveBufferBytes)
    const value = tick(1)
    take(new Observable((observer) => void socket.on('message', () => observer.next(value))))
    return [`${socket.address().port}`]
  },

  produce: {
    async send([port]: Endpoints) {
      const socket = createSocket('udp4')
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
      for (;;) {
        await new Promise<void>((resolve) => {
          let left = inFlight
          const done = () => {
            left -= 1
            if (left === 0) setImmediate(resolve)
          }
          for (let one = 0; one < inFlight; one++) socket.send(bytes, Number(port), '127.0.0.1', done)
        })
      }
    },
  },
}
