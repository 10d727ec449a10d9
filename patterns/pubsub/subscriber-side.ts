/**
 * What the subscribers of a publisher or a hub send up: subscriptions and requests, checked, and what they cost, bounded.
 *
 * Which prefixes are wanted, and what is answered, is decided by those who use it.
 */
import { RivuletError } from '../../src/errors/index.js'
import { SparseReports } from '../../src/observe/index.js'
import { defaults } from '../../src/options/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import { HandshakeGate, type OneWaySocket, type Pressure, type SocketSettings } from '../../src/socket/index.js'
import { type Reasons, RejectedFrames } from '../../src/stream/index.js'
import { frameKind, readRecordFrame, TopicRequest } from '../../src/wire/index.js'
import { SubscriptionCost } from './subscription-cost.js'
import { inboxMark } from './topic-name.js'

/**
 * The largest frame that comes from subscribers, in bytes: a subscription or a request; larger ones end their connection.
 *
 * A topic has 256 bytes, and the handshake of a peer with an identity takes 300. libzmq keeps a trie with a node of 48
 * bytes for each byte of a prefix, before the application sees it, also with ZMQ_XPUB_MANUAL.
 */
const maxUpstreamBytes = 512

/**
 * Frames that one subscriber may have in transit to this side.
 *
 * libzmq takes in all that has arrived before it returns to its caller, and lets each peer send on meanwhile: with one
 * frame a flood leaves room for the rest of the process.
 */
const upstreamHighWaterMark = 1

/** How long disconnected subscribers have to connect again, and then to subscribe, before anything is sent, in milliseconds. */
const returnMs = 2 * defaults.reconnectMs + 100
const subscribeMs = 50

/** How long they are waited for where peers are admitted a few at a time, in milliseconds. */
const admittedMs = 300

/** The longest inbox, in bytes. */
const maxInboxBytes = 64

/** What is decided for the socket to which subscribers are linked. */
export interface SubscriberSideOptions {
  readonly highWaterMark: number
  readonly outboxBytes: number
  readonly slowSubscribers: 'drop' | 'wait'
  readonly subscriptionBytes: number
}

/** What it needs of its resource. */
export interface SubscriberSidePorts {
  readonly runtime: Runtime
  name(): string
  report(error: RivuletError): void
  socket(): OneWaySocket
  /** Whether the socket was closed for good. */
  isShut(): boolean
  /** Puts another socket in the place of the present one: all subscribers connect again. */
  renew(): Promise<void>
  /** A peer subscribes to a prefix, or cancels it; inboxes are among them. */
  subscription(subscribed: boolean, prefix: Buffer): void
  /** All subscribers were disconnected: what they have subscribed is forgotten. */
  reset(): void
  request(request: TopicRequest): void
}

/** The side of a publisher or hub to which its subscribers are linked. */
export class SubscriberSide {
  readonly #options: SubscriberSideOptions
  readonly #ports: SubscriberSidePorts
  readonly #rejected: RejectedFrames
  readonly #excess: SparseReports
  readonly #pressure: Pressure
  /** Holds new peers while those that are there subscribe very much. */
  readonly #gate: HandshakeGate
  #cost = new SubscriptionCost()
  #resets = 0
  #isStartingOver = false

