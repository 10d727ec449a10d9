/**
 * The hub: takes the messages of any number of publishers, and forwards them to any number of subscribers.
 *
 * To publishers it is a subscriber, to subscribers a publisher; frames pass as they are, and no message is decoded. What it does
 * with them is in `hub-core.ts`; here are its sockets, links and logs.
 */
import { randomBytes } from 'node:crypto'
import { merge, type Observable } from 'rxjs'
import { RivuletError } from '../../src/errors/index.js'
import type { Closable } from '../../src/lifecycle/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { Hub, HubSide, HubStats } from './hub-api.js'
import { HubCore } from './hub-core.js'
import type { ResolvedHubOptions } from './hub-options.js'
import { NativePublishersSocket, NativeSubscribersSocket } from './hub-sockets.js'
import { hubStats } from './hub-stats.js'
import { type HubSocket, HubTransport } from './hub-transport.js'
import { openLogsOf } from './open-topic-logs.js'
import { SubscriberHistory } from './subscriber-history.js'
import type { SubscriberSide } from './subscriber-side.js'

/** A hub; `create-hub.ts` opens one. */
export class HubResource extends ResourceBase<HubStats> implements Hub {
  readonly #core: HubCore
  readonly #side: SubscriberSide
  readonly #transport: HubTransport

  static create(options: ResolvedHubOptions): Promise<HubResource> {
    return new HubResource(options).#start()
  }

  private constructor(options: ResolvedHubOptions) {
    super('createHub', options)
    const { runtime } = this
    const report = (error: RivuletError) => this.reports.report(error)
    const name = () => this.name
    const above: HubSocket[] = []
    let below: NativeSubscribersSocket | undefined
    this.#core = new HubCore(options, {
      runtime,
      report,
      name,
      reports: this.reports,
      random: randomBytes,
      isOpen: () => this.life.isOpen,
      publishers: (where, ports) => {
        const made = new NativePublishersSocket(this.scope, where, options.publishers, ports)
        above.push(made.socket)
        return made
      },
      subscribers: (ports) => {
        below = new NativeSubscribersSocket(this.scope, options.subscribers, name, ports)
        return below
      },
      makeLinks: (ports) =>
        new SubscriberHistory({ ...ports, runtime, report, options: { ...options.publishers, ...ports.options } }),
      openLogs: (kept) => openLogsOf(kept, runtime.clock, report),
    })
    const { socket, side } = below as NativeSubscribersSocket
    this.#side = side
    this.#transport = new HubTransport(above, socket)
    this.transport = this.#transport
  }

  async #start(): Promise<this> {
    await this.open()
    // the caller observes `errors` by then: a ring is found with the first request
    setImmediate(() => {
      if (this.life.isOpen) this.#core.read()
    })
    return this
  }

  protected override async openTransport(): Promise<void> {
    try {
      await this.#core.open()
      // what its runtime has closed meanwhile has not closed these
      if (this.status !== 'opening') throw new RivuletError('RIVULET_CLOSED', `${this.name}: the runtime was closed`)
    } catch (error) {
      await this.#core.stop(0)
      throw error
    }
  }

  get publishers(): HubSide {
    return this.#transport.publishers
  }

  get subscribers(): HubSide {
    return this.#transport.subscribers
  }

  override get securityEvents(): Observable<SecurityEvent> {
    return merge(super.securityEvents, this.#core.above.securityEvents, this.#core.below.securityEvents)
  }

  stats(): HubStats {
    return hubStats({ ...this.#core.counts(), side: this.#side })
  }

  protected get isSender(): boolean {
    return true
  }

  protected override get isReceiver(): boolean {
    return true
  }

  protected override uses(other: Closable): boolean {
    if (!(other instanceof HubResource)) return super.uses(other)
    return this.#transport.sendsTo(other.#transport, this.runtime === other.runtime)
  }

  /** What publishers have handed over still arrives until their links are down. */
  protected override whenUsersClosed(users: readonly Closable[]): (deadline: number) => Promise<void> {
    const linked = users.filter((one) => one instanceof ResourceBase && one.connected > 0).length
    const { promise, forget } = this.#core.above.whenUnlinked(linked)
    return async (deadline) => {
      await this.waitUntil(deadline, promise)
      forget()
    }
  }

  protected override async finish(deadline: number): Promise<number> {
    const { above, below } = this.#core
    above.reading = false
    await this.waitUntil(deadline, below.outbox.whenEmpty())
    await above.stop()
    await below.stop(deadline - this.runtime.clock.now())
    // what is left is counted when the sockets are closed
    return 0
  }

  protected override released(left: number): void {
    this.#core.close(left)
  }
}
