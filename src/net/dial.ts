/**
 * Opens one connection of byte streams, or says why it cannot.
 *
 * It tries once; waiting and trying again are those of its user.
 */
import { connect, type Socket } from 'node:net'
import type { Clock } from '../clock/index.js'
import { type ErrorCode, errnoOf, RivuletError } from '../errors/index.js'
import { abortedError, onAbort } from '../lifecycle/index.js'
import { socketAddress } from './socket-address.js'
import { type AgreedSocket, StreamSocket, type StreamTls } from './stream-socket.js'

/** How a connection is opened. */
export interface DialSettings {
  /** Names the caller, for messages: `connectStream`. */
  readonly subject: string
  readonly clock: Clock
  /** How long all of it may take, in milliseconds: the name, the connection, TLS. */
  readonly connectTimeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly tls: StreamTls | undefined
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'RIVULET_CONNECTION_REFUSED',
  ENOENT: 'RIVULET_CONNECTION_REFUSED', // no socket at the path
  ENOTSOCK: 'RIVULET_CONNECTION_REFUSED',
  EAGAIN: 'RIVULET_CONNECTION_REFUSED', // the queue of a Unix-domain listener is full
  ENOTFOUND: 'RIVULET_NAME_NOT_FOUND',
  EAI_AGAIN: 'RIVULET_NAME_NOT_FOUND',
  EAI_NODATA: 'RIVULET_NAME_NOT_FOUND',
  EAI_NONAME: 'RIVULET_NAME_NOT_FOUND',
  ETIMEDOUT: 'RIVULET_TIMEOUT',
  EMFILE: 'RIVULET_TOO_MANY_SOCKETS',
  ENFILE: 'RIVULET_TOO_MANY_SOCKETS',
}

/**
 * Opens a connection to an endpoint, `tcp://host:port` or `ipc://path`.
 *
 * @error RIVULET_CONNECTION_REFUSED, RIVULET_NAME_NOT_FOUND, RIVULET_TIMEOUT, RIVULET_ABORTED, RIVULET_TOO_MANY_SOCKETS,
 * RIVULET_TRANSPORT_FAILED, and those of TLS
 */
export function dial(endpoint: string, settings: DialSettings): Promise<StreamSocket> {
  const { subject, clock, connectTimeoutMs, signal, tls } = settings
  const { host, port, path } = socketAddress(endpoint)
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortedError(subject, signal))
      return
    }
    const socket: Socket =
      path === undefined
        ? connect({ host, port: port as number, allowHalfOpen: true, autoSelectFamily: true })
        : connect({ path, allowHalfOpen: true })
    const settle = () => {
      timer?.cancel()
      forgetSignal()
      socket.off('error', refused)
    }
    const fail = (error: RivuletError) => {
      settle()
      socket.on('error', () => {}) // it has failed already
      socket.destroy()
      reject(error)
    }
    const refused = (cause: Error) => {
      const code = codes[errnoOf(cause)] ?? codes[errnoOf(firstOf(cause))] ?? 'RIVULET_TRANSPORT_FAILED'
      fail(new RivuletError(code, `${subject}: cannot connect ${endpoint}: ${reasonOf(cause)}`, { cause }))
    }
    const agreed = (made: AgreedSocket) => {
      settle()
      resolve(new StreamSocket(made, path === undefined ? '' : endpoint, 'connect'))
    }
    socket.on('error', refused)
    const forgetSignal = onAbort(signal, () => fail(abortedError(subject, signal as AbortSignal)))
    const timer = Number.isFinite(connectTimeoutMs)
      ? clock.setTimer(
          () => fail(new RivuletError('RIVULET_TIMEOUT', `${subject}: ${endpoint} not within ${connectTimeoutMs} ms`)),
          connectTimeoutMs,
        )
      : undefined
    if (tls === undefined) socket.pause() // before it is connected: it reads nothing
    socket.once('connect', () => {
      if (tls === undefined) agreed({ socket, identity: undefined })
      else tls.secure(socket, host).then(agreed, fail)
    })
  })
}

/** Of a name with several addresses, all of which failed, the first failure. */
function firstOf(cause: Error): unknown {
  return cause instanceof AggregateError ? cause.errors[0] : undefined
}

function reasonOf(cause: Error): string {
  return cause instanceof AggregateError ? cause.errors.map((error: Error) => error.message).join('; ') : cause.message
}
