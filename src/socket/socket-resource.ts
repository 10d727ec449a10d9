/**
 * What every resource with sockets has in common: its life, its links, its errors.
 *
 * A resource opens one socket or several and moves its messages through them; this moves none itself.
 */
import type { Observable } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import {
  abortedError,
  type Closable,
  type CloseOptions,
  type CloseResult,
  type ClosingOrder,
  closingOrder,
  deferred,
  LifeCycle,
  onAbort,
  type Status,
  type WaitOptions,
  waitFor,
} from '../lifecycle/index.js'
import { ErrorReports } from '../observe/index.js'
import { defaults, invalidOption } from '../options/index.js'
import { defaultRuntime, type Runtime } from '../runtime/index.js'
import { reaches } from './endpoint.js'
import type { LinkChange } from './endpoint-links.js'
import { Links } from './links.js'
import type { ResolvedSocketOptions, Resource } from './resource.js'
import type { Socket, SocketEnvironment } from './socket.js'

/** The base of every resource with sockets. */
export abstract class SocketResource<Stats> implements Resource<Stats> {
  protected readonly runtime: Runtime
  protected readonly reports: ErrorReports
  protected readonly life: LifeCycle
  readonly #kind: string
  readonly #options: ResolvedSocketOptions
  readonly #links: Links
  readonly #sockets: Socket[] = []
  #opened = false
  #isShut = false
  /** A socket that takes the place of another one. */
  protected renewal: Promise<unknown> = Promise.resolve()
  #isReferenced = true
  /** Its place among resources that close together: it closes before those that it sends to or calls. */
  readonly [closingOrder]: ClosingOrder = {
    uses: (other) => this.uses(other),
    whenUsersClosed: (users) => {
      const whenClosed = this.whenUsersClosed(users)
      return (timeoutMs) => whenClosed(this.runtime.clock.now() + timeoutMs)
    },
  }

