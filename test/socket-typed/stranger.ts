/** A peer of a typed stream that is none of ours: a plain socket, and bytes as the test wants them. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A plain socket, with everything that it has received. */
export class Stranger {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  /** Resolves when the connection is closed, and when the other side has closed its half. */
  readonly whenClosed: Promise<void>
  readonly whenEnded: Promise<void>

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#chunks.push(chunk))
    socket.on('error', () => {}) // the other side may reset it
    this.whenClosed = new Promise((resolve) => socket.once('close', () => resolve()))
    this.whenEnded = new Promise((resolve) => {
      socket.once('end', () => resolve()).once('close', () => resolve())
    })
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Resolves when there is as much. */
  async has(bytes: number): Promise<Buffer> {
    while (this.received.length < bytes) await once(this.socket, 'data')
    return this.received
  }
}

/** Connects to an endpoint. */
export async function connectStranger(t: Test, endpoint: string): Promise<Stranger> {
  const { hostname, port } = new URL(endpoint.replace('tcp:', 'http:'))
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return new Stranger(socket)
}

/** Listens, and hands out the next connection. */
export async function listenStranger(t: Test): Promise<{ endpoint: string; accepted: Promise<Stranger> }> {
  const server = createServer({ allowHalfOpen: true })
  t.teardown(() => server.close())
  const accepted = new Promise<Stranger>((resolve) => {
    server.once('connection', (socket) => {
      t.teardown(() => socket.destroy())
      resolve(new Stranger(socket))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, accepted }
}
