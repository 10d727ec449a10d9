/**
 * A process with a client of the queue: a link, the calls over it, and what both are for; or a client in the
 * process of the host, which has neither.
 *
 * It loses its connection, stalls, dies without a word, closes in good order, and starts again as another client.
 */
import type { DurableClientPorts } from '../../patterns/queue/durable/durable-client-ports.js'
import { remoteMethod } from '../../patterns/queue/durable/remote-method.js'
import type { QueueServingHost } from '../../patterns/queue/durable/serving.js'
import type { QueueMethod } from '../../patterns/queue/durable/wire.js'
import { CallClient } from '../../src/call/index.js'
import { LocalStream, RemoteStream, type ServedSession, type StreamPorts } from '../../src/conversation/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { waitFor } from '../../src/lifecycle/index.js'
import type { Connection } from './network.js'
import type { Guest, QueueHost } from './queue-host.js'
import { hostAddress, QueueProcess, type QueueWorld } from './queue-process.js'
import { SimulatedLinks } from './simulated-links.js'

/** Opens a session of a host in process. */
export type OpenSession<Request, Answer> = (
  host: QueueServingHost,
  ports: StreamPorts<Answer>,
) => ServedSession<Request>

/** A client. */
export abstract class QueueClient extends QueueProcess implements Guest {
  readonly #host: QueueHost
  readonly isLocal: boolean
  #links: SimulatedLinks | undefined
  #calls: CallClient | undefined
  #isOpen = false
  readonly #onClosing = new Set<() => void>()
  /** Whether it makes no more trouble of its own. */
  isTame = false

  /** @param isLocal - Whether it lives in the process of the host: it starts, stalls and dies with that. */
  constructor(name: string, world: QueueWorld, host: QueueHost, isLocal: boolean) {
    super(name, world)
    this.#host = host
    this.isLocal = isLocal
    if (isLocal) host.guests.add(this)
  }

  get connection(): Connection | undefined {
    return this.#links?.dialed[0]?.connection
  }

  /** Whether it takes part, rather than being closed or about to. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** What it waits for that has no outcome. */
  abstract get pending(): number

  override enqueue(event: () => void): void {
    const { life } = this
    if (!this.isLocal) super.enqueue(event)
    else if (this.isAlive) this.#host.enqueue(() => life === this.life && event())
  }

  override boot(): void {
    if (this.isLocal && this.#host.serving?.isOpen !== true) return // it starts with its host
    this.start()
    this.enqueue(() => {
      this.#isOpen = true
      if (this.isLocal) {
        this.begin()
        return
      }
      const { name, clock } = this
      const report = (error: RivuletError) => this.report(error)
      const calls = new CallClient({ clock, failoverMs: 1000, name: () => name, report })
      this.#calls = calls
      this.#links = new SimulatedLinks(this, this.linkOptions, [calls])
      this.begin()
      this.#links.follow([hostAddress])
    })
  }

  override crash(): void {
    this.#links?.drop()
    this.#forget()
    this.stop()
    this.ended()
  }

  /** Closes in good order, waiting at most so long, and starts again. */
  close(waitMs: number): void {
    if (!this.#isOpen) return
    this.enqueue(() => void this.closeWithHost(waitMs))
  }

  protected override tick(): void {
    this.#links?.tick()
  }

  /** A life begins. */
  protected abstract begin(): void
  /** Closes what it is for; resolves when that is done. */
  protected abstract finish(deadline: number): Promise<unknown>
  /** A life has ended, in whatever way. */
  protected abstract ended(): void

  /** What a sender or a receiver needs. */
  protected portsOf<Request, Answer>(
    method: QueueMethod,
    open: OpenSession<Request, Answer>,
  ): DurableClientPorts<Request, Answer> {
    const { name, clock, random } = this
    const calls = this.#calls
    const { serving } = this.#host
    const jitter = () => random.below(1000) / 1000
    return {
      clock,
      identity: random.bytes(16).toString('hex'),
      name: () => name,
      isOpen: () => this.#isOpen,
      onClosing: (callback) => {
        this.#onClosing.add(callback)
        return () => this.#onClosing.delete(callback)
      },
      report: (error) => this.report(error),
      unreachable: () => '',
      hasHost: () => (calls ? this.#links?.dialed[0]?.isLive === true : serving?.isServing === true),
      waitUntil: (deadline, promise) => {
        const timeoutMs = Math.max(0, deadline - clock.now())
        return waitFor(name, promise, clock, { timeoutMs }).catch(() => {})
      },
      streamFor: (user) =>
        calls
          ? new RemoteStream(calls, remoteMethod(calls, method), clock, user, jitter)
          : new LocalStream(serving as QueueServingHost, (to) => open(serving as QueueServingHost, to), user, jitter),
    }
  }

  async closeWithHost(waitMs: number): Promise<void> {
    if (!this.#isOpen) return
    this.note('closes', waitMs)
    const { life } = this
    this.#isOpen = false
    for (const callback of [...this.#onClosing]) callback()
    await this.finish(this.now + waitMs)
    if (life !== this.life) return
    const closed = new RivuletError('RIVULET_CLOSED', `${this.name} was closed`)
    void this.#calls?.stopAll(closed)
    this.#links?.sayGoodbye()
    this.enqueueLater(0, () => {
      const { name, pending } = this
      this.world.oracle.watch((oracle) => pending > 0 && oracle.fail(`${name} closed without ${pending} outcomes`))
      this.crash()
      this.world.scheduler.after(this.random.below(50), () => this.isAlive || this.boot())
    })
  }

  #forget(): void {
    this.#links = undefined
    this.#calls = undefined
    this.#isOpen = false
    this.#onClosing.clear()
  }
}
