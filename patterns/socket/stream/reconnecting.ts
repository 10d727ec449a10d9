/**
 * The connecting side that connects again: one connection after the other, each with its own messages.
 *
 * Nothing of one connection passes to the next: only its user knows what the peer has made of it.
 */
import { Observable, Subject } from 'rxjs'
import type { Timer } from '../../../src/clock/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { type Closable, deferred, holdProcess } from '../../../src/lifecycle/index.js'
import { reaches, type StreamTls } from '../../../src/net/index.js'
import { SparseReports } from '../../../src/observe/index.js'
import { type Resource, ResourceBase, type ResourceMaker } from '../../../src/resource/index.js'
import { openConnection } from './client.js'
import type { clientTls } from './client-tls.js'
import type { ConnectionResource } from './connection.js'
import type { StreamConnection } from './connection-contract.js'
import { streamEndpoint } from './endpoint-check.js'
import { LinkCount } from './link-count.js'
import { type ReconnectStreamOptions, type ResolvedReconnectOptions, resolveReconnectOptions } from './options.js'
import { reconnectDelay } from './reconnect-delay.js'

/** The counts of a {@link ReconnectingStream}. */
export interface ReconnectingStreamStats {
  /** Connections that were opened. */
  readonly opened: number
  /** Tries that failed. */
  readonly failed: number
}

/** A client of byte streams that connects again after each end. */
export interface ReconnectingStream<In, Out = In> extends Resource<ReconnectingStreamStats> {
  /**
   * The connections, one after the other.
   *
   * Lifetime: hot; a subscriber gets the open connection first, then each new one. Completes when the resource is closed. Messages that
   * were sent to a connection and had not left when it ended are dropped and counted there, and never sent to the next one.
   */
  readonly connections: Observable<StreamConnection<In, Out>>
  /** The open connection; `undefined` while there is none. */
  readonly current: StreamConnection<In, Out> | undefined
}

/**
 * Connects to a listener of byte streams, and again whenever the connection has ended, on either side, until it is closed.
 *
 * Resolves at once, whether or not the listener is there; `whenConnected` waits for it.
 *
 * @param options - `connect`, and `schema` or `framing`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_TLS_FILE, RIVULET_ABORTED, RIVULET_CLOSED if the runtime is closed
 * @example
 * ```ts compile-only
 * import { lines, reconnectStream } from 'rivulet/socket'
 *
 * await using stream = await reconnectStream({ framing: lines(), connect: 'tcp://127.0.0.1:7000' })
 * stream.connections.subscribe((connection) => {
 *   connection.next('subscribe quotes') // to each connection, since the listener may be another one
 *   connection.messages.subscribe((line) => console.log(line))
 * })
 * ```
 */
export async function reconnectStream<In, Out = In>(
  options: ReconnectStreamOptions<In, Out>,
): Promise<ReconnectingStream<In, Out>> {
  return ReconnectingResource.create<In, Out>(resolveReconnectOptions('reconnectStream', options))
}