  constructor(options: SubscriberSideOptions, ports: SubscriberSidePorts) {
    this.#options = options
    this.#ports = ports
    this.#rejected = new RejectedFrames(this.#sparseReports())
    this.#excess = this.#sparseReports()
    this.#pressure = {
      bytes: () => this.#cost.total(ports.socket().subscribedPrefixes),
      limitBytes: options.subscriptionBytes,
    }
    this.#gate = HandshakeGate.of(ports.runtime, () => this.#isStartingOver || ports.socket().isSlow)
  }

  /** How its socket is opened. */
  get settings(): SocketSettings {
    const { highWaterMark, outboxBytes, slowSubscribers } = this.#options
    return {
      kind: 'xpub',
      sendHighWaterMark: highWaterMark,
      receiveHighWaterMark: upstreamHighWaterMark,
      maxFrameBytes: maxUpstreamBytes,
      socketBufferBytes: undefined,
      patienceMs: slowSubscribers === 'wait' ? Number.POSITIVE_INFINITY : defaults.slowSubscriberMs,
      outboxBytes,
      gateName: this.#gate.name,
    }
  }

  /** Frames that are neither subscriptions nor requests, by reason. */
  get rejectedFrames(): Reasons {
    return this.#rejected.snapshot()
  }

  /** How often all subscribers were disconnected, since their subscriptions were too many. */
  get resets(): number {
    return this.#resets
  }

  /** No subscriber is linked. */
  noSubscriber(): void {
    this.#cost.noSubscriber(this.#ports.socket().subscribedPrefixes)
  }

  /** Takes what a subscriber has sent. */
  onFrame(parts: readonly Buffer[]): void {
    // it is of the former socket
    if (this.#isStartingOver) return
    const [frame] = parts
    const mark = frame?.[0]
    if (frame === undefined || parts.length !== 1) {
      this.reject(
        new RivuletError(
          'RIVULET_BAD_FRAME',
          `a subscriber sent a message of ${parts.length} parts; subscriptions and requests have one`,
        ),
      )
    } else if (mark === 1 || mark === 0) {
      const prefix = frame.subarray(1)
      this.#ports.subscription(mark === 1, prefix)
      this.#bound(mark === 1, prefix)
    } else {
      this.#onRequest(frame)
    }
  }

  /** Counts and reports a frame that is neither a subscription nor a request. */
  reject(error: RivuletError): void {
    this.#rejected.add(error)
  }

  /** Nothing is to come any more: peers that were held are not. */
  close(): void {
    this.#gate.open()
  }

  #sparseReports(): SparseReports {
    const { runtime, report } = this.#ports
    return new SparseReports(runtime.clock, (error) => report(error))
  }

  /** Keeps what subscriptions cost the native library within `subscriptionBytes`. */
  #bound(subscribed: boolean, prefix: Buffer): void {
    const socket = this.#ports.socket()
    this.#cost.count(subscribed, prefix)
    const bytes = this.#cost.total(socket.subscribedPrefixes)
    const { subscriptionBytes } = this.#options
    if (this.#ports.isShut()) return
    if (bytes > subscriptionBytes) void this.#startOver(bytes)
    else if (subscribed && bytes > subscriptionBytes / 4) {
      socket.slowDown(this.#pressure)
      this.#gate.narrow()
    }
  }

  /**
   * Disconnects all subscribers and forgets what they have subscribed: it is not known whose subscriptions are too many.
   *
   * Honest ones connect and subscribe again before anything is sent, and see what they missed as gaps.
   */
  async #startOver(bytes: number): Promise<void> {
    const { name, isShut, renew, reset, socket } = this.#ports
    this.#isStartingOver = true
    this.#resets += 1
    const text = `${name()}: subscriptions take ${bytes} bytes, more than subscriptionBytes (${this.#options.subscriptionBytes}); all subscribers were disconnected`
    this.#excess.report(new RivuletError('RIVULET_TOO_MANY_SUBSCRIPTIONS', text))
    this.#cost = new SubscriptionCost()
    this.#gate.narrow()
    const renewed = renew()
    reset()
    await renewed
    // nothing is taken from the one that subscribes too much before the others are there, too
    await this.#pause(returnMs)
    this.#isStartingOver = false
    if (isShut()) return
    socket().reading = true
    await Promise.race([this.#gate.whenNoneWait(), this.#pause(admittedMs)])
    await this.#pause(subscribeMs)
    if (!isShut() && !this.#isStartingOver) socket().startSending()
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#ports.runtime.clock.setTimer(resolve, ms))
  }

  #onRequest(frame: Buffer): void {
    let request: TopicRequest
    try {
      request = readRecordFrame(TopicRequest, frame, frameKind.request, undefined)
    } catch (error) {
      this.reject(error as RivuletError)
      return
    }
    const { inbox } = request
    if (inbox[0] === inboxMark && inbox.length <= maxInboxBytes) {
      this.#ports.request(request)
      return
    }
    this.reject(
      new RivuletError(
        'RIVULET_BAD_FRAME',
        'a request names an invalid inbox: it must begin with byte 0 and have at most 64 bytes',
      ),
    )
  }
}
