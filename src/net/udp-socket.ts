/**
 * One bound socket of datagrams: opens it, sends and receives, joins groups, sets buffers and reads them back.
 *
 * It knows no messages, resolves no names and keeps no queue: what waits for the system is counted by its user.
 */
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import { type ErrorCode, errnoOf, RivuletError } from '../errors/index.js'
import { type IpFamily, type UdpEndpoint, udpAddress } from './udp-endpoint.js'

/** The largest payload of one datagram over IPv4, in bytes (RFC 768, RFC 791). */
export const maxUdpPayloadBytes = 65_507

/** How a socket of datagrams is opened. */
export interface UdpSocketSettings {
  /** Names the caller, for messages: `createDatagram`. */
  readonly subject: string
  /** Whether other sockets of this machine may be bound to the same address: those of one group. */
  readonly reuseAddress: boolean
  readonly broadcast: boolean
  /** Asked of the system, in bytes; its own sizes where `undefined`. */
  readonly receiveBufferBytes: number | undefined
  readonly sendBufferBytes: number | undefined
}

/** What a socket notifies. */
export interface UdpSocketPorts {
  /** A datagram has arrived; its bytes belong to the receiver. */
  received(bytes: Buffer, address: string, port: number): void
  /** The system has reported a failure; the socket stays open. */
  failed(error: RivuletError): void
}

/** The sizes of the buffers of the system, in bytes, as the system gives them: Linux doubles them for its own needs. */
export interface UdpBufferSizes {
  readonly receiveBufferBytes: number
  readonly sendBufferBytes: number
}

const codes: Readonly<Record<string, ErrorCode>> = {
  EMFILE: 'RIVULET_TOO_MANY_SOCKETS',
  ENFILE: 'RIVULET_TOO_MANY_SOCKETS',
  EINVAL: 'RIVULET_INVALID_ENDPOINT',
}

/** A bound socket. */
export class UdpSocket {
  /** Where it is bound, the wildcard resolved. */
  readonly endpoint: string
  readonly family: IpFamily
  readonly #socket: Socket
  readonly #released: Promise<void>
  #isClosed = false

  /**
   * Opens and binds a socket.
   *
   * @error RIVULET_BIND_FAILED, RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS
   */
  static async open(at: UdpEndpoint, settings: UdpSocketSettings, ports: UdpSocketPorts): Promise<UdpSocket> {
    const family = at.family ?? 4
    const options: SocketOptions & { ipv6Only: boolean } = {
      type: family === 4 ? 'udp4' : 'udp6',
      reuseAddr: settings.reuseAddress,
      ipv6Only: family === 6,
      // names are resolved before: a look-up for each datagram would cost a turn of the loop
      lookup: ((host: string, _options: unknown, done: (error: null, address: string, family: IpFamily) => void) =>
        done(null, host, family)) as unknown as NonNullable<SocketOptions['lookup']>,
    }
    const socket = createSocket(options)
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject)
        socket.bind({ address: at.host, port: at.port }, () => {
          socket.off('error', reject)
          resolve()
        })
      })
    } catch (cause) {
      socket.close()
      const code = codes[errnoOf(cause)] ?? 'RIVULET_BIND_FAILED'
      const text = `${settings.subject}: cannot bind ${at.address}: ${(cause as Error).message}`
      throw new RivuletError(code, text, { cause })
    }
    return new UdpSocket(socket, family, settings, ports)
  }

  private constructor(socket: Socket, family: IpFamily, settings: UdpSocketSettings, ports: UdpSocketPorts) {
    this.#socket = socket
    this.family = family
    const { address, port } = socket.address()
    this.endpoint = udpAddress(address, port)
    this.#released = new Promise((resolve) => socket.once('close', resolve))
    const failed = (what: string, cause: Error) => {
      const text = `${settings.subject}: ${what} of ${this.endpoint}: ${cause.message}`
      ports.failed(new RivuletError('RIVULET_TRANSPORT_FAILED', text, { cause }))
    }
    socket.on('error', (cause) => failed('cannot receive', cause))
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => ports.received(bytes, from.address, from.port))
    if (settings.broadcast && family === 4) socket.setBroadcast(true)
    const { receiveBufferBytes, sendBufferBytes } = settings
    try {
      if (receiveBufferBytes !== undefined) socket.setRecvBufferSize(receiveBufferBytes)
      if (sendBufferBytes !== undefined) socket.setSendBufferSize(sendBufferBytes)
    } catch (cause) {
      failed('cannot set the buffers', cause as Error)
    }
  }

  /** What the system has given. */
  get bufferSizes(): UdpBufferSizes {
    const socket = this.#socket
    return { receiveBufferBytes: socket.getRecvBufferSize(), sendBufferBytes: socket.getSendBufferSize() }
  }

  /**
   * Sends a datagram to an address, which is no name.
   *
   * @param done - Called in a later job when the system has taken the datagram, or with why not; not after `close`.
   */
  send(bytes: Buffer, port: number, address: string, done: (error: Error | null) => void): void {
    this.#socket.send(bytes, port, address, done)
  }

  /** How datagrams to groups leave: over how many routers, and whether this machine receives them, too. */
  setMulticast(ttl: number, loopback: boolean): void {
    this.#socket.setMulticastTTL(ttl)
    this.#socket.setMulticastLoopback(loopback)
  }

  /** Sends to groups by an interface. Throws what the system says. */
  setMulticastInterface(scope: string): void {
    this.#socket.setMulticastInterface(scope)
  }

  /** Joins a group on an interface. Throws what the system says, EADDRINUSE if it has joined already. */
  join(group: string, scope: string): void {
    this.#socket.addMembership(group, scope)
  }

  /** Leaves a group on an interface. Throws what the system says. */
  leave(group: string, scope: string): void {
    this.#socket.dropMembership(group, scope)
  }

  /** Closes it; resolves when the address is free. What the system has not taken yet is dropped. */
  close(): Promise<void> {
    if (!this.#isClosed) this.#socket.close()
    this.#isClosed = true
    return this.#released
  }

  /** Keeps the process alive while it is open, which is the default. */
  ref(): void {
    if (!this.#isClosed) this.#socket.ref()
  }

  /** Lets the process exit although it is open. */
  unref(): void {
    if (!this.#isClosed) this.#socket.unref()
  }
}
