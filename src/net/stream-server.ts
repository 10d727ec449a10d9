/**
 * A bound endpoint of byte streams: accepts connections, with TLS where that is used, and hands them out.
 *
 * Whether a connection is wanted is for its user to say, before anything is read of it.
 */
import { mkdtemp, rmdir, unlink } from 'node:fs/promises'
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ErrorCode, errnoOf, RivuletError } from '../errors/index.js'
import type { ParsedEndpoint } from './endpoint.js'
import { mustBeFree } from './ipc-path.js'
import { type SocketAddress, socketAddress } from './socket-address.js'
import { type AgreedSocket, StreamSocket, type StreamTls } from './stream-socket.js'

/** How an endpoint is bound. */
export interface StreamServerSettings {
  /** Names the caller, for messages: `createStreamListener`. */
  readonly subject: string
  /** Connections that the system holds until they are accepted. */
  readonly backlog: number
  readonly tls: StreamTls | undefined
}

/** What a server asks and notifies. */
export interface StreamServerPorts {
  /** Whether there is room for a connection; if not, it is closed at once, and the user has counted that. */
  admits(): boolean
  /** A connection that was admitted has agreed. */
  accepted(socket: StreamSocket): void
  /** A connection that was admitted has not agreed; it came from this address. */
  refused(error: RivuletError, address: string): void
  /** The server cannot accept for now. */
  failed(error: RivuletError): void
}

const codes: Readonly<Record<string, ErrorCode>> = {
  EMFILE: 'RIVULET_TOO_MANY_SOCKETS',
  ENFILE: 'RIVULET_TOO_MANY_SOCKETS',
  EINVAL: 'RIVULET_INVALID_ENDPOINT',
}

/** A bound endpoint. */
export class StreamServer {
  /** Where it is bound, the wildcard resolved. */
  readonly endpoint: string
  readonly #server: Server
  /** The folder of a path that was a wildcard. */
  readonly #folder: string | undefined
  readonly #tls: StreamTls | undefined
  #closing: Promise<void> | undefined

  /**
   * Binds an endpoint.
   *
   * @error RIVULET_BIND_FAILED, RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS
   */
  static async listen(
    { address }: ParsedEndpoint,
    settings: StreamServerSettings,
    ports: StreamServerPorts,
  ): Promise<StreamServer> {
    const { subject, backlog, tls } = settings
    let folder: string | undefined
    try {
      if (address === 'ipc://*') folder = await mkdtemp(join(tmpdir(), 'rivulet-'))
      const bound = folder === undefined ? address : `ipc://${join(folder, 'socket')}`
      // with TLS the handshake reads
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: tls === undefined })
      await listen(server, socketAddress(bound), backlog)
      return new StreamServer(server, bound, folder, settings, ports)
    } catch (cause) {
      if (folder !== undefined) await rmdir(folder).catch(() => {}) // it is empty, or of no use to anybody
      const code = codes[errnoOf(cause)] ?? 'RIVULET_BIND_FAILED'
      throw new RivuletError(code, `${subject}: cannot bind ${address}: ${(cause as Error).message}`, { cause })
    }
  }

  private constructor(
    server: Server,
    bound: string,
    folder: string | undefined,
    { tls }: StreamServerSettings,
    ports: StreamServerPorts,
  ) {
    this.#server = server
    this.#tls = tls
    this.#folder = folder
    this.endpoint = bound.replace(/:(?:\*|0)$/, `:${(server.address() as { port?: number }).port}`)
    const path = bound.startsWith('ipc:') ? bound : ''
    const agreed = (made: AgreedSocket) => ports.accepted(new StreamSocket(made, path, 'bind'))
    server.on('error', (cause) => {
      ports.failed(new RivuletError('RIVULET_TRANSPORT_FAILED', `cannot accept: ${cause.message}`, { cause }))
    })
    server.on('connection', (socket: Socket) => {
      if (!ports.admits()) {
        socket.on('error', () => {}) // the peer may have gone
        socket.destroy()
      } else if (tls === undefined) agreed({ socket, identity: undefined })
      else {
        const { remoteAddress = '' } = socket
        tls.secure(socket, undefined).then(agreed, (error) => ports.refused(error, remoteAddress))
      }
    })
  }

  /** Accepts no more; resolves when the endpoint is free. Its connections stay open. */
  close(): Promise<void> {
    this.#tls?.close?.()
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Keeps the process alive while it is open, which is the default. */
  ref(): void {
    this.#server.ref()
  }

  /** Lets the process exit although it is open. */
  unref(): void {
    this.#server.unref()
  }

  async #close(): Promise<void> {
    // the callback waits for the connections; the endpoint is free at once, and its path is removed
    this.#server.close()
    if (this.#folder !== undefined) await rmdir(this.#folder).catch(() => {}) // somebody has put files there
  }
}

/** Binds; takes the place of a socket file that nobody listens at any more. */
async function listen(server: Server, { host, port, path }: SocketAddress, backlog: number): Promise<void> {
  if (path === undefined) {
    await listening(server, { host, port, backlog })
    return
  }
  if (!path.startsWith('\0')) await mustBeFree(path)
  try {
    await listening(server, { path, backlog })
  } catch (error) {
    if (errnoOf(error) !== 'EADDRINUSE' || path.startsWith('\0')) throw error
    await mustBeFree(path) // another process may have bound it meanwhile
    await unlink(path)
    await listening(server, { path, backlog })
  }
}

function listening(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