/** The implementation of `ReconnectingStream`. */
export class ReconnectingResource<In, Out>
  extends ResourceBase<ReconnectingStreamStats>
  implements ReconnectingStream<In, Out>, ResourceMaker
{
  readonly #options: ResolvedReconnectOptions
  readonly #opened = new Subject<StreamConnection<In, Out>>()
  readonly #made = new Set<Closable>()
  readonly #link: LinkCount
  readonly #stop = new AbortController()
  readonly #failures: SparseReports
  readonly #tls: StreamTls | undefined
  #current: ConnectionResource<In, Out> | undefined
  #openedCount = 0
  #failedCount = 0
  #isReferenced = true
  #letGo = () => {}
  #timer: Timer | undefined
  #wake: () => void = () => {}

  readonly connections = new Observable<StreamConnection<In, Out>>((subscriber) => {
    if (this.#current !== undefined) subscriber.next(this.#current)
    return this.#opened.subscribe(subscriber)
  })

  static async create<In, Out>(options: ResolvedReconnectOptions): Promise<ReconnectingResource<In, Out>> {
    const tls = options.tls && (await import('./client-tls.js')).clientTls
    return new ReconnectingResource<In, Out>(options, tls).#start()
  }

  private constructor(options: ResolvedReconnectOptions, tls: typeof clientTls | undefined) {
    const { address } = streamEndpoint(options.connect, 'connect')
    super('reconnectStream', options)
    this.#options = options
    this.#failures = new SparseReports(this.runtime.clock, (error) => this.reports.report(error))
    this.#tls = tls?.('reconnectStream', options, (error) => this.reports.report(error))
    this.#link = this.scope.links.add((changed) => new LinkCount(address, 'connect', changed))
    this.transport = {
      address,
      endpoints: [],
      close: () => ({ left: 0, released: Promise.resolve() }),
      ref: () => this.#refer(true),
      unref: () => this.#refer(false),
      isConnectedTo: (endpoints) => endpoints.some((endpoint) => reaches(address, endpoint)),
    }
  }

  protected readonly isSender = true

  get current(): StreamConnection<In, Out> | undefined {
    return this.#current
  }

  stats(): ReconnectingStreamStats {
    return Object.freeze({ opened: this.#openedCount, failed: this.#failedCount })
  }

  adopt(connection: Closable): void {
    if (!this.life.isOpen) throw new RivuletError('RIVULET_CLOSED', `${this.name}: closed`)
    this.#made.add(connection)
  }

  release(connection: Closable): void {
    this.#made.delete(connection)
  }

  report(error: RivuletError): void {
    this.reports.report(error)
  }

  protected override async finish(deadline: number): Promise<number> {
    this.#letGo()
    const timeoutMs = Math.max(0, deadline - this.runtime.clock.now())
    const closing = [...this.#made].map((connection) => connection.close({ drain: timeoutMs > 0, timeoutMs }))
    const results = await Promise.all(closing)
    this.#opened.complete()
    return results.reduce((sum, { undelivered }) => sum + undelivered, 0)
  }

  async #start(): Promise<this> {
    await this.open()
    this.life.onClosing(() => {
      this.#stop.abort()
      this.#timer?.cancel()
      this.#wake()
    })
    this.#refer(true)
    void this.#run()
    return this
  }

  /** Connects, again and again; never rejects. */
  async #run(): Promise<void> {
    const { clock } = this.runtime
    const { backoff } = this.#options
    // tries since the last connection that was of use
    let attempt = 0
    while (this.life.isOpen) {
      try {
        const connection = await openConnection<In, Out>(
          'reconnectStream',
          this.#options,
          this.#stop.signal,
          this.#tls,
          this,
        )
        const openedAt = clock.now()
        await this.#use(connection)
        const isUseful = connection.stats().receivedBytes > 0 || clock.now() - openedAt >= backoff.maxMs
        attempt = isUseful ? 1 : attempt + 1
      } catch (error) {
        if (!this.life.isOpen) return
        attempt += 1
        this.#failedCount += 1
        this.#link.retry(error as RivuletError)
        this.#failures.report(error as RivuletError)
      }
      if (this.life.isOpen) await this.#wait(reconnectDelay(backoff, attempt))
    }
  }

  /** Hands a connection out, until it has ended. */
  async #use(connection: ConnectionResource<In, Out>): Promise<void> {
    if (!this.#isReferenced) connection.unref()
    this.#openedCount += 1
    this.#current = connection
    this.#link.up()
    this.#opened.next(connection)
    const cause = await connection.whenEnded
    this.#current = undefined
    this.#link.down(cause)
  }

  async #wait(delayMs: number): Promise<void> {
    const { promise, resolve } = deferred()
    this.#wake = resolve
    this.#timer = this.runtime.clock.setTimer(resolve, delayMs)
    await promise
  }

  /** Timers of the clock keep no process alive. */
  #refer(on: boolean): void {
    this.#isReferenced = on
    this.#letGo()
    if (on && this.life.isOpen) this.#letGo = holdProcess()
    if (on) this.#current?.ref()
    else this.#current?.unref()
  }
}
