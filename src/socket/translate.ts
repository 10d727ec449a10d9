/**
 * The one place where errors of zeromq.js become errors of Rivulet.
 */
import { type ErrorCode, errnoOf, RivuletError } from '../errors/index.js'

const codes: Readonly<Record<string, ErrorCode>> = {
  EMFILE: 'RIVULET_TOO_MANY_SOCKETS',
  EADDRINUSE: 'RIVULET_BIND_FAILED',
  EADDRNOTAVAIL: 'RIVULET_BIND_FAILED',
  EACCES: 'RIVULET_BIND_FAILED',
  ENODEV: 'RIVULET_BIND_FAILED',
  ENOENT: 'RIVULET_BIND_FAILED',
  EINVAL: 'RIVULET_INVALID_ENDPOINT',
  EPROTONOSUPPORT: 'RIVULET_INVALID_ENDPOINT',
  ENOTDIR: 'RIVULET_BIND_FAILED',
}

/** How the end of a connection by its peer looks, in the middle of the handshake. */
const ends: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'EOF'])

/** Whether a handshake has failed since the peer ended the connection, without a word. */
export function isPeerGone(error: Error | undefined): boolean {
  return ends.has(errnoOf(error))
}

/** What is reported of that. */
export const peerIsGone = 'the peer ended it in the middle of the handshake'

/**
 * Translates a native error.
 *
 * @param action - What was tried, for example `cannot bind tcp://127.0.0.1:80`.
 * @param otherwise - The code where the native error does not decide it.
 */
export function translate(
  action: string,
  error: unknown,
  otherwise: ErrorCode = 'RIVULET_TRANSPORT_FAILED',
): RivuletError {
  const code = codes[errnoOf(error)] ?? otherwise
  const reason = error instanceof Error ? error.message : String(error)
  return new RivuletError(code, `${action}: ${reason}`, { cause: error })
}
