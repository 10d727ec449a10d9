/**
 * The owner of one native socket: opens, reads, writes, watches its links, and closes.
 *
 * It moves frames and knows nothing of what is in them. Everything a pattern does with ZeroMQ goes through here, one
 * `send` and one `receive` at a time.
 */
import { RivuletError } from '../errors/index.js'
import { endTurn, longestTimerMs } from '../lifecycle/index.js'
import type { Runtime } from '../runtime/index.js'
import { type Endpoint, parseEndpoint } from './endpoint.js'
import { joinInproc } from './inproc.js'
import { Links } from './links.js'
import { Monitor } from './monitor.js'
import {
  createNative,
  dropForFullPeers,
  type MonitorEvent,
  type NativeSettings,
  type NativeSocket,
  nativeWaitMs,
} from './native.js'
import { Outbox } from './outbox.js'
import { errnoOf, translate } from './translate.js'
import { Watchdog } from './watchdog.js'

/** How long one turn may read frames before timers and other sockets have theirs, in milliseconds. */
const readSliceMs = 10

/** How often an unreferenced socket is looked at, in milliseconds. */
const unreferencedWaitMs = 5

/** How often a frame that found a full peer is tried again in the next turns, before a timer does that. */
const fullQuickTries = 8

/** How long that timer takes, in milliseconds: libzmq gives a publisher no event when there is room again. */
const fullRetryMs = 1

/** How long a publisher that has waited in vain does not wait again, in milliseconds. */
const impatientMs = 5000

const done = Promise.resolve()
const nothing = () => {}

/** What a socket is made of. */
export interface SocketConfig extends Omit<NativeSettings, 'ipv6'> {
  /** Names the resource in messages, for example `push`. */
  readonly name: string
  readonly runtime: Runtime
  readonly bind: readonly string[]
  readonly connect: readonly string[]
  /** Whether it may bind where other machines reach it. */
  readonly insecure: boolean
  readonly outboxBytes: number
  /** How long a publisher waits for a full subscriber before that one loses frames, in milliseconds; may be infinite. */
  readonly patienceMs: number
  /** Takes each frame that arrives; must not throw. */
  readonly onFrame: (parts: readonly Buffer[]) => void
  /** Takes failures that no caller waits for; `messages` counts those that were lost with it. */
  readonly onError: (error: RivuletError, messages: number) => void
}

/** One native socket, owned. */
export class Socket {
  readonly links: Links
  readonly outbox: Outbox
  /** Where the socket is bound, wildcards resolved. */
  readonly endpoints: string[] = []
  readonly #config: SocketConfig
  readonly #native: NativeSocket
  readonly #monitor: Monitor
  readonly #leaveInproc: (() => void)[] = []
  readonly #watchdog: Watchdog
  /** Until then, on the runtime's clock, a publisher does not wait for peers that are full. */
  #impatientUntil = 0
  #reading = false
  #looping = false
  #referenced = true
  #closed = false
  #released = Promise.resolve()

  /**
   * Opens a socket: every endpoint is bound or being connected when it resolves.
   *
   * @error RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS
   */
  static async open(config: SocketConfig): Promise<Socket> {
    const bind = config.bind.map((text) => parseEndpoint(text, 'bind'))
    const connect = config.connect.map((text) => parseEndpoint(text, 'connect'))
    const exposed = bind.find((endpoint) => !endpoint.local)
    if (exposed && !config.insecure) {
      throw new RivuletError(
        'RIVULET_INSECURE_BIND',
        `${config.name}: ${exposed.address} can be reached from other machines; bind to 127.0.0.1, or say insecure: true`,
      )
    }
    const socket = new Socket(config, [...bind, ...connect])
    try {
      for (const endpoint of bind) await socket.#bind(endpoint)
      for (const endpoint of connect) socket.#connect(endpoint)
    } catch (error) {
      socket.close(0)
      await socket.released
      throw error
    }
    return socket
  }

