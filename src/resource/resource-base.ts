/**
 * What every resource has in common: its life, its links, its errors.
 *
 * What its messages go over is a `Transport`, which it opens and closes; this moves no messages itself.
 */
import { Observable, ReplaySubject } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import {
  abortedError,
  type Closable,
  type CloseOptions,
  type CloseResult,
  type ClosingOrder,
  closingOrder,
  deferred,
  holdProcess,
  LifeCycle,
  onAbort,
  type Status,
  type WaitOptions,
  waitFor,
} from '../lifecycle/index.js'
import { ErrorReports } from '../observe/index.js'
import { defaults } from '../options/index.js'
import { defaultRuntime, type Runtime } from '../runtime/index.js'
import type { SecurityEvent } from '../security/index.js'
import type { LinkChange } from './link-change.js'
import { Links, shownUntil } from './links.js'
import type { Resource } from './resource.js'
import type { ResourceScope, Transport } from './transport.js'

/** What a resource is made with. */
export interface ResourceSettings {
  /** The runtime to live in. Default: that of `over`, or the one of this thread. */
  readonly runtime?: Runtime | undefined
  /** Aborts the opening, or closes the resource. */
  readonly signal?: AbortSignal | undefined
  /** Another resource whose links and errors it shows as its own, and with which it is closed. */
  readonly over?: ResourceBase<unknown> | undefined
  /** Whether its errors are its own all the same; those of the links are reported by the resource that has them. Default: false. */
  readonly hasOwnErrors?: boolean | undefined
  /** The resource that makes it, in place of the runtime. */
  readonly maker?: ResourceMaker | undefined
}

/** A resource that makes others and closes them with itself. */
export interface ResourceMaker {
  adopt(made: Closable): void
  release(made: Closable): void
  /** Takes errors of those that it made, where nobody observes them. */
  report(error: RivuletError): void
}

