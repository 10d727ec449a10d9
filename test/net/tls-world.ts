/** A bound and a connecting side of TLS, without resources: what each of them learns of the other. */
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { systemClock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { dial, parseEndpoint, StreamServer, type StreamSocket } from '../../src/net/index.js'
import { resolveTls, TlsAcceptor, TlsDialer } from '../../src/net/tls.js'

/** What was observed at one side, in order: `open`, `data …`, `end`, or the code with which it failed. */
export type Seen = string[]

/** How one connection of a server went. */
export interface Accepted {
  readonly socket: StreamSocket
  readonly seen: Seen
}

/** A server with TLS. */
export interface TlsServer {
  readonly endpoint: string
  readonly port: number
  readonly accepted: Accepted[]
  /** Why connections were refused. */
  readonly refused: RivuletError[]
  /** What is wrong with its files. */
  readonly reports: RivuletError[]
  readonly server: StreamServer
}

/** Binds a server with TLS, which answers what it receives, and closes its half when the peer has. */
export async function serve(t: Test, tls: object): Promise<TlsServer> {
  const accepted: Accepted[] = []
  const refused: RivuletError[] = []
  const reports: RivuletError[] = []
  const acceptor = new TlsAcceptor('server', resolveTls('server', 'bind', tls), (error) => reports.push(error))
  const settings = { subject: 'server', backlog: 16, tls: acceptor }
  const server = await StreamServer.listen(parseEndpoint('tcp://127.0.0.1:*', 'bind'), settings, {
    admits: () => true,
    accepted: (socket) => accepted.push({ socket, seen: watch(socket, true) }),
    refused: (error) => refused.push(error),
    failed: (error) => t.fail(error.message),
  })
  t.teardown(async () => {
    for (const { socket } of accepted) socket.destroy()
    await server.close()
  })
  return {
    endpoint: server.endpoint,
    port: Number(server.endpoint.split(':').at(-1)),
    accepted,
    refused,
    reports,
    server,
  }
}

/** Connects with TLS; the code of a failure is what was seen then. */
export async function connectTo(
  t: Test,
  endpoint: string,
  tls: object,
): Promise<{ socket?: StreamSocket; seen: Seen }> {
  const dialer = new TlsDialer('client', resolveTls('client', 'connect', tls), (error) => t.fail(error.message))
  const settings = { subject: 'client', clock: systemClock, connectTimeoutMs: 60_000, signal: undefined, tls: dialer }
  try {
    const socket = await dial(endpoint, settings)
    t.teardown(() => socket.destroy())
    return { socket, seen: watch(socket, false) }
  } catch (error) {
    return { seen: [(error as RivuletError).code] }
  }
}

/** A connection without TLS. */
export function plain(t: Test, port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}) // the other side may reset it
  t.teardown(() => socket.destroy())
  return socket
}

function watch(socket: StreamSocket, answers: boolean): Seen {
  const seen: Seen = ['open']
  socket.attach({
    received: (chunk) => {
      seen.push(`data ${chunk}`)
      if (answers) socket.write([Buffer.from(`re: ${chunk}`)], () => {})
    },
    ended: () => {
      seen.push('end')
      if (answers) socket.end()
    },
    closed: (error) => seen.push(error?.code ?? 'closed'),
  })
  socket.read(true)
  return seen
}