  private constructor(config: SocketConfig, endpoints: readonly Endpoint[]) {
    this.#config = config
    this.links = new Links(
      () => this.name,
      (error) => config.onError(error, 0),
    )
    this.#watchdog = new Watchdog(config.runtime.clock, (endpoint) => {
      this.#disconnect(endpoint)
      this.#connectAgain(endpoint)
    })
    this.outbox = new Outbox(config.outboxBytes, {
      send: (parts) => this.#send(parts),
      failed: config.onError,
    })
    try {
      this.#native = createNative(config.runtime, { ...config, ipv6: endpoints.some((endpoint) => endpoint.ipv6) })
      this.#monitor = new Monitor(
        this.#native,
        config.runtime.clock,
        (event) => this.#onMonitorEvent(event),
        (error) => config.onError(translate(`${this.name}: cannot read the monitor`, error), 0),
      )
    } catch (error) {
      throw translate(`${config.name}: cannot make a socket`, error)
    }
  }

  /** What messages call this socket: its kind and its first endpoint. */
  get name(): string {
    const { name, connect } = this.#config
    return `${name} ${this.endpoints[0] ?? connect[0] ?? ''}`.trimEnd()
  }

  /** Whether frames are read; one more may still come after it was switched off. */
  set reading(on: boolean) {
    this.#reading = on
    if (on && !this.#looping && !this.#closed) void this.#readLoop()
  }

  /** Keeps the process alive while the socket is open, which is the default. */
  ref(): void {
    if (this.#closed) return
    this.#referenced = true
    if (this.#config.kind === 'push') this.#native.sendTimeout = nativeWaitMs
    this.#monitor.ref()
  }

  /** Lets the process exit although the socket is open; takes effect within a second. */
  unref(): void {
    if (this.#closed) return
    this.#referenced = false
    if (this.#config.kind === 'push') this.#native.sendTimeout = 0
    this.#monitor.unref()
  }

  /** Closes; frames that the library holds may still leave for so long. Returns messages that were not handed over. */
  close(lingerMs: number): number {
    if (this.#closed) return 0
    this.#closed = true
    this.#reading = false
    const left = this.outbox.stop()
    this.#watchdog.close()
    const isName = (address: string) => address.startsWith('inproc:')
    // closing frees a name later, and until then it would take connections and lose them
    for (const name of this.endpoints.filter(isName)) this.#disconnect(name)
    for (const leave of this.#leaveInproc) leave()
    this.#released = this.#monitor.close(this.endpoints.filter((address) => !isName(address)))
    // what a receiver still has to say, to a peer that may never come, is not worth waiting for
    this.#native.linger = this.#sends ? Math.max(0, Math.min(longestTimerMs, Math.round(lingerMs))) : 0
    this.#native.close()
    this.links.close()
    return left
  }

  /** Resolves when the addresses of a closed socket can be bound again: the library frees them a moment later. */
  get released(): Promise<void> {
    return this.#released
  }

  /** Whether messages go out here. */
  get #sends(): boolean {
    return this.#config.kind === 'push' || this.#config.kind === 'xpub'
  }

  async #bind(endpoint: Endpoint): Promise<void> {
    try {
      await this.#native.bind(endpoint.address)
    } catch (error) {
      throw translate(`${this.#config.name}: cannot bind ${endpoint.address}`, error, 'RIVULET_BIND_FAILED')
    }
    const address = this.#native.lastEndpoint ?? endpoint.address
    this.endpoints.push(address)
    this.#enter(endpoint, address, 'bind')
  }

  #connect(endpoint: Endpoint): void {
    if (endpoint.transport !== 'inproc') this.#connectNative(endpoint.address)
    this.#enter(endpoint, endpoint.address, 'connect')
  }

  #connectNative(address: string): void {
    try {
      this.#native.connect(address)
    } catch (error) {
      throw translate(`${this.#config.name}: cannot connect ${address}`, error)
    }
  }

  /** Connects where no caller waits for the outcome. */
  #connectAgain(address: string): void {
    try {
      this.#connectNative(address)
    } catch (error) {
      this.#config.onError(error as RivuletError, 0)
    }
  }

  #disconnect(address: string): void {
    try {
      this.#native.disconnect(address)
    } catch (error) {
      // there may be nothing left to disconnect, or to unbind
      if (errnoOf(error) !== 'ENOENT')
        this.#config.onError(translate(`${this.name}: cannot disconnect ${address}`, error), 0)
    }
  }

  #enter(endpoint: Endpoint, address: string, side: 'bind' | 'connect'): void {
    this.links.add(address, side)
    if (endpoint.transport !== 'inproc') return
    const party = {
      linked: () => {
        // an inproc connection that waits for its binder could never be closed, and libzmq forgets one whose binder has
        // gone: it is made whenever there is a binder
        if (side === 'connect') this.#connectAgain(address)
        this.links.event(side === 'bind' ? 'accept' : 'connect', address)
        this.links.event('handshake', address)
      },
      unlinked: () => {
        // one that receives still has what the other side sent before it left
        if (side === 'connect' && this.#sends) this.#disconnect(address)
        this.links.event('disconnect', address)
      },
    }
    const leave = joinInproc(this.#config.runtime, address, side, party)
    this.#leaveInproc.push(() => {
      // now, and not when the library comes to it: the other side may send to this one until then
      if (side === 'connect') this.#disconnect(address)
      leave()
    })
  }

  #onMonitorEvent(event: MonitorEvent): void {
    if (this.#closed || event.address === undefined) return
    // Reading this property makes the library handle what waits: a socket that is not read would resubscribe too late.
    // Beside a pending operation it must not be read, since that would never hear of what was handled.
    if (event.type === 'handshake' && this.#config.kind === 'xsub' && !this.#looping) void this.#native.readable
    const link = this.links.find(event.address)
    if (link?.side === 'connect') this.#watchdog.event(event.type, link.endpoint)
    this.links.event(event.type, event.address, event.error)
  }

  async #send(parts: Buffer | readonly Buffer[]): Promise<RivuletError | undefined> {
    const { clock } = this.#config.runtime
    let fullSince: number | undefined
    let dropping = false
    for (let tries = 0; ; tries++) {
      try {
        await (dropping ? this.#sendDropping(parts) : this.#native.send(parts))
        return undefined
      } catch (error) {
        if (this.#closed || errnoOf(error) !== 'EAGAIN') return translate(`${this.name}: cannot send`, error)
      }
      if (this.#config.kind === 'push') {
        // it has waited in the library, unless that would keep the process alive
        if (!this.#referenced) await new Promise<void>((resolve) => clock.setTimer(resolve, unreferencedWaitMs))
        continue
      }
      const now = clock.now()
      fullSince ??= now
      const patienceMs = now < this.#impatientUntil ? 0 : this.#config.patienceMs
      if (tries < fullQuickTries) await new Promise(setImmediate)
      else if (now - fullSince >= patienceMs) dropping = true
      else await new Promise<void>((resolve) => clock.setTimer(resolve, fullRetryMs))
    }
  }

  /** Sends a frame that the peers which are full lose, so that the others have it. */
  #sendDropping(parts: Buffer | readonly Buffer[]): Promise<void> {
    this.#impatientUntil = this.#config.runtime.clock.now() + impatientMs
    dropForFullPeers(this.#native, true)
    try {
      return this.#native.send(parts)
    } finally {
      dropForFullPeers(this.#native, false)
    }
  }

  async #readLoop(): Promise<void> {
    const { clock } = this.#config.runtime
    let idle = false
    const becomeIdle = () => {
      idle = true
    }
    this.#looping = true
    let sliceEnd: number | undefined
    while (this.#reading) {
      if (!this.#referenced && !this.#native.readable) {
        await new Promise<void>((resolve) => clock.setTimer(resolve, unreferencedWaitMs))
        continue
      }
      let parts: Buffer[]
      try {
        idle = false
        const receiving = this.#native.receive()
        void done.then(nothing).then(becomeIdle) // which comes first only if the frame is not there yet
        parts = await receiving
      } catch (error) {
        if (errnoOf(error) === 'EAGAIN' && !this.#closed) continue
        if (!this.#closed) this.#config.onError(translate(`${this.name}: cannot receive`, error), 0)
        break
      }
      this.#config.onFrame(parts)
      if (idle) {
        // what a lone frame led to leaves before the next one is asked for, which takes its time
        if (!endTurn()) await new Promise<void>(process.nextTick)
        sliceEnd = undefined
        continue
      }
      const now = clock.now()
      sliceEnd ??= now + readSliceMs
      if (now > sliceEnd) {
        await new Promise(setImmediate)
        sliceEnd = undefined
      }
    }
    this.#looping = false
  }
}
