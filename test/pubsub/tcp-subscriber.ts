/**
 * A subscriber over a bare TCP connection: it speaks ZMTP 3.0, remembers nothing, and subscribes to whatever it is told.
 *
 * A socket of ZeroMQ would hold its own subscriptions, in the process that measures what they cost the publisher.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** RFC 23/ZMTP: signature, version 3.0, mechanism NULL, no server. */
const greeting = Buffer.alloc(64)
greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0])
greeting.write('NULL', 12)

/** A frame with a size of eight bytes. */
function frame(flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head[0] = flags | 2
  head.writeBigUInt64BE(BigInt(body.length), 1)
  return Buffer.concat([head, body])
}

const ready = frame(4, Buffer.from('\x05READY\x0bSocket-Type\0\0\0\x03SUB', 'latin1'))

/** One such subscriber. */
export class TcpSubscriber {
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()))
    // a reset is an end like any other
    socket.on('error', () => {})
    socket.resume()
  }

  /** Connects and agrees on the protocol. */
  static async connect(endpoint: string): Promise<TcpSubscriber> {
    const socket = connect(Number(endpoint.split(':').at(-1)), '127.0.0.1')
    const subscriber = new TcpSubscriber(socket)
    await once(socket, 'connect')
    socket.write(Buffer.concat([greeting, ready]))
    return subscriber
  }

  /** Subscribes to prefixes, or leaves them; resolves when the system has taken them, or the connection has ended. */
  async subscribe(prefixes: Iterable<string>, on = true): Promise<void> {
    let chunk: Buffer[] = []
    for (const prefix of prefixes) {
      chunk.push(frame(0, Buffer.concat([Buffer.of(on ? 1 : 0), Buffer.from(prefix)])))
      if (chunk.length < 256) continue
      await this.#write(chunk)
      chunk = []
    }
    await this.#write(chunk)
  }

  close(): void {
    this.#socket.destroy()
  }

  async #write(frames: readonly Buffer[]): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(Buffer.concat(frames))) return
    const drained = new Promise<void>((resolve) => this.#socket.once('drain', resolve))
    await Promise.race([drained, this.ended])
  }
}
