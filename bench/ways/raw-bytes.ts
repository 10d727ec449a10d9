/**
 * The baseline of bytes: `node:net` alone.
 *
 * Each chunk that Node.js reads is a buffer of its own, 64 KiB outside of the heap, and so many of them begin full collections where
 * V8's heap is small: see `docs/benchmarks.md`.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type ByteWay, pieceBytes } from './byte-way.js'

export const rawBytes: ByteWay = {
  async receive() {
    let bytes = 0
    const server = createServer((socket) => {
      socket.on('data', (chunk) => {
        bytes += chunk.length
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return { endpoints: [String((server.address() as AddressInfo).port)], counter: () => bytes / pieceBytes }
  },

  async send([port]) {
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    const piece = Buffer.alloc(pieceBytes, 7)
    for (;;) if (!socket.write(piece)) await once(socket, 'drain')
  },
}
