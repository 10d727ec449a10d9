/**
 * The sockets of one datagram resource: those that are bound, which send and receive, and that of its group, which receives.
 *
 * The group has a socket of its own: the system gives it only what is sent to the group, and several processes may have one.
 */
import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { errnoOf, RivuletError } from '../../../src/errors/index.js'
import {
  type IpFamily,
  MulticastGroup,
  parseUdpEndpoint,
  type UdpBufferSizes,
  type UdpEndpoint,
  UdpSocket,
  type UdpSocketSettings,
} from '../../../src/net/index.js'
import type { ResourceScope, Transport } from '../../../src/resource/index.js'
import type { Target } from './datagram-outbox.js'
import type { ResolvedDatagramOptions, ResolvedMulticast } from './options.js'
import { SocketLinks } from './socket-links.js'

/** What the transport needs of its resource. */
export interface DatagramTransportPorts {
  received(bytes: Buffer, address: string, port: number): void
  /** Closes the outbox; returns how many messages were in it. */
  stop(): number
  /** Whether the resource sends to one of these endpoints. */
  sendsTo(endpoints: readonly string[]): boolean
}

/** Where no socket is bound: any address, and a port of the system. */
const anywhere: Readonly<Record<IpFamily, string>> = { 4: 'udp://0.0.0.0:*', 6: 'udp://[::]:*' }

/** Failures that say that there is no way to a group by the interface that the system has chosen. */
const unroutable = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'ENODEV', 'EADDRNOTAVAIL'])

/** The sockets of one resource. */
export class DatagramTransport implements Transport {
  readonly #options: ResolvedDatagramOptions
  readonly #scope: ResourceScope
  readonly #ports: DatagramTransportPorts
  /** Those that send. */
  readonly #sockets: UdpSocket[] = []
  readonly #all: { readonly socket: UdpSocket; readonly links: SocketLinks | undefined }[] = []
  #groupSocket: UdpSocket | undefined
  #group: MulticastGroup | undefined
  #isReferenced = true
  /** Whether another interface may be taken for groups where the system finds no way. */
  #systemChooses = false

  constructor(options: ResolvedDatagramOptions, scope: ResourceScope, ports: DatagramTransportPorts) {
    this.#options = options
    this.#scope = scope
    this.#ports = ports
  }

  get address(): string {
    return this.endpoints[0] ?? ''
  }

  get endpoints(): readonly string[] {
    return this.#sockets.map(({ endpoint }) => endpoint)
  }

  /** What the system has given the first socket; 0 while there is none. */
  get bufferSizes(): UdpBufferSizes {
    return this.#sizes
  }

  #sizes: UdpBufferSizes = { receiveBufferBytes: 0, sendBufferBytes: 0 }

  async open(): Promise<void> {
    const { bind, multicast } = this.#options
    for (const endpoint of bind) await this.#bind(endpoint)
    if (bind.length === 0) await this.#bindAnywhere()
    if (multicast !== undefined) await this.#join(multicast)
    this.#sizes = (this.#groupSocket ?? (this.#sockets[0] as UdpSocket)).bufferSizes
  }

