/**
 * What every resource with a socket has in common: its life, its links, its errors.
 *
 * The patterns extend it with what they send and receive; it moves no message itself.
 */
import type { Observable } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import {
  abortedError,
  type Closable,
  type CloseOptions,
  type CloseResult,
  deferred,
  LifeCycle,
  onAbort,
  type Status,
  type WaitOptions,
  waitFor,
} from '../lifecycle/index.js'
import { ErrorReports } from '../observe/index.js'
import { defaults, flag, instance, invalidOption, type Resolved, signal, texts } from '../options/index.js'
import { defaultRuntime, isRuntime, type Runtime } from '../runtime/index.js'
import type { LinkChange } from './links.js'
import { Socket, type SocketConfig } from './socket.js'

/** What every resource shows and can. */
export interface Resource<Stats = unknown> extends Closable {
  /** The first of `endpoints`; the empty text where nothing is bound. */
  readonly endpoint: string
  /** Where the resource is bound, with wildcards resolved. */
  readonly endpoints: readonly string[]
  /** How many links are live. */
  readonly connected: number
  /** Current links first, then changes. Hot; completes when the resource is closed. */
  readonly links: Observable<LinkChange>
  /**
   * Failures of single messages and of strangers' connections; they end no stream.
   *
   * Hot; completes when the resource is closed. What nobody observes is a process warning, once per code.
   */
  readonly errors: Observable<RivuletError>
  /** A snapshot of the counts; the unit is messages. */
  stats(): Stats
  /**
   * Resolves when at least one link is live.
   *
   * @error RIVULET_TIMEOUT, RIVULET_ABORTED, RIVULET_CLOSED
   */
  whenConnected(options?: WaitOptions): Promise<void>
  /** Keeps the process alive while the resource is open, which is the default. */
  ref(): this
  /** Lets the process exit although the resource is open; takes effect within a second. */
  unref(): this
}

/** Options that every resource with a socket takes. Without `bind` and `connect` there is nothing to open. */
export interface SocketOptions {
  /** Endpoints to bind: `tcp://127.0.0.1:*`, `ipc:///run/app.sock`, `inproc://name`. */
  readonly bind?: string | readonly string[]
  /** Endpoints to connect to, now and again after every cut. */
  readonly connect?: string | readonly string[]
  /** Allows binding where other machines can reach it, without any security. Default: false. */
  readonly insecure?: boolean
  /** The runtime to live in. Default: the one of this thread. */
  readonly runtime?: Runtime
  /** Before the resource is open, aborting rejects the factory; afterwards it closes without draining. */
  readonly signal?: AbortSignal
}

/** The rules of `SocketOptions`. */
export const socketRules = {
  bind: texts('an endpoint or a list of endpoints'),
  connect: texts('an endpoint or a list of endpoints'),
  insecure: flag(false),
  runtime: instance('a runtime of createRuntime', isRuntime, undefined),
  signal,
}

/** `SocketOptions`, resolved. */
export type ResolvedSocketOptions = Resolved<typeof socketRules>

/** What a pattern decides about its socket. */
export type SocketSettings = Pick<
  SocketConfig,
  | 'kind'
  | 'sendHighWaterMark'
  | 'receiveHighWaterMark'
  | 'maxFrameBytes'
  | 'socketBufferBytes'
  | 'patienceMs'
  | 'outboxBytes'
>

/** The base of every resource with a socket. */
export abstract class SocketResource<Stats> implements Resource<Stats> {
  protected readonly runtime: Runtime
  protected readonly reports: ErrorReports
  protected readonly life: LifeCycle
  readonly #kind: string
  readonly #options: ResolvedSocketOptions
  #socket: Socket | undefined

