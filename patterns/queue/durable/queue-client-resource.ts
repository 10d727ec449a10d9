/**
 * What a producer and a consumer have in common as resources: a host, which is elsewhere or in this process.
 *
 * What they say to it is their own business.
 */
import { randomBytes } from 'node:crypto'
import { CallClientResource, type CallClientResourceOptions } from '../../../src/call-link/index.js'
import type { Closable, WaitOptions } from '../../../src/lifecycle/index.js'
import type { DurableClientPorts } from './durable-client-ports.js'
import { hostOf, type QueueHostResource } from './host.js'
import { LocalHostStream } from './local-host-stream.js'
import { RemoteHostStream } from './remote-host-stream.js'
import type { ServedSession, ServingHost, StreamPorts } from './serving.js'
import { maxItemBytes, type QueueMethod } from './wire.js'

/** What a producer and a consumer let their users decide alike, resolved. */
export interface QueueClientOptions extends Omit<CallClientResourceOptions, 'maxMessageBytes'> {
  /** The host, if it is in this process. */
  readonly host: unknown
}

/** The base of a producer and of a consumer. */
export abstract class QueueClientResource<Stats> extends CallClientResource<Stats> {
  readonly #host: QueueHostResource | undefined

  /** @throws RIVULET_INVALID_OPTION, RIVULET_CLOSED */
  constructor(factory: string, options: QueueClientOptions) {
    const host = hostOf(factory, options)
    const runtime = options.runtime ?? host?.home
    super(factory, { ...options, runtime, maxMessageBytes: maxItemBytes }, host !== undefined)
    this.#host = host
    host?.adopt(this)
  }

  override get connected(): number {
    return this.#host === undefined ? super.connected : Number(this.#host.isServing && this.life.isOpen)
  }

  override whenConnected(options?: WaitOptions): Promise<void> {
    return this.connected > 0 ? Promise.resolve() : super.whenConnected(options)
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
    open: (host: ServingHost, ports: StreamPorts<Answer>) => ServedSession<Request>,
  ): DurableClientPorts<Request, Answer> {
    const host = this.#host
    const { clock } = this.runtime
    return {
      clock,
      identity: randomBytes(16).toString('hex'),
      name: () => this.name,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
      hasHost: () => this.#host?.isServing ?? super.connected > 0,
      waitUntil: (deadline, promise) => this.waitUntil(deadline, promise),
      hostStreamOf: (user) =>
        host === undefined
          ? new RemoteHostStream(this.callClient, method, clock, user)
          : new LocalHostStream(host, (ports) => open(host, ports), user),
    }
  }
}
