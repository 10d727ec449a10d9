/**
 * The ZeroMQ sockets of one resource: opened one after the other, closed together.
 *
 * It moves no messages. What is opened is decided by the resource, or by the links that use it.
 */

import type { Endpoint } from '../discovery/index.js'
import { RivuletError } from '../errors/index.js'
import type { ResourceScope, Transport } from '../resource/index.js'
import { type GuardPorts, type KeyPair, SecurityGuard, type SecurityOptions } from '../security/index.js'
import type { ConnectEndpoint } from './connect-endpoint.js'
import type { SocketSecurity } from './curve.js'
import { reaches } from './endpoint.js'
import type { Socket, SocketEnvironment } from './socket.js'
import { resolveSocketSecurity } from './socket-security.js'

/** Where sockets are bound and connected. */
export interface SocketSetOptions {
  readonly bind: readonly string[]
  readonly connect: readonly Endpoint[]
  /** Whether they may bind where other machines reach them. */
  readonly insecure: boolean
  readonly security?: SecurityOptions | undefined
}

/** The sockets of a resource. */
export class SocketSet implements Transport {
  readonly #scope: ResourceScope
  readonly #options: SocketSetOptions
  readonly #security: SocketSecurity | undefined
  /** Where they connect, with the keys that the servers may have. */
  readonly connect: readonly ConnectEndpoint[]
  readonly #sockets: Socket[] = []
  #isShut = false
  #isReferenced = true
  /** A socket that takes the place of another one. */
  renewal: Promise<unknown> = Promise.resolve()

  constructor(scope: ResourceScope, options: SocketSetOptions) {
    this.#scope = scope
    this.#options = options
    const { security, connect } = resolveSocketSecurity(scope.kind, options)
    this.connect = connect
    if (security === undefined) return
    const guard = options.bind.length > 0 ? new SecurityGuard(security, guardPorts(scope)) : undefined
    this.#security = { keyPair: security.keyPair, guard }
  }

  /** The keys of this side; `undefined` without security. */
  get keyPair(): KeyPair | undefined {
    return this.#security?.keyPair
  }

  /** Who is admitted, and what is observed of it; `undefined` where nothing is bound, or without security. */
  get guard(): SecurityGuard | undefined {
    return this.#security?.guard
  }

  get securityEvents(): SecurityGuard['events'] | undefined {
    return this.guard?.events
  }

  get address(): string {
    return this.endpoints[0] ?? this.connect[0]?.address ?? ''
  }

  get endpoints(): readonly string[] {
    return this.#sockets.flatMap(({ endpoints }) => endpoints)
  }

  /** Whether the sockets were closed with the resource. */
  get isShut(): boolean {
    return this.#isShut
  }

  /** What every socket is given. */
  get environment(): SocketEnvironment {
    const { kind, runtime, links, report } = this.#scope
    return { name: kind, runtime, links, insecure: this.#options.insecure, security: this.#security, onError: report }
  }

  /**
   * Adds a socket: it is closed with the resource, also if another one cannot be opened.
   *
   * @param former - The closed socket that it replaces.
   * @error RIVULET_CLOSED if the sockets were closed meanwhile.
   */
  async own<Owned extends Socket>(opening: Promise<Owned>, former?: Socket): Promise<Owned> {
    const socket = await opening
    if (former === undefined) {
      this.#sockets.push(socket)
      return socket
    }
    if (this.#isShut) {
      socket.close(0)
      await socket.released
      throw new RivuletError('RIVULET_CLOSED', `${this.#scope.name()}: closed`)
    }
    this.#sockets.splice(this.#sockets.indexOf(former), 1, socket)
    if (!this.#isReferenced) socket.unref()
    return socket
  }

  close(lingerMs: number): { readonly left: number; readonly released: Promise<unknown> } {
    this.#isShut = true
    this.guard?.close()
    const left = this.#sockets.reduce((sum, socket) => sum + socket.close(lingerMs), 0)
    return { left, released: Promise.all([...this.#sockets.map(({ released }) => released), this.renewal]) }
  }

  ref(): void {
    this.#isReferenced = true
    for (const socket of this.#sockets) socket.ref()
  }

  unref(): void {
    this.#isReferenced = false
    for (const socket of this.#sockets) socket.unref()
  }

  isConnectedTo(endpoints: readonly string[], isSameRuntime: boolean): boolean {
    const bound = endpoints.filter((endpoint) => isSameRuntime || !endpoint.startsWith('inproc:'))
    return this.connect.some(({ address }) => bound.some((one) => reaches(address, one)))
  }
}

function guardPorts({ runtime, name, report }: ResourceScope): GuardPorts {
  return { clock: runtime.clock, resource: name, report }
}
