/** What a socket is made of. */
import type { RivuletError } from '../errors/index.js'
import type { Links } from '../resource/index.js'
import type { Runtime } from '../runtime/index.js'
import type { ConnectEndpoint } from './connect-endpoint.js'
import type { SocketSecurity } from './curve.js'
import type { NativeSettings } from './native.js'

/** What a resource shares with each of its sockets. */
export interface SocketEnvironment {
  /** Names the resource in messages, for example `push`. */
  readonly name: string
  readonly runtime: Runtime
  /** The links of the resource. */
  readonly links: Links
  /** Whether it may bind where other machines reach it. */
  readonly insecure: boolean
  readonly security?: SocketSecurity | undefined
  /** Takes failures that no caller waits for. */
  readonly onError: (error: RivuletError) => void
}

/** What a socket is made of. */
export interface SocketConfig extends SocketEnvironment, Omit<NativeSettings, 'ipv6' | 'isBound' | 'securedDomain'> {
  readonly bind: readonly string[]
  readonly connect: readonly ConnectEndpoint[]
}