/** The base of every resource. */
export abstract class ResourceBase<Stats> implements Resource<Stats> {
  protected readonly runtime: Runtime
  protected readonly reports: ErrorReports
  protected readonly life: LifeCycle
  /** What its messages go over; a resource that is served or shared within this process has none. */
  protected transport: Transport | undefined
  readonly #kind: string
  readonly #signal: AbortSignal | undefined
  readonly #over: ResourceBase<unknown> | undefined
  readonly #maker: ResourceMaker | undefined
  readonly #hasOwnErrors: boolean
  readonly #links: Links
  readonly #noSecurityEvents = new Observable<SecurityEvent>((observer) => {
    void this.whenClosed.then(() => observer.complete())
  })
  /** Emits when it shows nothing of the resource that it is `over` any more. */
  readonly #hasLeft = new ReplaySubject<void>(1)
  #opened = false
  #isReferenced = true
  #letGo = () => {}
  /** Its place among resources that close together: it closes before those that it sends to or calls. */
  readonly [closingOrder]: ClosingOrder = {
    uses: (other) => this.uses(other),
    whenUsersClosed: (users) => {
      // to one that a runtime closes before it was open nothing has arrived
      const whenClosed = this.life.isOpen ? this.whenUsersClosed(users) : () => Promise.resolve()
      return (timeoutMs) => whenClosed(this.runtime.clock.now() + timeoutMs)
    },
  }

  /**
   * @param factory - The public function, for messages: `createPush`.
   * @throws RIVULET_CLOSED if the resource whose links it shares is not open.
   */
  constructor(factory: string, { runtime, signal, over, hasOwnErrors = over === undefined, maker }: ResourceSettings) {
    if (over !== undefined && over.status !== 'open') {
      throw new RivuletError('RIVULET_CLOSED', `${factory}: the other ${over.#kind} is closed`)
    }
    this.#kind = factory.replace(/^create/, '').toLowerCase()
    this.#signal = signal
    this.#over = over
    this.#maker = maker
    this.runtime = over?.runtime ?? runtime ?? defaultRuntime()
    const unobserved = maker && ((error: RivuletError) => maker.report(error))
    this.#hasOwnErrors = hasOwnErrors
    const shared = hasOwnErrors ? undefined : over?.reports
    this.reports = shared ?? new ErrorReports(() => this.label, this.runtime.clock, unobserved)
    this.#links = over !== undefined ? over.#links : this.#newLinks()
    this.life = new LifeCycle((closeOptions) => this.#close(closeOptions))
  }

  /** Its kind and its first endpoint. */
  protected get name(): string {
    // reports during the opening have the final name
    return `${this.#kind} ${this.transport?.address ?? ''}`.trimEnd()
  }

  /** What messages and channels call it. */
  protected get label(): string {
    return this.name
  }

  /** What its transport sees of it. */
  protected get scope(): ResourceScope {
    return {
      kind: this.#kind,
      name: () => this.label,
      runtime: this.runtime,
      links: this.#links,
      report: (error) => this.reports.report(error),
      unreachable: () => this.unreachable(),
      waitUntil: (deadline, done) => this.waitUntil(deadline, done),
    }
  }

  /** Why no peer is connected, if one has refused this side; to be appended to a message. */
  protected unreachable(): string {
    const { refusal, connected } = this.#links
    return refusal === undefined || connected > 0 ? '' : `: ${refusal.message}`
  }

  /** Opens the transport; nothing may be read before it is open as a whole. */
  protected async openTransport(): Promise<void> {
    await this.transport?.open?.()
  }

  /**
   * Finishes the work before the transport is closed; only if it was opened.
   *
   * @param deadline - When to stop, on the runtime's clock; in the past for no draining.
   * @returns Messages that were not delivered, those in the outbox aside.
   */
  protected async finish(deadline: number): Promise<number> {
    return (await this.transport?.finish?.(deadline)) ?? 0
  }

  /** Whether it sends or calls, rather than receives or serves. */
  protected abstract readonly isSender: boolean

  /** Whether it receives or serves, maybe beside that it sends. */
  protected get isReceiver(): boolean {
    return !this.isSender
  }

  /** Whether it sends to another resource of this process or calls it, by their endpoints. */
  protected uses(other: Closable): boolean {
    if (!this.isSender || !(other instanceof ResourceBase) || !other.isReceiver) return false
    return this.#isConnectedTo(other) || other.#isConnectedTo(this)
  }

  /** Waits until what its users send before they close has arrived; where they wait for that themselves, it has. */
  protected whenUsersClosed(_users: readonly Closable[]): (deadline: number) => Promise<void> {
    return () => Promise.resolve()
  }

  #isConnectedTo({ endpoints, runtime }: ResourceBase<unknown>): boolean {
    return this.transport?.isConnectedTo(endpoints, runtime === this.runtime) ?? false
  }

  /** Waits for a promise until the deadline of `close`; what is not done by then is counted, not an error. */
  protected async waitUntil(deadline: number, done: Promise<unknown>): Promise<void> {
    const { clock } = this.runtime
    const timeoutMs = deadline - clock.now()
    if (timeoutMs > 0) await waitFor(`${this.label}: close`, done, clock, { timeoutMs }).catch(() => {})
  }

  /** Releases what is left as soon as the transport is closed; `left` messages in its outboxes were lost. */
  protected released(_left: number): void {}

  /** Nothing arrives any more: ends what it has received, and returns how many messages of that were not delivered. */
  protected ended(): number {
    return 0
  }

  abstract stats(): Stats

  /** Opens the resource; it is usable when this resolves. */
  protected async open(): Promise<this> {
    const signal = this.#signal
    if (signal?.aborted) {
      this.transport?.close(0)
      throw abortedError(this.#kind, signal)
    }
    if (this.#over === undefined) (this.#maker ?? this.runtime).adopt(this)
    try {
      await this.openTransport()
      this.#opened = true
      if (signal?.aborted) throw abortedError(this.#kind, signal)
      if (this.status !== 'opening') throw new RivuletError('RIVULET_CLOSED', `${this.#kind}: the runtime was closed`)
    } catch (error) {
      await this.close({ drain: false })
      // a runtime that closed in the meantime has closed this resource before its transport was open
      await this.#closeTransport(0).released
      throw error
    }
    this.life.opened()
    this.#hold()
    void this.whenClosed.then(onAbort(signal, () => void this.close({ drain: false })))
    void this.#over?.whenClosed.then(() => this.close({ drain: false }))
    return this
  }

  get endpoint(): string {
    return this.endpoints[0] ?? ''
  }

  get endpoints(): readonly string[] {
    return this.transport?.endpoints ?? []
  }

  get publicKey(): string | undefined {
    return this.#over?.publicKey ?? this.transport?.publicKey
  }

  get status(): Status {
    return this.life.status
  }

  get closed(): boolean {
    return this.life.status === 'closed'
  }

  get whenClosed(): Promise<void> {
    return this.life.whenClosed
  }

  /**
   * Calls back when closing begins, or at once if it has begun; returns how to take that back.
   *
   * @internal
   */
  onClosing(callback: () => void): () => void {
    return this.life.onClosing(callback)
  }

  get connected(): number {
    return this.closed ? 0 : this.#links.connected
  }

  get refusedConnections(): number {
    return this.#links.refused
  }

  get links(): Observable<LinkChange> {
    return this.#ownOrShared(this.#links.observable)
  }

  get errors(): Observable<RivuletError> {
    return this.#hasOwnErrors ? this.reports.observable : this.#ownOrShared(this.reports.observable)
  }

  get securityEvents(): Observable<SecurityEvent> {
    return this.#ownOrShared(this.#over?.securityEvents ?? this.transport?.securityEvents ?? this.#noSecurityEvents)
  }

  async whenConnected(options: WaitOptions = {}): Promise<void> {
    if (this.connected > 0) return
    const subject = `${this.label}: whenConnected`
    const { promise, resolve, reject } = deferred()
    const subscription = this.#ownOrShared(this.#links.changes).subscribe({
      next: (change) => {
        if (change.connected > 0) resolve()
      },
      complete: () => reject(new RivuletError('RIVULET_CLOSED', `${subject}: closed before a link was live`)),
    })
    try {
      await waitFor(subject, promise, this.runtime.clock, options, () => this.unreachable())
    } finally {
      subscription.unsubscribe()
    }
  }

  ref(): this {
    this.#isReferenced = true
    this.transport?.ref()
    this.#hold()
    return this
  }

  unref(): this {
    this.#isReferenced = false
    this.transport?.unref()
    this.#letGo()
    return this
  }

  close(options?: CloseOptions): Promise<CloseResult> {
    return this.life.close(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(options: CloseOptions): Promise<CloseResult> {
    // a getter of a message that is being written may be what closes: its message is taken first
    await undefined
    const { drain = defaults.drain, timeoutMs = defaults.closeTimeoutMs } = options
    const deadline = this.runtime.clock.now() + (drain ? timeoutMs : 0)
    const finished = this.#opened ? await this.finish(deadline) : 0
    const { left, released } = this.#closeTransport(deadline - this.runtime.clock.now())
    // at once, so that the counts add up while the library frees the addresses
    this.released(left)
    await released
    const undelivered = finished + left + this.ended()
    this.#letGo()
    if (this.#hasOwnErrors) this.reports.complete()
    ;(this.#maker ?? this.runtime).release(this)
    return { undelivered }
  }

  /** What another resource has is shown until this one is closed. */
  #ownOrShared<T>(shown: Observable<T>): Observable<T> {
    return this.#over === undefined ? shown : shownUntil(this.#hasLeft, shown)
  }

  #newLinks(): Links {
    const onRefused = (error: RivuletError) => this.reports.report(error)
    return new Links({ resource: () => this.label, clock: this.runtime.clock, onRefused })
  }

  /** Returns the messages that were not handed over, and when the addresses are free. */
  #closeTransport(lingerMs: number): { readonly left: number; readonly released: Promise<unknown> } {
    const closed = this.transport?.close(lingerMs)
    if (this.#over === undefined) this.#links.close()
    else this.#hasLeft.next()
    return closed ?? { left: 0, released: Promise.resolve() }
  }

  /** What serves this process without a transport keeps it alive. */
  #hold(): void {
    if (this.transport !== undefined || this.isSender || !this.life.isOpen || !this.#isReferenced) return
    this.#letGo()
    this.#letGo = holdProcess()
  }
}