  /**
   * @param factory - The public function, for messages: `createPush`.
   * @throws RIVULET_INVALID_OPTION
   */
  constructor(factory: string, options: ResolvedSocketOptions, sides: 'one' | 'any') {
    const { bind, connect } = options
    if (bind.length === 0 && connect.length === 0) {
      throw invalidOption(factory, 'bind or connect', 'given', undefined)
    }
    if (sides === 'one' && bind.length > 0 && connect.length > 0) {
      throw new RivuletError('RIVULET_INVALID_OPTION', `${factory}: give either bind or connect, not both`)
    }
    this.#kind = factory.replace(/^create/, '').toLowerCase()
    this.#options = options
    this.runtime = options.runtime ?? defaultRuntime()
    this.reports = new ErrorReports(() => this.name)
    this.life = new LifeCycle((closeOptions) => this.#close(closeOptions))
  }

  /** What messages and channels call this resource. */
  protected get name(): string {
    return this.#socket?.name ?? this.#kind
  }

  protected get socket(): Socket {
    if (!this.#socket) throw new RivuletError('RIVULET_CLOSED', `${this.#kind} is not open`)
    return this.#socket
  }

  /** Takes a frame that arrived; must not throw. */
  protected abstract onFrame(parts: readonly Buffer[]): void

  /** Counts messages that a failure of the transport took with it. */
  protected abstract onLost(messages: number): void

  /**
   * Finishes the work before the socket is closed.
   *
   * @param deadline - When to stop, on the runtime's clock; in the past for no draining.
   * @returns Messages that were not delivered, those in the outbox aside.
   */
  protected abstract finish(deadline: number): Promise<number>

  /** Waits for a promise until the deadline of `close`; what is not done by then is counted, not an error. */
  protected async waitUntil(deadline: number, done: Promise<unknown>): Promise<void> {
    const { clock } = this.runtime
    const timeoutMs = deadline - clock.now()
    if (timeoutMs > 0) await waitFor(`${this.name}: close`, done, clock, { timeoutMs }).catch(() => {})
  }

  /** Releases what is left when the socket is closed; `left` messages in its outbox were lost. */
  protected abstract released(left: number): void

  abstract stats(): Stats

  /** Opens the socket; the resource is usable when this resolves. */
  protected async open(settings: SocketSettings): Promise<this> {
    const { bind, connect, insecure, signal } = this.#options
    if (signal?.aborted) throw abortedError(this.#kind, signal)
    this.runtime.adopt(this)
    try {
      this.#socket = await Socket.open({
        ...settings,
        name: this.#kind,
        runtime: this.runtime,
        bind,
        connect,
        insecure,
        onFrame: (parts) => this.onFrame(parts),
        onError: (error, messages) => {
          if (messages > 0) this.onLost(messages)
          this.reports.report(error)
        },
      })
      if (signal?.aborted) throw abortedError(this.#kind, signal)
      if (this.status !== 'opening') throw new RivuletError('RIVULET_CLOSED', `${this.#kind}: the runtime was closed`)
    } catch (error) {
      await this.close({ drain: false })
      // a runtime that closed in the meantime has closed this resource before it had a socket
      this.#socket?.close(0)
      await this.#socket?.released
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
    return this.socket.endpoints
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
    return this.socket.links.connected
  }

  get links(): Observable<LinkChange> {
    return this.socket.links.observable
  }

  get errors(): Observable<RivuletError> {
    return this.reports.observable
  }

  async whenConnected(options: WaitOptions = {}): Promise<void> {
    const { links } = this.socket
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
    this.socket.ref()
    return this
  }

  unref(): this {
    this.socket.unref()
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
    const { drain = true, timeoutMs = defaults.closeTimeoutMs } = options
    const { clock } = this.runtime
    const deadline = clock.now() + (drain ? timeoutMs : 0)
    const undelivered = this.#socket ? await this.finish(deadline) : 0
    const left = this.#socket?.close(deadline - clock.now()) ?? 0
    await this.#socket?.released
    this.released(left)
    this.reports.complete()
    this.runtime.release(this)
    return { undelivered: undelivered + left }
  }
}
