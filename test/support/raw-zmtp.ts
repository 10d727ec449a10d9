/** A peer that speaks ZMTP 3.1 over a plain TCP connection: it may say what no library would. RFC 37/ZMTP. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'

/** The greeting with the NULL mechanism. */
const greeting = Buffer.concat([
  Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1]),
  Buffer.from('NULL'.padEnd(20, '\0')),
  Buffer.alloc(32),
])

/** Bytes of the greeting and the READY of libzmq, at the least. */
const handshakeBytes = greeting.length + 20

/** A frame of at most 255 bytes; `command` for what is none of the application's messages. */
export function zmtpFrame(body: Buffer, command = false): Buffer {
  return Buffer.concat([Buffer.from([command ? 4 : 0, body.length]), body])
}

/** A command with its name and what follows. */
export function zmtpCommand(name: string, rest: Buffer): Buffer {
  return zmtpFrame(Buffer.concat([Buffer.from([name.length]), Buffer.from(name), rest]), true)
}

function ready(socketType: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(socketType.length)
  return zmtpCommand('READY', Buffer.concat([Buffer.from('\x0bSocket-Type'), length, Buffer.from(socketType)]))
}

/** Connects to a TCP endpoint as a socket of this type; resolves when both sides have agreed. */
export async function rawPeer(t: Test, endpoint: string, socketType: string): Promise<Socket> {
  const socket = connect(Number(endpoint.split(':').at(-1)), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(Buffer.concat([greeting, ready(socketType)]))
  for (let bytes = 0; bytes < handshakeBytes; ) {
    const [data] = (await once(socket, 'data')) as [Buffer]
    bytes += data.length
  }
  return socket.resume()
}
