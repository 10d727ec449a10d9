/**
 * The owner of one native socket: opens, reads, watches its links, and closes.
 *
 * It moves frames and knows nothing of what is in them. Its kinds send frames and handle those that arrive: `one-way-socket.ts`,
 * `router-socket.ts`, `dealer-socket.ts`. Everything a pattern does with ZeroMQ goes through here, one `receive` at a time.
 */
import { longestTimerMs } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { mustBeFree, mustBeLocal, type ParsedEndpoint, parseEndpoint, restoreFolder } from '../net/index.js'
import { SparseReports } from '../observe/index.js'
import type { EndpointChange, Links } from '../resource/index.js'
import { BoundSecurity } from './bound-security.js'
import type { ConnectEndpoint } from './connect-endpoint.js'
import { Connector } from './connector.js'
import { addEndpoint, type EndpointLinks, findEndpoint } from './endpoint-links.js'
import { linkInproc } from './inproc-links.js'
import { ListenerGuard } from './listener-guard.js'
import { type Monitor, monitored } from './monitor.js'
import { allowIpv6, createNative, type MonitorEvent, type NativeSocket } from './native.js'
import { reserveSocket } from './native-context.js'
import { ReadLoop } from './read-loop.js'
import type { SocketConfig } from './socket-config.js'
import { translate } from './translate.js'
import { uninterrupted } from './try-again.js'

/** One native socket, owned. */
export abstract class Socket {
  /** Where the socket is bound, wildcards resolved. */
  readonly endpoints: string[] = []
  protected readonly native: NativeSocket
  readonly #config: SocketConfig
  readonly #bind: readonly ParsedEndpoint[]
  #connect: readonly ParsedEndpoint[] = []
  readonly #connector: Connector
  /** Who may connect, of a bound socket with security. */
  protected readonly security: BoundSecurity | undefined
  readonly #monitor: Monitor
  readonly #entries: EndpointLinks[] = []
  readonly #leaveInproc = new Map<EndpointLinks, () => void>()
  readonly #guard: ListenerGuard
  readonly #loop: ReadLoop
  /** Events of while an endpoint is being bound, when its links have no name yet: peers may wait for it already. */
  #early: MonitorEvent[] | undefined
  #closed = false
  #released = Promise.resolve()

