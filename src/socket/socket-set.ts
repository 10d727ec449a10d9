/**
 * The ZeroMQ sockets of one resource: opened one after the other, closed together.
 *
 * It moves no messages. What is opened is decided by the resource, or by the links that use it.
 */

import type { Timer } from '../clock/index.js'
import type { Endpoint } from '../discovery/index.js'
import { RivuletError } from '../errors/index.js'
import { holdProcess } from '../lifecycle/index.js'
import { reaches } from '../net/index.js'
import { SparseReports } from '../observe/index.js'
import { defaults } from '../options/index.js'
import type { ResourceScope, Transport } from '../resource/index.js'
import { type GuardPorts, type KeyPair, SecurityGuard, type SecurityOptions } from '../security/index.js'
import { type ConnectEndpoint, type ConnectOption, isFollowed } from './connect-endpoint.js'
import type { SocketSecurity } from './curve.js'
import { EndpointFeed } from './endpoint-feed.js'
import type { Socket } from './socket.js'
import type { SocketEnvironment } from './socket-config.js'
import { resolveSocketSecurity } from './socket-security.js'

/** Where sockets are bound and connected. */
export interface SocketSetOptions {
  readonly bind: readonly string[]
  readonly connect: ConnectOption
  /** Whether they may bind where other machines reach them. */
  readonly insecure: boolean
  readonly security?: SecurityOptions | undefined
}

/** The sockets of a resource. */
export class SocketSet implements Transport {
  readonly #scope: ResourceScope
  readonly #options: SocketSetOptions
  readonly #security: SocketSecurity | undefined
  readonly #resolve: (endpoint: Endpoint) => ConnectEndpoint
  #connect: readonly ConnectEndpoint[]
  #feed: EndpointFeed | undefined
  /** Opens and closes sockets for another list. */
  #onChange: ((endpoints: readonly ConnectEndpoint[]) => void) | undefined
  readonly #failures: SparseReports
  #retry: Timer | undefined
  #letGo = () => {}
  readonly #sockets: Socket[] = []
  #isShut = false
  #isReferenced = true
  /** A socket that takes the place of another one. */
  renewal: Promise<unknown> = Promise.resolve()

  constructor(scope: ResourceScope, options: SocketSetOptions) {
    this.#scope = scope
    this.#options = options
    const { security, connect, resolve } = resolveSocketSecurity(scope.kind, options)
    this.#connect = connect
    this.#resolve = resolve
    this.#failures = new SparseReports(scope.runtime.clock, (error) => scope.report(error))
    if (security === undefined) return
    const guard = options.bind.length > 0 ? new SecurityGuard(security, guardPorts(scope)) : undefined
    this.#security = { keyPair: security.keyPair, guard }
  }

  /** Where they connect, with the keys that the servers may have; of an observable, its newest list. */
  get connect(): readonly ConnectEndpoint[] {
    return this.#connect
  }

  /** The keys of this side; `undefined` without security. */
  get keyPair(): KeyPair | undefined {
    return this.#security?.keyPair
  }

  /** Who is admitted, and what is observed of it; `undefined` where nothing is bound, or without security. */
  get guard(): SecurityGuard | undefined {
    return this.#security?.guard
  }

  get publicKey(): string | undefined {
    return this.guard?.keyPair.publicKey
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

  /**
   * Follows the observable of endpoints, if there is one, until the sockets are closed.
   *
   * Without an endpoint there is no socket that would keep the process alive.
   *
   * @param onChange - Is given each list, maybe before this returns, and the same again after `failed`.
   */
  follow(onChange: (endpoints: readonly ConnectEndpoint[]) => void): void {
    const { connect } = this.#options
    if (!isFollowed(connect) || this.#isShut) return
    this.#onChange = onChange
    this.#hold()
    const feed = new EndpointFeed(connect, {
      subject: `${this.#scope.kind}: connect`,
      resolve: this.#resolve,
      changed: (endpoints) => {
        this.#connect = endpoints
        onChange(endpoints)
      },
      report: this.#scope.report,
    })
    this.#feed = feed
    if (this.#isShut) feed.stop()
  }

  /** Reports that a socket for an endpoint could not be opened, and has the list applied again later. */
  failed(error: RivuletError): void {
    if (this.#isShut) return
    this.#failures.report(error)
    this.#retry ??= this.#scope.runtime.clock.setTimer(() => {
      this.#retry = undefined
      if (!this.#isShut) this.#onChange?.(this.#connect)
    }, defaults.reconnectMaxMs)
  }

  /**
   * Adds a socket while the resource is open.
   *
   * @error RIVULET_CLOSED if the sockets were closed meanwhile.
   */
  async adopt<Owned extends Socket>(opening: Promise<Owned>): Promise<Owned> {
    const socket = await opening
    if (this.#isShut) {
      socket.close(0)
      throw new RivuletError('RIVULET_CLOSED', `${this.#scope.name()}: closed`)
    }
    this.#sockets.push(socket)
    if (!this.#isReferenced) socket.unref()
    return socket
  }

  /** Closes a socket that is needed no more; what it has handed over may still leave. */
  disown(socket: Socket): void {
    const at = this.#sockets.indexOf(socket)
    if (at >= 0) this.#sockets.splice(at, 1)
    socket.close(defaults.closeTimeoutMs)
  }

  close(lingerMs: number): { readonly left: number; readonly released: Promise<unknown> } {
    this.#isShut = true
    this.#feed?.stop()
    this.#retry?.cancel()
    this.#letGo()
    this.guard?.close()
    const left = this.#sockets.reduce((sum, socket) => sum + socket.close(lingerMs), 0)
    return { left, released: Promise.all([...this.#sockets.map(({ released }) => released), this.renewal]) }
  }

  ref(): void {
    this.#isReferenced = true
    this.#hold()
    for (const socket of this.#sockets) socket.ref()
  }

  unref(): void {
    this.#isReferenced = false
    this.#letGo()
    for (const socket of this.#sockets) socket.unref()
  }

  isConnectedTo(endpoints: readonly string[], isSameRuntime: boolean): boolean {
    const bound = endpoints.filter((endpoint) => isSameRuntime || !endpoint.startsWith('inproc:'))
    // those of sockets that are about to be closed, too
    const targets = [...this.#connect.map(({ address }) => address), ...this.#sockets.flatMap((one) => one.targets)]
    return targets.some((address) => bound.some((one) => reaches(address, one)))
  }

  #hold(): void {
    if (this.#onChange === undefined || this.#isShut || !this.#isReferenced) return
    this.#letGo()
    this.#letGo = holdProcess()
  }
}

function guardPorts({ runtime, name, report }: ResourceScope): GuardPorts {
  return { clock: runtime.clock, resource: name, report }
}