  close(): { readonly left: number; readonly released: Promise<unknown> } {
    const left = this.#ports.stop()
    this.#group?.stop()
    return { left, released: Promise.all(this.#all.splice(0).map(({ socket }) => socket.close())) }
  }

  ref(): void {
    this.#isReferenced = true
    for (const { socket } of this.#all) socket.ref()
  }

  unref(): void {
    this.#isReferenced = false
    for (const { socket } of this.#all) socket.unref()
  }

  isConnectedTo(endpoints: readonly string[]): boolean {
    return this.#ports.sendsTo(endpoints)
  }

  /**
   * Returns the way to an address; resolves to that of a name.
   *
   * @throws RIVULET_INVALID_ENDPOINT where no socket has its version of IP.
   * @error RIVULET_NAME_NOT_FOUND
   */
  route(endpoint: UdpEndpoint): Target | Promise<Target> {
    const { family, host, port } = endpoint
    return family === undefined ? this.#resolve(endpoint) : this.#way(endpoint, host, family, port)
  }

  async #resolve(endpoint: UdpEndpoint): Promise<Target> {
    const [first, second] = this.#sockets.map(({ family }) => family)
    try {
      const { address, family } = await lookup(endpoint.host, second === undefined ? { family: first ?? 0 } : {})
      return this.#way(endpoint, address, family as IpFamily, endpoint.port)
    } catch (cause) {
      const text = `${this.#scope.name()}: cannot resolve ${endpoint.host}: ${(cause as Error).message}`
      throw new RivuletError('RIVULET_NAME_NOT_FOUND', text, { cause })
    }
  }

  #way({ multicast, address }: UdpEndpoint, host: string, family: IpFamily, port: number): Target {
    const socket = this.#sockets.find((one) => one.family === family)
    if (socket === undefined) {
      const text = `cannot send to ${address}: no socket of IPv${family} is bound; bind one, or leave bind out`
      throw new RivuletError('RIVULET_INVALID_ENDPOINT', text)
    }
    const send = (bytes: Buffer, done: (error: Error | null) => void) => socket.send(bytes, port, host, done)
    if (!multicast) return { send }
    return {
      send: (bytes, done) =>
        send(bytes, (error) => {
          if (error !== null && this.#choosesAnother(socket, error)) send(bytes, done)
          else done(error)
        }),
    }
  }

  /** Where the system has no way to groups, takes the first interface that has joined; tells whether that is another one. */
  #choosesAnother(socket: UdpSocket, error: Error): boolean {
    const scope = this.#group?.outwardScope
    if (!this.#systemChooses || scope === undefined || !unroutable.has(errnoOf(error))) return false
    this.#systemChooses = false
    this.#sendBy(socket, scope)
    return true
  }

  async #bind(endpoint: UdpEndpoint): Promise<UdpSocket> {
    const socket = await this.#open(endpoint, false)
    this.#sockets.push(socket)
    return socket
  }

  async #bindAnywhere(): Promise<void> {
    const { to, multicast } = this.#options
    const family = to?.family ?? multicast?.group.family
    if (family !== undefined) {
      await this.#bind(parseUdpEndpoint(anywhere[family], 'bind'))
      return
    }
    await this.#bind(parseUdpEndpoint(anywhere[4], 'bind'))
    // machines without IPv6 do without
    await this.#bind(parseUdpEndpoint(anywhere[6], 'bind')).catch(() => {})
  }

  async #join({ group, interfaces, ttl, loopback }: ResolvedMulticast): Promise<void> {
    const family = group.family as IpFamily
    const known = this.#sockets.find((one) => one.family === family)
    const sender = known ?? (await this.#bind(parseUdpEndpoint(anywhere[family], 'bind')))
    sender.setMulticast(ttl, loopback)
    // Windows binds no groups
    const host = process.platform === 'win32' ? (family === 4 ? '0.0.0.0' : '::') : group.host
    const socket = await this.#open({ ...group, host }, true)
    this.#groupSocket = socket
    const links = this.#scope.links.add((changed) => new SocketLinks(group.address, changed))
    this.#group = new MulticastGroup(group.host, family, interfaces, {
      clock: this.#scope.runtime.clock,
      interfaces: networkInterfaces,
      join: (scope) => socket.join(group.host, scope),
      leave: (scope) => socket.leave(group.host, scope),
      joined: () => {
        // what this side sends by may be another interface now
        this.#systemChooses = interfaces.length === 0
        links.up()
      },
      first: (scope) => {
        if (interfaces.length > 0) this.#sendBy(sender, scope)
      },
      left: (_, error) => {
        links.down(error)
        this.#scope.report(error)
      },
      failed: (error) => this.#scope.report(error),
    })
    this.#group.start()
  }

  #sendBy(socket: UdpSocket, scope: string): void {
    try {
      socket.setMulticastInterface(scope)
    } catch (cause) {
      const text = `${this.#scope.name()}: cannot send to groups by ${scope}: ${(cause as Error).message}`
      this.#scope.report(new RivuletError('RIVULET_TRANSPORT_FAILED', text, { cause }))
    }
  }

  async #open(endpoint: UdpEndpoint, isGroup: boolean): Promise<UdpSocket> {
    const { broadcast, receiveBufferBytes, sendBufferBytes } = this.#options
    const settings: UdpSocketSettings = {
      subject: this.#scope.kind,
      reuseAddress: isGroup,
      broadcast,
      receiveBufferBytes,
      sendBufferBytes,
    }
    const socket = await UdpSocket.open(endpoint, settings, {
      received: this.#ports.received,
      failed: (error) => this.#scope.report(error),
    })
    if (!this.#isReferenced) socket.unref()
    const links = isGroup ? undefined : this.#scope.links.add((changed) => new SocketLinks(socket.endpoint, changed))
    links?.up()
    this.#all.push({ socket, links })
    return socket
  }
}