  /** @throws RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_TOO_MANY_SOCKETS, RIVULET_ADMISSION_UNAVAILABLE */
  protected constructor(config: SocketConfig) {
    this.#config = config
    const { runtime, security } = config
    const { clock } = runtime
    this.#bind = config.bind.map((text) => parseEndpoint(text, 'bind'))
    const connect = config.connect.map(({ address }) => parseEndpoint(address, 'connect'))
    if (!config.insecure && !security) mustBeLocal(config.name, this.#bind)
    const ipv6 = [...this.#bind, ...connect].some((endpoint) => endpoint.ipv6)
    const monitorFailures = new SparseReports(clock, (error) => config.onError(error))
    const isBound = config.bind.length > 0
    let release = () => {}
    try {
      release = reserveSocket(runtime)
      const { keyPair, guard } = (isBound && security) || {}
      if (keyPair && guard) this.security = new BoundSecurity(runtime, keyPair, guard, config.gateName)
      const secured = this.security && { securedDomain: this.security.domain }
      const create = () => createNative(runtime, { ...config, ipv6, isBound, ...secured })
      ;[this.native, this.#monitor] = monitored(create, clock, {
        event: (event) => this.#onMonitorEvent(event),
        failed: (error) => monitorFailures.report(translate(`${this.name}: cannot read the monitor`, error)),
        ended: release,
      })
    } catch (error) {
      release()
      this.security?.close()
      throw error instanceof RivuletError ? error : translate(`${config.name}: cannot make a socket`, error)
    }
    const ports = { clock, native: this.native, keyPair: security?.keyPair, name: () => this.name }
    this.#connector = new Connector({ ...ports, report: (error) => config.onError(error) })
    this.#guard = this.#newGuard()
    this.#loop = new ReadLoop(this.native, clock, {
      message: (parts) => this.onMessage(parts),
      failed: (error) => this.report(`${this.name}: cannot receive`, error),
    })
  }

  /**
   * Binds and connects what the configuration names; closes if that fails.
   *
   * @error RIVULET_BIND_FAILED, RIVULET_TRANSPORT_FAILED
   */
  protected async enter(): Promise<this> {
    try {
      for (const endpoint of this.#bind) await this.#bindTo(endpoint)
      for (const endpoint of this.#config.connect) this.connectTo(endpoint)
    } catch (error) {
      this.close(0)
      await this.released
      throw error
    }
    return this
  }

  /** Takes a message that arrived; must not throw. */
  protected abstract onMessage(parts: readonly Buffer[]): void

  /** Hears of each change of a link before those who watch the resource; must not throw. */
  protected onLinkChange(_change: EndpointChange): void {}

  /** Hears of an event before it is counted. */
  protected onEvent(_type: string): void {}

  /** Whether what was handed over may still leave when the socket is closed. */
  protected abstract readonly lingers: boolean

  /** Whether the connecting side of an inproc name lets go of a binding side that leaves. */
  protected abstract readonly disconnectsWhenPeerUnbinds: boolean

  /** Drops what waits; returns how many messages that were. */
  protected abstract stop(): number

  /** What messages call this socket: its kind and its first endpoint. */
  get name(): string {
    const { name, connect } = this.#config
    return `${name} ${this.endpoints[0] ?? connect[0]?.address ?? ''}`.trimEnd()
  }

  /** Where it connects. */
  get targets(): readonly string[] {
    return this.#connect.map(({ address }) => address)
  }

  /** The links of the resource, of its other sockets, too. */
  get links(): Links {
    return this.#config.links
  }

  /** Reads messages, or stops; one more may still come then. */
  protected read(on: boolean): void {
    this.#loop.wanted = on && !this.#closed
  }

  /** Resolves when what had arrived was read. */
  whenQuiet(): Promise<void> {
    return this.#loop.whenQuiet()
  }

  protected readonly whenEmpty = (callback: () => void): void => this.#loop.whenEmpty(callback)

  /** Whether a read is pending, or one follows. */
  protected get looping(): boolean {
    return this.#loop.running
  }

  protected get closed(): boolean {
    return this.#closed
  }

  /** Keeps the process alive while the socket is open, which is the default. */
  ref(): void {
    this.#refer(true)
    if (!this.#closed) this.#monitor.ref()
  }

  /** Lets the process exit although the socket is open; takes effect within a second. */
  unref(): void {
    this.#refer(false)
    if (!this.#closed) this.#monitor.unref()
  }

  #refer(on: boolean): void {
    if (this.#closed) return
    this.#loop.referenced = on
    if (this.security) this.security.referenced = on
  }

  /** Closes; frames that the library holds may still leave for so long. Returns messages that were not handed over. */
  close(lingerMs: number): number {
    if (this.#closed) return 0
    this.#closed = true
    this.#loop.wanted = false
    const left = this.stop()
    this.#connector.close()
    const isName = (address: string) => address.startsWith('inproc:')
    // closing frees a name later, and until then it would take connections and lose them
    for (const name of this.endpoints.filter(isName)) this.#connector.disconnect(name)
    for (const leave of this.#leaveInproc.values()) leave()
    this.#released = this.#monitor.close(this.endpoints.filter((address) => !isName(address)))
    this.native.linger = this.lingers ? Math.max(0, Math.min(longestTimerMs, Math.round(lingerMs))) : 0
    this.native.close()
    this.security?.close()
    for (const links of this.#entries) this.links.remove(links)
    return left
  }

  /** Resolves when the addresses of a closed socket can be bound again: the library frees them a moment later. */
  get released(): Promise<void> {
    return this.#released
  }

  /** Reports a native failure that no caller waits for. */
  protected report(action: string, error: unknown): void {
    this.#config.onError(translate(action, error))
  }

  /** Gives up the connections of every endpoint that this side connects to, and connects again. */
  protected reconnectAll(): void {
    if (this.#closed) return
    for (const { address } of this.#connect) this.#reconnectTo(address)
  }

  /** Ends the connections of every endpoint that is bound, inproc aside, and binds again. */
  protected rebindAll(): void {
    if (this.#closed) return
    for (const links of this.#entries) {
      if (links.side === 'bind' && !this.#leaveInproc.has(links)) this.#guard.renew(links)
    }
  }

  /**
   * Connects to another endpoint.
   *
   * @throws RIVULET_INVALID_ENDPOINT, RIVULET_TRANSPORT_FAILED
   */
  protected connectTo({ address, serverKeys }: ConnectEndpoint): void {
    const parsed = parseEndpoint(address, 'connect')
    if (parsed.ipv6) allowIpv6(this.native)
    if (parsed.transport !== 'inproc') {
      this.#connector.add(parsed.address, serverKeys)
      this.#connector.connect(parsed.address)
    }
    this.#add(parsed.address, 'connect')
    this.#connect = [...this.#connect, parsed]
  }

  /** Ends a connection between two messages, which XSUB alone reads in part, and calls back; what the library holds is lost. */
  protected disconnectFrom(address: string, done: () => void): void {
    const end = () => {
      const links = this.#connecting(address)
      if (links === undefined || this.#closed) return
      this.#connect = this.#connect.filter((one) => one.address !== address)
      this.#entries.splice(this.#entries.indexOf(links), 1)
      const leave = this.#leaveInproc.get(links)
      this.#leaveInproc.delete(links)
      if (leave) leave()
      else this.#connector.remove(address)
      this.links.remove(links)
      done()
    }
    if (this.#config.kind === 'xsub') this.#loop.betweenMessages(end)
    else end()
  }

  #connecting(address: string): EndpointLinks | undefined {
    return this.#entries.find(({ endpoint, side }) => endpoint === address && side === 'connect')
  }

  async #bindTo(endpoint: ParsedEndpoint): Promise<void> {
    const early: MonitorEvent[] = []
    this.#early = early
    try {
      if (endpoint.transport === 'ipc') {
        const path = endpoint.address.slice('ipc://'.length)
        restoreFolder(path) // of a socket that this one replaces
        await mustBeFree(path)
      }
      this.security?.prepare(this.native)
      await this.native.bind(endpoint.address)
    } catch (error) {
      throw translate(`${this.#config.name}: cannot bind ${endpoint.address}`, error, 'RIVULET_BIND_FAILED')
    } finally {
      this.#early = undefined
    }
    const address = this.native.lastEndpoint ?? endpoint.address
    this.endpoints.push(address)
    this.#add(address, 'bind')
    for (const event of early) this.#onMonitorEvent(event)
  }

  /** The key by which CURVE knows the server at an endpoint; `undefined` without security, and where there is no CURVE. */
  protected serverKeyAt(address: string): string | undefined {
    return address.startsWith('inproc:') ? undefined : this.#connector.serverKey(address)
  }

  #reconnectTo(address: string): void {
    const links = this.#connecting(address)
    const leave = links && this.#leaveInproc.get(links)
    if (!leave) {
      this.#connector.renew(address)
      return
    }
    leave()
    if (!this.#closed) this.#joinInproc(links)
  }

  #newGuard(): ListenerGuard {
    return new ListenerGuard(this.#config.runtime, {
      isClosed: () => this.#closed,
      name: () => this.name,
      unbind: (address) => this.#connector.disconnect(address),
      bind: (address) => {
        this.security?.prepare(this.native)
        uninterrupted(() => this.native.bindSync(address))
      },
      report: (error) => this.#config.onError(error),
    })
  }

  #add(address: string, side: 'bind' | 'connect'): void {
    const { links: all, runtime, security } = this.#config
    const changed = (change: EndpointChange) => {
      if (this.#closed) return
      if (change.state === 'refused' && side === 'bind') this.security?.refused(change.cause?.cause)
      this.onLinkChange(change)
    }
    const links = addEndpoint(all, runtime.clock, address, side, changed, security !== undefined)
    this.#entries.push(links)
    if (side === 'connect') this.#connector.attach(links)
    if (address.startsWith('inproc:')) this.#joinInproc(links)
  }

  #joinInproc(links: EndpointLinks): void {
    const leave = linkInproc(this.#config.runtime, links, {
      disconnectsWhenPeerUnbinds: this.disconnectsWhenPeerUnbinds,
      connect: (address) => this.#connector.connectAgain(address),
      disconnect: (address) => this.#connector.disconnect(address),
    })
    this.#leaveInproc.set(links, leave)
  }

  #onMonitorEvent(event: MonitorEvent): void {
    if (this.#early) {
      this.#early.push(event)
      return
    }
    const { type, address, error } = event
    if (this.#closed || address === undefined) return
    this.onEvent(type)
    const { former } = this.#connector
    const links = former.has(address) ? undefined : findEndpoint(this.#entries, address, former.size > 0)
    if (!links) return
    if (links.side === 'connect') {
      const verdict = this.#connector.event(type, links, error)
      if (verdict === 'refused') links.fail()
      if (verdict !== 'count') return
      // one connection at a time: the former one was given up before its events were read
      if (type === 'connect' && this.#connect.length === 1) links.clear()
    } else if (!this.#guard.event(type, links, error)) return
    links.event(type, error)
  }
}
