/** The connecting side of byte streams: one connection, made once. */
import { RivuletError } from '../../../src/errors/index.js'
import { waitFor } from '../../../src/lifecycle/index.js'
import { dial, type StreamTls } from '../../../src/net/index.js'
import type { ResourceMaker } from '../../../src/resource/index.js'
import { defaultRuntime } from '../../../src/runtime/index.js'
import { ConnectionResource } from './connection.js'
import type { StreamConnection } from './connection-contract.js'
import { streamEndpoint } from './endpoint-check.js'
import type { Framing } from './framing.js'
import { type ConnectStreamOptions, type ResolvedConnectOptions, resolveConnectOptions } from './options.js'

/**
 * Connects to a listener of byte streams, or to any other program that speaks the same framing.
 *
 * Resolves when the connection is open. It ends once; {@link reconnectStream} connects again.
 *
 * @param options - `connect`, and `schema` or `framing`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_CONNECTION_REFUSED if nobody listens, RIVULET_NAME_NOT_FOUND,
 * RIVULET_TIMEOUT, RIVULET_TRANSPORT_FAILED, RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED, RIVULET_CLOSED if the runtime is closed;
 * with `tls` RIVULET_TLS_FILE, RIVULET_TLS_REFUSED, RIVULET_SECURITY_MISMATCH, and RIVULET_CERTIFICATE_… with the reason
 * @example
 * ```ts compile-only
 * import { connectStream, lines } from 'rivulet/socket'
 *
 * await using connection = await connectStream({ framing: lines(), connect: 'tcp://127.0.0.1:7000' })
 * await connection.send('subscribe quotes')
 * for await (const line of connection.messages) console.log(line)
 * ```
 */
export async function connectStream<In, Out = In>(
  options: ConnectStreamOptions<In, Out>,
): Promise<StreamConnection<In, Out>> {
  const resolved = resolveConnectOptions('connectStream', options)
  const tls = resolved.tls && (await import('./client-tls.js')).clientTls('connectStream', resolved)
  return openConnection<In, Out>('connectStream', resolved, resolved.signal, tls)
}

/** Opens one connection as the options say. */
export async function openConnection<In, Out>(
  subject: string,
  options: ResolvedConnectOptions,
  signal: AbortSignal | undefined,
  tls?: StreamTls,
  maker?: ResourceMaker,
): Promise<ConnectionResource<In, Out>> {
  const { address } = streamEndpoint(options.connect, 'connect')
  const { connectTimeoutMs, runtime = defaultRuntime() } = options
  const closed = (cause?: unknown) =>
    new RivuletError('RIVULET_CLOSED', `${subject}: the runtime is ${runtime.status}`, { cause })
  if (runtime.status !== 'open') throw closed()
  const { clock } = runtime
  const startedAt = clock.now()
  // before the socket is there: nobody would see how it ends while its framing is loaded
  const framing = options.framing instanceof Promise ? await options.framing : options.framing
  const dialing = dial(address, { subject, clock, connectTimeoutMs, signal, tls })
  // the other side may have closed with the same runtime: that is not why it came to nothing
  const failed = (error: unknown) => (runtime.status === 'open' || signal?.aborted ? error : closed(error))
  const socket = await dialing.catch((error: unknown) => Promise.reject(failed(error)))
  const connection = new ConnectionResource<In, Out>(socket, {
    ...options,
    runtime,
    framing: framing as unknown as Framing<In, Out>,
    side: 'connect',
    maker,
  })
  const timeoutMs = Math.max(0, connectTimeoutMs - (clock.now() - startedAt))
  try {
    return await waitFor(`${subject}: ${address}`, connection.start(), clock, { timeoutMs })
  } catch (error) {
    await connection.close({ drain: false })
    throw failed(error)
  }
}
