/** A TCP proxy that keeps what peers send through it, and can stop to read what they are sent. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Scope } from './scope.js'

/** Forwards connections to a port of this machine. */
export class RecordingProxy {
  /** The bytes that each connection has sent so far, in chunks. */
  readonly sent: Buffer[][] = []
  /** The same of what each was sent. */
  readonly received: Buffer[][] = []
  readonly #sockets = new Set<Socket>()
  readonly #left: Promise<unknown>[] = []
  readonly #targets = new Set<Socket>()
  #reads = true
  #port = 0

  /** Opens a proxy before a TCP endpoint; it is closed with the scope. */
  static async open(scope: Scope, target: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy()
    const server = createServer((near) => proxy.#join(near, connect(Number(new URL(target).port), '127.0.0.1')))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    proxy.#port = (server.address() as AddressInfo).port
    scope.teardown(() => {
      for (const socket of proxy.#sockets) socket.destroy()
      server.close()
    })
    return proxy
  }

  /** The endpoint to connect to. */
  get endpoint(): string {
    return `tcp://127.0.0.1:${this.#port}`
  }

  /** Resolves when every peer has left, and all that it had sent was read. */
  async whenLeft(): Promise<void> {
    await Promise.all(this.#left)
  }

  /** From now on nothing is read of what the target sends; it must wait. */
  stopReading(): void {
    this.#reads = false
    for (const far of this.#targets) far.pause()
  }

  #join(near: Socket, far: Socket): void {
    const chunks: Buffer[] = []
    this.sent.push(chunks)
    const answers: Buffer[] = []
    this.received.push(answers)
    this.#targets.add(far)
    this.#left.push(new Promise((resolve) => near.once('close', resolve)))
    near.on('data', (bytes: Buffer) => chunks.push(bytes))
    far.on('data', (bytes: Buffer) => answers.push(bytes))
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
    }
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
    near.pipe(far)
    far.pipe(near)
    if (!this.#reads) far.pause()
  }
}
