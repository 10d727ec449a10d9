/**
 * CURVE on native sockets (RFC 26/CurveZMQ): which keys the next `bind` or `connect` has. Over inproc it has no effect.
 *
 * Who is admitted is decided by a guard: `zap-handler.ts`.
 */
import type { KeyPair, SecurityGuard } from '../security/index.js'
import { withoutWarning } from './late-options.js'
import type { NativeSocket } from './native.js'

/** How the sockets of a resource are secured. */
export interface SocketSecurity {
  readonly keyPair: KeyPair
  /** Who is admitted; needed with `bind`. */
  readonly guard: SecurityGuard | undefined
}

/**
 * Makes what a socket binds next a server of CURVE.
 *
 * libzmq copies the options when it binds, so that the same socket may connect with others. What it serves only binds:
 * where a server connected, a refusal would abort the process (libzmq #3059).
 */
export function bindWithCurve(socket: NativeSocket, { publicKey, secretKey }: KeyPair): void {
  const keys = { curvePublicKey: publicKey, curveSecretKey: secretKey, curveServer: true }
  withoutWarning(() => Object.assign(socket, keys))
}

/** Makes what a socket connects to next a server of CURVE with this key; libzmq copies the options when it connects. */
export function connectWithCurve(socket: NativeSocket, { publicKey, secretKey }: KeyPair, serverKey: string): void {
  const keys = { curvePublicKey: publicKey, curveSecretKey: secretKey, curveServerKey: serverKey }
  withoutWarning(() => Object.assign(socket, keys))
}
