/**
 * What a producer and a consumer have in common as resources: a host, which is elsewhere or in this process.
 *
 * Each of them defines its own requests.
 */
import { randomBytes } from 'node:crypto'
import { CallClient } from '../../../src/call/index.js'
import {
  type ConversationStream,
  LocalStream,
  RemoteStream,
  type ServedSession,
  type StreamPorts,
} from '../../../src/conversation/index.js'
import type { Closable } from '../../../src/lifecycle/index.js'
import { type LinkOptions, LinkSet } from '../../../src/link/index.js'
import { defaults } from '../../../src/options/index.js'
import { ResourceBase } from '../../../src/resource/index.js'
import { checkSides, connects, type ResolvedSocketOptions } from '../../../src/socket/index.js'
import type { DurableClientPorts } from './durable-client-ports.js'
import { hostOf, type QueueHostResource } from './host.js'
import { remoteMethod } from './remote-method.js'
import type { QueueServingHost } from './serving.js'
import { maxItemBytes, type QueueMethod } from './wire.js'

/** What a producer and a consumer let their users decide alike, resolved. */
export interface QueueClientOptions extends ResolvedSocketOptions, Omit<LinkOptions, 'maxMessageBytes'> {
  readonly queue: string
  /** The host, if it is in this process. */
  readonly host: unknown
}

/** What sends or receives for a resource. */
export interface QueueClient<Stats> {
  readonly hostStream: ConversationStream
  stats(): Stats
  /** Waits for what is not settled yet; returns how many messages are left. */
  finish(deadline: number): Promise<number>
}

/** The base of a producer and of a consumer. */
export abstract class QueueClientResource<Stats> extends ResourceBase<Stats> {
  readonly queue: string
  protected readonly isSender = true
  protected abstract readonly client: QueueClient<Stats>
  readonly #host: QueueHostResource | undefined
  /** The calls to a host that is elsewhere. */
  readonly #callClient: CallClient | undefined

  /** @throws RIVULET_INVALID_OPTION, RIVULET_CLOSED */
  constructor(factory: string, options: QueueClientOptions) {
    const host = hostOf(factory, options)
    const { bind, connect } = options
    checkSides(factory, options, host === undefined || bind.length > 0 || connects(connect) ? 'connect' : 'neither')
    super(factory, { ...options, runtime: options.runtime ?? host?.home })
    this.queue = options.queue
    this.#host = host
    if (host !== undefined) {
      host.adopt(this)
      return
    }
    const { clock } = this.runtime
    this.#callClient = new CallClient({ ...this.scope, clock, failoverMs: defaults.failoverMs })
    this.transport = new LinkSet(this.scope, { ...options, maxMessageBytes: maxItemBytes }, [this.#callClient])
  }

  /** Opens it, and begins to speak with the host. */
  override async open(): Promise<this> {
    await super.open()
    this.client.hostStream.start()
    return this
  }

  stats(): Stats {
    return this.client.stats()
  }

  protected override async finish(deadline: number): Promise<number> {
    const left = await this.client.finish(deadline)
    await super.finish(deadline)
    return left
  }

  override get connected(): number {
    return this.#host === undefined ? super.connected : Number(this.#host.isServing && this.life.isOpen)
  }

  protected override uses(other: Closable): boolean {
    return other === this.#host || super.uses(other)
  }

  /** Closes, since its host is about to: what it has said is stored, and work in progress is not waited for. */
  closeWithHost(timeoutMs: number): Promise<unknown> {
    return this.close({ drain: timeoutMs > 0, timeoutMs })
  }

  /** What its logic needs. */
  protected portsOf<Request, Answer>(
    method: QueueMethod,
    open: (host: QueueServingHost, ports: StreamPorts<Answer>) => ServedSession<Request>,
  ): DurableClientPorts<Request, Answer> {
    const [host, callClient] = [this.#host, this.#callClient]
    const { clock } = this.runtime
    return {
      clock,
      identity: randomBytes(16).toString('hex'),
      name: () => this.name,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
      hasHost: () => this.#host?.isServing ?? super.connected > 0,
      unreachable: () => this.unreachable(),
      waitUntil: (deadline, promise) => this.waitUntil(deadline, promise),
      streamFor: (user) =>
        callClient === undefined
          ? new LocalStream(host as QueueServingHost, (ports) => open(host as QueueServingHost, ports), user)
          : new RemoteStream(callClient, remoteMethod(callClient, method), clock, user),
    }
  }
}
