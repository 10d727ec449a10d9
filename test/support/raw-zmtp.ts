/** A peer that speaks ZMTP 3.1 over a plain connection: it may say what no library would. RFC 37/ZMTP. */
import { connect, type Socket } from 'node:net'
import type { Scope } from './scope.js'

/** The greeting of a client with a mechanism: NULL, PLAIN or CURVE. */
export function greetingWith(mechanism: string): Buffer {
  const head = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1])
  return Buffer.concat([head, Buffer.from(mechanism.padEnd(20, '\0')), Buffer.alloc(32)])
}

/** The greeting with the NULL mechanism. */
export const greeting = greetingWith('NULL')

/** Bytes of the greeting and the READY of libzmq, at least. */
const handshakeBytes = greeting.length + 20

const flag = { more: 1, long: 2, command: 4 } as const

/** One frame; `command` for what is none of the application's messages, `more` if parts of the same message follow. */
export function zmtpFrame(body: Buffer, { command = false, more = false } = {}): Buffer {
  const flags = (command ? flag.command : 0) | (more ? flag.more : 0)
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body])
  const head = Buffer.alloc(9)
  head.writeUInt8(flags | flag.long)
  head.writeBigUInt64BE(BigInt(body.length), 1)
  return Buffer.concat([head, body])
}

/** One message of any number of parts. */
export function zmtpMessage(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts.map((part, index) => zmtpFrame(part, { more: index < parts.length - 1 })))
}

/** A command with its name and what follows. */
export function zmtpCommand(name: string, rest: Buffer): Buffer {
  return zmtpFrame(Buffer.concat([Buffer.from([name.length]), Buffer.from(name), rest]), { command: true })
}

/** The command that ends the handshake of a socket of this type. */
export function zmtpReady(socketType: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(socketType.length)
  return zmtpCommand('READY', Buffer.concat([Buffer.from('\x0bSocket-Type'), length, Buffer.from(socketType)]))
}

/** A part of a message that was sent over a connection. */
export interface SentPart {
  readonly body: Buffer
  readonly more: boolean
}

/** The parts of all messages in the bytes of one side of a connection, its greeting and its commands left out. */
export function sentParts(bytes: Buffer): SentPart[] {
  const parts: SentPart[] = []
  for (let at = greeting.length; at + 2 <= bytes.length; ) {
    const flags = bytes.readUInt8(at)
    const isLong = (flags & flag.long) !== 0
    if (isLong && at + 9 > bytes.length) break
    const start = at + (isLong ? 9 : 2)
    const end = start + (isLong ? Number(bytes.readBigUInt64BE(at + 1)) : bytes.readUInt8(at + 1))
    if (end > bytes.length) break
    if ((flags & flag.command) === 0) parts.push({ body: bytes.subarray(start, end), more: (flags & flag.more) !== 0 })
    at = end
  }
  return parts
}

/** Opens a plain connection to a TCP or IPC endpoint; what goes wrong on it closes it and nothing else. */
export function rawConnection(scope: Scope, endpoint: string): Socket {
  const { protocol, port, pathname } = new URL(endpoint)
  const socket = protocol === 'tcp:' ? connect(Number(port), '127.0.0.1') : connect(pathname)
  scope.teardown(() => socket.destroy())
  return socket.on('error', () => {})
}

/** Connects to an endpoint as a socket of this type; resolves when both sides have agreed, or the other has refused. */
export async function rawPeer(scope: Scope, endpoint: string, socketType: string): Promise<Socket> {
  const socket = rawConnection(scope, endpoint)
  socket.write(Buffer.concat([greeting, zmtpReady(socketType)]))
  await new Promise<void>((resolve) => {
    let bytes = 0
    const count = (data: Buffer) => {
      bytes += data.length
      if (bytes < handshakeBytes) return
      socket.off('data', count)
      resolve()
    }
    socket.on('data', count).once('close', resolve)
  })
  return socket.resume()
}

/** Resolves when a connection has closed. */
export async function whenClosed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}
