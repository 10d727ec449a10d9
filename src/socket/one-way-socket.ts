/**
 * A socket of the one-way patterns: queues and topics. Frames wait in its outbox while the transport has no room.
 *
 * The patterns make frames of messages, and decide what a full outbox means.
 */
import { systemClock } from '../clock/index.js'
import type { RivuletError } from '../errors/index.js'
import { errnoOf } from '../errors/index.js'
import { defaults } from '../options/index.js'
import type { EndpointChange } from '../resource/index.js'
import type { ConnectEndpoint } from './connect-endpoint.js'
import { FollowedConnections } from './followed-connections.js'
import { dropForFullPeers, mayPend, nativeWaitMs, pollMs, type SocketKind, subscribedPrefixes } from './native.js'
import type { Outbox } from './outbox.js'
import { type Pressure, SlowRounds } from './slow-rounds.js'
import { Socket } from './socket.js'
import type { SocketConfig } from './socket-config.js'
import { translate } from './translate.js'

/** How often a frame that found a full peer is tried again in the next turns, before a timer does that. */
const fullQuickTries = 8

/** How long that timer takes, in milliseconds: libzmq gives a publisher no event when there is room again. */
const fullRetryMs = 1

/** How long it takes at most until peers that have left, or were disconnected, are let go, and how often it is helped, in milliseconds. */
const lettingGoMs = 1000
const helpMs = 5

/** How long a peer that has left may still have its pipe, in milliseconds. */
const leavingMs = 10

/** How long a read waits at most where connections are made meanwhile, in milliseconds. */
const followedWaitMs = 100

const sent = () => undefined

/** What a one-way socket is made of. */
export interface OneWayConfig extends SocketConfig {
  readonly kind: Exclude<SocketKind, 'router' | 'dealer'>
  /** What waits for the transport; of a socket that this one replaces, too. */
  readonly outbox: Outbox
  /** How long a publisher waits for a full subscriber before that one loses frames, in milliseconds; may be infinite. */
  readonly patienceMs: number
  /** Takes each message that arrives; must not throw. */
  readonly onFrame: (parts: readonly Buffer[]) => void
  /** Counts messages that a failure of the transport took with it. */
  readonly onLost: (messages: number) => void
  /** What a frame waits for beside room in the library; `undefined` if that is there. Default: nothing. */
  readonly whenRoom?: (() => Promise<unknown> | undefined) | undefined
  /** An endpoint of another list could not be connected. */
  readonly onUnconnected: (error: RivuletError) => void
}

/** One native socket of a one-way pattern, owned. */
export class OneWaySocket extends Socket {
  readonly outbox: Outbox
  readonly #config: OneWayConfig
  /** Who takes care of the outbox: the socket that this one replaces, this one, or the resource until this one is replaced. */
  #owner: 'other' | 'this' | 'resource' = 'other'
  /** While peers subscribe very much. */
  #rounds: SlowRounds | undefined
  /** Whether a pending send does no harm: to the exit of the process, or of a worker thread. */
  #mayWait = mayPend
  /** Whether a frame that finds no room waits in the library, which takes a look at the socket before each frame. */
  #waits = mayPend
  /** Until then, on the runtime's clock, a publisher does not wait for peers that are full. */
  #impatientUntil = 0
  /** Until then, on the same clock, a peer that has left may still have its pipe; 0 if all is as it seems. */
  #leavesUntil = 0
  /** Until then, on the clock of the system, it is helped to let go of peers. */
  #letsGoUntil = 0
  readonly #followed: FollowedConnections

  /**
   * Opens a socket: every endpoint is bound or being connected when it resolves.
   *
   * @error RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS
   */
  static async open(config: OneWayConfig): Promise<OneWaySocket> {
    const socket = await new OneWaySocket(config).enter()
    socket.#owner = 'this'
    return socket
  }

  /** Sends what waits in the outbox, from now on. */
  startSending(): void {
    const { onLost, onError } = this.#config
    this.outbox.attach({
      send: (parts) => this.#config.whenRoom?.()?.then(() => this.#send(parts)) ?? this.#send(parts),
      failed: (error, messages) => {
        if (messages > 0) onLost(messages)
        onError(error)
      },
    })
  }

