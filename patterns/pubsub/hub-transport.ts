/**
 * What the messages of a hub go over: the sockets of both sides, as one transport.
 *
 * It moves no messages.
 */
import { merge, type Observable } from 'rxjs'
import type { ResourceScope, Transport } from '../../src/resource/index.js'
import { PartLinks } from '../../src/resource/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import {
  type OneWaySocket,
  RenewableSocket,
  SocketSet,
  type SocketSetOptions,
  type SocketSettings,
} from '../../src/socket/index.js'
import type { HubSide } from './hub-api.js'

/** One socket of a hub. */
export class HubSocket {
  readonly links: PartLinks
  readonly sockets: SocketSet
  readonly #socket: RenewableSocket
  /** Where it connects at first, for messages. */
  readonly address: string

  constructor(
    scope: ResourceScope,
    options: SocketSetOptions,
    settings: SocketSettings,
    ports: { onFrame(parts: readonly Buffer[]): void; onLost(messages: number): void },
  ) {
    const { clock } = scope.runtime
    this.links = new PartLinks(scope.links, clock)
    this.sockets = new SocketSet({ ...scope, links: this.links }, options)
    this.#socket = new RenewableSocket(this.sockets, options.bind, settings, { ...ports, clock, report: scope.report })
    this.address = this.sockets.address
  }

  /** The native socket; to be asked for when this is open. */
  get current(): OneWaySocket {
    return this.#socket.current as OneWaySocket
  }

  open(): Promise<void> {
    return this.#socket.open()
  }

  renew(): Promise<void> {
    return this.#socket.renew()
  }
}

/** The sockets of a hub. */
export class HubTransport implements Transport {
  readonly #above: readonly HubSocket[]
  readonly #below: HubSocket
  readonly #all: readonly SocketSet[]

  constructor(above: readonly HubSocket[], below: HubSocket) {
    this.#above = above
    this.#below = below
    this.#all = [...above, below].map(({ sockets }) => sockets)
  }

  /** The side of the publishers. */
  get publishers(): HubSide {
    return sideOf(this.#above)
  }

  /** The side of the subscribers. */
  get subscribers(): HubSide {
    return sideOf([this.#below])
  }

  get address(): string {
    return this.endpoints[0] ?? this.#all.find(({ address }) => address !== '')?.address ?? ''
  }

  get endpoints(): readonly string[] {
    return this.#all.flatMap(({ endpoints }) => endpoints)
  }

  get publicKey(): string | undefined {
    return this.#all.find(({ publicKey }) => publicKey !== undefined)?.publicKey
  }

  get securityEvents(): Observable<SecurityEvent> | undefined {
    const events = this.#all.flatMap(({ securityEvents }) => securityEvents ?? [])
    return events.length === 0 ? undefined : merge(...events)
  }

  close(lingerMs: number): { readonly left: number; readonly released: Promise<unknown> } {
    const closed = this.#all.map((one) => one.close(lingerMs))
    // what is left above are subscriptions
    return { left: closed.at(-1)?.left ?? 0, released: Promise.all(closed.map(({ released }) => released)) }
  }

  ref(): void {
    for (const one of this.#all) one.ref()
  }

  unref(): void {
    for (const one of this.#all) one.unref()
  }

  isConnectedTo(endpoints: readonly string[], isSameRuntime: boolean): boolean {
    return this.#all.some((one) => one.isConnectedTo(endpoints, isSameRuntime))
  }

  /** Whether this hub sends to another one. */
  sendsTo(other: HubTransport, isSameRuntime: boolean): boolean {
    if (this.#below.sockets.isConnectedTo(other.publishers.endpoints, isSameRuntime)) return true
    return other.#above.some(({ sockets }) => sockets.isConnectedTo(this.subscribers.endpoints, isSameRuntime))
  }
}

function sideOf(sockets: readonly HubSocket[]): HubSide {
  return {
    get endpoint() {
      return this.endpoints[0] ?? ''
    },
    get endpoints() {
      return sockets.flatMap((one) => one.sockets.endpoints)
    },
    get publicKey() {
      return sockets.find((one) => one.sockets.publicKey !== undefined)?.sockets.publicKey
    },
    get connected() {
      return sockets.reduce((sum, { links }) => sum + links.connected, 0)
    },
  }
}