  /**
   * @param factory - The public function, for messages: `createPush`.
   * @param sides - Whether there must be `bind`, `connect`, one of the two, at least one, or may be none.
   * @throws RIVULET_INVALID_OPTION
   */
  constructor(factory: string, options: ResolvedSocketOptions, sides: 'bind' | 'connect' | 'one' | 'any' | 'none') {
    const { bind, connect, insecure } = options
    if (sides !== 'none' && bind.length === 0 && connect.length === 0) {
      throw invalidOption(
        factory,
        sides === 'bind' || sides === 'connect' ? sides : 'bind or connect',
        'given',
        undefined,
      )
    }
    if (sides !== 'any' && bind.length > 0 && connect.length > 0) {
      throw new RivuletError('RIVULET_INVALID_OPTION', `${factory}: give either bind or connect, not both`)
    }
    if (insecure && bind.length === 0)
      throw invalidOption(factory, 'insecure', 'left out where nothing is bound', insecure)
    this.#kind = factory.replace(/^create/, '').toLowerCase()
    this.#options = options
    this.runtime = options.runtime ?? defaultRuntime()
    this.reports = new ErrorReports(() => this.name, this.runtime.clock)
    this.#links = new Links({
      resource: () => this.name,
      clock: this.runtime.clock,
      onRefused: (error) => this.reports.report(error),
    })
    this.life = new LifeCycle((closeOptions) => this.#close(closeOptions))
  }

  /** What messages and channels call this resource: its kind and its first endpoint. */
  protected get name(): string {
    // what is told while the first socket opens has the name that it will have
    return this.#sockets[0]?.name ?? `${this.#kind} ${this.#options.connect[0] ?? ''}`.trimEnd()
  }

  /** What every socket of this resource is given. */
  protected get environment(): SocketEnvironment {
    return {
      name: this.#kind,
      runtime: this.runtime,
      links: this.#links,
      insecure: this.#options.insecure,
      onError: (error) => this.reports.report(error),
    }
  }

  /**
   * Opens the sockets; each goes through `own` at once, so that it is closed with the resource, and if another one fails.
   *
   * Nothing may be read before the last of them is open.
   */
  protected abstract openSockets(): Promise<void>

  /**
   * Makes a socket one of this resource: it is closed with the resource, and keeps the process alive as the resource does.
   *
   * @param former - The closed socket that it replaces.
   * @error RIVULET_CLOSED if the resource has closed its sockets meanwhile.
   */
  protected async own<Owned extends Socket>(opening: Promise<Owned>, former?: Socket): Promise<Owned> {
    const socket = await opening
    if (former === undefined) {
      this.#sockets.push(socket)
      return socket
    }
    if (this.#isShut) {
      socket.close(0)
      await socket.released
      throw new RivuletError('RIVULET_CLOSED', `${this.name}: closed`)
    }
    this.#sockets.splice(this.#sockets.indexOf(former), 1, socket)
    if (!this.#isReferenced) socket.unref()
    return socket
  }

  /** Whether the sockets were closed with the resource. */
  protected get isShut(): boolean {
    return this.#isShut
  }

  /**
   * Finishes the work before the sockets are closed; only if all were opened.
   *
   * @param deadline - When to stop, on the runtime's clock; in the past for no draining.
   * @returns Messages that were not delivered, those in the outbox aside.
   */
  protected abstract finish(deadline: number): Promise<number>

  /** Whether it sends or calls, rather than receives or serves. */
  protected abstract get isSender(): boolean

  /** Whether it sends to another resource of this process or calls it, by their endpoints. */
  protected uses(other: Closable): boolean {
    if (!this.isSender || !(other instanceof SocketResource) || other.isSender) return false
    return this.#isConnectedTo(other) || other.#isConnectedTo(this)
  }

  /** Waits until what its users send before they close has arrived; where they wait for that themselves, it has. */
  protected whenUsersClosed(_users: readonly Closable[]): (deadline: number) => Promise<void> {
    return () => Promise.resolve()
  }

  #isConnectedTo(other: SocketResource<unknown>): boolean {
    const bound = other.endpoints.filter(
      (endpoint) => !endpoint.startsWith('inproc:') || other.runtime === this.runtime,
    )
    return this.#options.connect.some((endpoint) => bound.some((one) => reaches(endpoint, one)))
  }

  /** Waits for a promise until the deadline of `close`; what is not done by then is counted, not an error. */
  protected async waitUntil(deadline: number, done: Promise<unknown>): Promise<void> {
    const { clock } = this.runtime
    const timeoutMs = deadline - clock.now()
    if (timeoutMs > 0) await waitFor(`${this.name}: close`, done, clock, { timeoutMs }).catch(() => {})
  }

  /** Releases what is left as soon as the sockets are closed; `left` messages in their outboxes were lost. */
  protected abstract released(left: number): void

  abstract stats(): Stats

  /** Opens the resource; it is usable when this resolves. */
  protected async open(): Promise<this> {
    const { signal } = this.#options
    if (signal?.aborted) throw abortedError(this.#kind, signal)
    this.runtime.adopt(this)
    try {
      await this.openSockets()
      this.#opened = true
      if (signal?.aborted) throw abortedError(this.#kind, signal)
      if (this.status !== 'opening') throw new RivuletError('RIVULET_CLOSED', `${this.#kind}: the runtime was closed`)
    } catch (error) {
      await this.close({ drain: false })
      // a runtime that closed in the meantime has closed this resource before it had all its sockets
      await this.#closeSockets(0).released
      throw error
    }
    this.life.opened()
    const forget = onAbort(signal, () => void this.close({ drain: false }))
    void this.whenClosed.then(forget)
    return this
  }

  get endpoint(): string {
    return this.endpoints[0] ?? ''
  }

  get endpoints(): readonly string[] {
    return this.#sockets.flatMap(({ endpoints }) => endpoints)
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

  get connected(): number {
    return this.#links.connected
  }

  get refusedConnections(): number {
    return this.#links.refused
  }

  get links(): Observable<LinkChange> {
    return this.#links.observable
  }

  get errors(): Observable<RivuletError> {
    return this.reports.observable
  }

  async whenConnected(options: WaitOptions = {}): Promise<void> {
    const links = this.#links
    if (links.connected > 0) return
    const subject = `${this.name}: whenConnected`
    const { promise, resolve, reject } = deferred()
    const subscription = links.changes.subscribe({
      next: (change) => {
        if (change.connected > 0) resolve()
      },
      complete: () => reject(new RivuletError('RIVULET_CLOSED', `${subject}: closed before a link was live`)),
    })
    try {
      await waitFor(subject, promise, this.runtime.clock, options)
    } finally {
      subscription.unsubscribe()
    }
  }

  ref(): this {
    this.#isReferenced = true
    for (const socket of this.#sockets) socket.ref()
    return this
  }

  unref(): this {
    this.#isReferenced = false
    for (const socket of this.#sockets) socket.unref()
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
    const { clock } = this.runtime
    const deadline = clock.now() + (drain ? timeoutMs : 0)
    const undelivered = this.#opened ? await this.finish(deadline) : 0
    const { left, released } = this.#closeSockets(deadline - clock.now())
    // at once, so that the counts add up while the library frees the addresses
    this.released(left)
    await released
    this.reports.complete()
    this.runtime.release(this)
    return { undelivered: undelivered + left }
  }

  /** Returns the messages that were not handed over, and when the addresses are free. */
  #closeSockets(lingerMs: number): { readonly left: number; readonly released: Promise<unknown> } {
    this.#isShut = true
    const left = this.#sockets.reduce((sum, socket) => sum + socket.close(lingerMs), 0)
    this.#links.close()
    return { left, released: Promise.all([...this.#sockets.map(({ released }) => released), this.renewal]) }
  }
}