  private constructor(config: OneWayConfig) {
    super(config)
    this.#config = config
    this.outbox = config.outbox
    this.#followed = new FollowedConnections(config.connect, {
      clock: config.runtime.clock,
      connect: (endpoint) => this.connectTo(endpoint),
      // a publisher reads nothing that has to arrive
      whenRead: (callback) => (config.kind === 'xpub' ? callback() : this.whenEmpty(callback)),
      disconnect: (address, done) => this.disconnectFrom(address, done),
      failed: config.onUnconnected,
    })
    this.security?.cutWhenRevoked(() => {
      this.rebindAll()
      this.#letGo()
    })
  }

  /** Whether messages are read; one more may still come after it was switched off. */
  set reading(on: boolean) {
    this.read(on)
  }

  /** Where it connects, from now on; to be called only where `mayFollow`. */
  follow(endpoints: readonly ConnectEndpoint[]): void {
    if (this.closed) return
    // a pending read is not notified of what a new connection brings first
    if (this.#config.kind !== 'push') this.native.receiveTimeout = followedWaitMs
    this.#followed.apply(endpoints)
  }

  /**
   * Whether it can connect as a list says without a loss.
   *
   * A PUSH ends no connection: libzmq drops the frames that it holds of it, and those that it still puts there (4.3.5 with
   * `immediate`). It must be closed, so that what it holds is sent.
   */
  mayFollow(endpoints: readonly ConnectEndpoint[]): boolean {
    return this.#config.kind !== 'push' || !this.#followed.wouldRemove(endpoints)
  }

  /** Ends all connections that this side makes, at once; what the library holds of them is lost. */
  disconnectAll(): void {
    this.#followed.close()
    for (const address of this.targets) this.disconnectFrom(address, () => {})
  }

  /** How many prefixes the library counts; of a publisher. */
  get subscribedPrefixes(): number {
    return this.closed ? 0 : subscribedPrefixes(this.native)
  }

  /** Whether it is in such rounds. */
  get isSlow(): boolean {
    return this.#rounds !== undefined
  }

  /** Calls the library in rounds with rests in between, until one brings nothing. To be called while a message is taken. */
  slowDown(pressure: Pressure): void {
    if (this.#rounds || this.closed) return
    this.read(false)
    this.#rounds = new SlowRounds(this.native, pressure, {
      clock: this.#config.runtime.clock,
      isWaiting: () => this.outbox.bytes > 0,
      message: (parts) => this.onMessage(parts),
      failed: (error) => this.report(`${this.name}: cannot receive`, error),
      ended: () => {
        this.#rounds = undefined
        this.read(true)
      },
    })
  }

  override ref(): void {
    super.ref()
    this.#refer(true)
  }

  override unref(): void {
    super.unref()
    this.#refer(false)
  }

  protected onMessage(parts: readonly Buffer[]): void {
    this.#config.onFrame(parts)
  }

  /** The library looks for peers that came or went no more than once a millisecond, unless it is asked to. */
  protected override onLinkChange({ state, side, endpoint }: EndpointChange): void {
    if (side === 'connect' && state === 'disconnected') this.#followed.disconnected(endpoint)
    if (state === 'disconnected' && endpoint.startsWith('inproc:')) this.#letGo()
    // it tells that a peer is gone before it takes the pipe away in which a frame would still be put, and be lost
    if (state === 'disconnected') this.#leavesUntil = this.#config.runtime.clock.now() + leavingMs
    if ((state === 'connected' || state === 'disconnected') && this.#mayWait) this.#wait(true)
  }

  protected override onEvent(type: string): void {
    // Reading this property makes the library handle what waits: a socket that is not read would resubscribe too late.
    // Beside a pending operation it must not be read, since that would never hear of what was handled.
    if (type === 'handshake' && this.#config.kind === 'xsub' && !this.looping) void this.native.readable
  }

  /** What a receiver still has to say, to a peer that may never come, is not worth waiting for. */
  protected get lingers(): boolean {
    return this.#config.kind === 'push' || this.#config.kind === 'xpub'
  }

  /** One that receives still has what the other side sent before it left. */
  protected get disconnectsWhenPeerUnbinds(): boolean {
    return this.lingers
  }

  protected stop(): number {
    this.#rounds?.stop()
    return this.#owner === 'this' ? this.outbox.stop() : 0
  }

  override close(lingerMs: number): number {
    this.#followed.close()
    const left = super.close(lingerMs)
    return this.#owner === 'resource' ? this.outbox.stop() : left
  }

  /** Closes and leaves its outbox to the socket that replaces it; what the library holds may still leave for so long. */
  giveUp(lingerMs: number): void {
    this.#owner = 'resource'
    this.outbox.attach(undefined)
    this.#followed.close()
    super.close(lingerMs)
  }

  /**
   * The library ends a connection when its socket agrees, and that is asked only when it is used: an idle one would keep it.
   *
   * Within a process it would keep the closed socket of the peer as well.
   */
  #letGo(): void {
    const isHelped = this.#letsGoUntil > 0
    this.#letsGoUntil = systemClock.now() + lettingGoMs
    if (!isHelped) this.#helpLettingGo()
  }

  #helpLettingGo(): void {
    if (this.closed || systemClock.now() >= this.#letsGoUntil) {
      this.#letsGoUntil = 0
      return
    }
    if (!this.looping && !this.#rounds && this.outbox.bytes === 0) void this.native.readable
    systemClock.setTimer(() => this.#helpLettingGo(), helpMs)
  }

  #refer(on: boolean): void {
    if (this.closed) return
    this.#mayWait = on && mayPend
    this.#wait(this.#mayWait)
  }

  /** Whether a frame might be put into the pipe of a peer that has left. */
  #isLeaving(): boolean {
    if (this.#leavesUntil === 0) return false
    if (this.#config.runtime.clock.now() < this.#leavesUntil) return true
    this.#leavesUntil = 0
    return false
  }

  #wait(on: boolean): void {
    if (this.#config.kind !== 'push' || this.#waits === on || this.closed) return
    this.#waits = on
    this.native.sendTimeout = on ? nativeWaitMs : 0
  }

  #send(parts: Buffer | readonly Buffer[]): Promise<RivuletError | undefined> {
    if (this.#config.kind === 'push' && this.#isLeaving() && this.links.connected === 0) return this.#sendLater(parts)
    const rest = this.#rounds?.rest
    if (rest) return rest.then(() => this.#send(parts))
    try {
      const sending = this.native.send(parts).then(sent, (error) => this.#sendAgain(parts, error))
      // nothing waits behind it, so there is room, or there will be soon: the next frame is tried without a look
      if (this.#waits && this.outbox.waiting === 0 && !this.#isLeaving()) this.#wait(false)
      return sending
    } catch (error) {
      return this.#sendAgain(parts, error)
    }
  }

  /** Nobody is there: the last one that has left must not get it. */
  async #sendLater(parts: Buffer | readonly Buffer[]): Promise<RivuletError | undefined> {
    await new Promise<void>((resolve) => this.#config.runtime.clock.setTimer(resolve, leavingMs))
    return this.#send(parts)
  }

  /** Continues after a frame found no room, and gives up after any other failure. */
  async #sendAgain(parts: Buffer | readonly Buffer[], reason: unknown): Promise<RivuletError | undefined> {
    const { clock } = this.#config.runtime
    let error = reason
    let fullSince: number | undefined
    let dropping = false
    for (let tries = 0; ; tries++) {
      if (this.closed || errnoOf(error) !== 'EAGAIN') return translate(`${this.name}: cannot send`, error)
      if (this.#config.kind === 'push') {
        // it has waited in the library, or will, unless that would do harm
        if (this.#mayWait) this.#wait(true)
        else await new Promise<void>((resolve) => clock.setTimer(resolve, pollMs))
      } else {
        const now = clock.now()
        fullSince ??= now
        const patienceMs = now < this.#impatientUntil ? 0 : this.#config.patienceMs
        if (tries < fullQuickTries) await new Promise(setImmediate)
        else if (now - fullSince >= patienceMs) dropping = true
        else await new Promise<void>((resolve) => clock.setTimer(resolve, fullRetryMs))
        await this.#rounds?.rest
      }
      try {
        await (dropping ? this.#sendDropping(parts) : this.native.send(parts))
        return undefined
      } catch (next) {
        error = next
      }
    }
  }

  /** Sends a frame that the peers which are full lose, so that the others have it. */
  #sendDropping(parts: Buffer | readonly Buffer[]): Promise<void> {
    this.#impatientUntil = this.#config.runtime.clock.now() + defaults.slowSubscriberPauseMs
    dropForFullPeers(this.native, true)
    try {
      return this.native.send(parts)
    } finally {
      dropForFullPeers(this.native, false)
    }
  }
}
