/**
 * The binding side of byte streams: accepts connections, and hands them out while somebody takes them.
 *
 * It bounds their number and what they hold together; what passes over them is for each of them to say.
 */
import { Observable, Subject } from 'rxjs'
import { DeadlineSweep } from '../../../src/clock/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { type Closable, Fifo } from '../../../src/lifecycle/index.js'
import { mustBeLocal, StreamServer, type StreamSocket } from '../../../src/net/index.js'
import { Tally } from '../../../src/observe/index.js'
import { defaults, invalidOption } from '../../../src/options/index.js'
import { type Resource, ResourceBase, type ResourceMaker } from '../../../src/resource/index.js'
import type { Reasons } from '../../../src/stream/index.js'
import { ConnectionResource } from './connection.js'
import type { StreamConnection } from './connection-contract.js'
import { mustBeTcp, streamEndpoint } from './endpoint-check.js'
import type { Framing } from './framing.js'
import { HeldBytes } from './held-bytes.js'
import { LinkCount } from './link-count.js'
import type { ListenerTls } from './listener-tls.js'
import { type ResolvedListenerOptions, resolveListenerOptions, type StreamListenerOptions } from './options.js'
import { ReconnectingResource } from './reconnecting.js'

/** The counts of a {@link StreamListener}; the unit is connections, where nothing else is said. */
export interface StreamListenerStats {
  /** Open now, those that nobody has taken yet included. */
  readonly open: number
  /** Handed out by `connections`. */
  readonly accepted: number
  /** Not handed out, by reason: `too-many`, `not-taken`, `not-agreed`, `too-many-schemas`. */
  readonly refused: Reasons
  /** What all connections hold, in bytes. */
  readonly bufferedBytes: number
}

/** The binding side of byte streams. */
export interface StreamListener<In, Out = In> extends Resource<StreamListenerStats> {
  /**
   * The connections that peers make.
   *
   * Lifetime: hot; completes when the listener is closed. A subscriber takes each connection that is made from then on, and those
   * that wait. Nothing is read of a connection that waits, and it is refused after `takeTimeoutMs`.
   */
  readonly connections: Observable<StreamConnection<In, Out>>
}

/**
 * Listens for connections of byte streams.
 *
 * Resolves when the endpoints are bound. Closing it closes its connections, each as its own `close` does.
 *
 * @param options - `bind`, and `schema` or `framing`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_TLS_FILE, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed
 * @example
 * ```ts compile-only
 * import { createStreamListener, lines } from 'rivulet/socket'
 *
 * await using listener = await createStreamListener({ framing: lines(), bind: 'tcp://127.0.0.1:*' })
 * // an echo: what is fed with the messages of the peer ends where they end
 * listener.connections.subscribe((connection) => connection.messages.subscribe(connection))
 * ```
 */
export async function createStreamListener<In, Out = In>(
  options: StreamListenerOptions<In, Out>,
): Promise<StreamListener<In, Out>> {
  return ListenerResource.create<In, Out>(resolveListenerOptions('createStreamListener', options))
}

/** Turns of the event loop in which a connection that the system has made is accepted. */
const acceptTurns = 3

/** A connection that waits until somebody takes it. */
interface Untaken {
  readonly link: LinkCount
  /** When it is refused, on the clock. */
  readonly deadline: number
  take(): void
  refuse(): void
}

class ListenerResource<In, Out>
  extends ResourceBase<StreamListenerStats>
  implements StreamListener<In, Out>, ResourceMaker
{
  readonly #options: ResolvedListenerOptions
  readonly #servers: StreamServer[] = []
  readonly #links: LinkCount[] = []
  readonly #taken = new Subject<StreamConnection<In, Out>>()
  readonly #connections = new Set<ConnectionResource<In, Out>>()
  /** Connections that nobody has taken, and how many of them have not begun to agree. */
  readonly #waiting = new Fifo<Untaken>()
  #unread = 0
  readonly #untaken: DeadlineSweep
  readonly #held: HeldBytes
  readonly #refused = new Tally()
  readonly #tls: ListenerTls | undefined
  #framing: Framing<In, Out> | undefined
  /** Connections that are admitted and neither wait nor are open: they agree. */
  #agreeing = 0
  #accepted = 0

  readonly connections = new Observable<StreamConnection<In, Out>>((subscriber) => {
    const subscription = this.#taken.subscribe(subscriber)
    this.#handOut()
    return subscription
  })

  static async create<In, Out>(options: ResolvedListenerOptions): Promise<ListenerResource<In, Out>> {
    const tls = options.tls && (await import('./listener-tls.js')).ListenerTls
    return new ListenerResource<In, Out>(options, tls).open()
  }

  private constructor(options: ResolvedListenerOptions, tlsKind: typeof ListenerTls | undefined) {
    const endpoints = options.bind.map((text) => streamEndpoint(text, 'bind'))
    if (endpoints.length === 0) throw invalidOption('createStreamListener', 'bind', 'given', undefined)
    if (options.tls !== undefined) mustBeTcp('createStreamListener', endpoints)
    else if (!options.insecure) mustBeLocal('createStreamListener', endpoints)
    super('createStreamListener', options)
    this.#options = options
    const { clock } = this.runtime
    this.#untaken = new DeadlineSweep(clock, (now) => this.#refuseUntaken(now))
    this.#held = new HeldBytes(options.maxBufferedBytes)
    const tls = options.tls && tlsKind && new tlsKind('createStreamListener', options.tls, this.scope)
    this.#tls = tls
    const servers = this.#servers
    this.transport = {
      securityEvents: tls?.events,
      get address() {
        return servers[0]?.endpoint ?? endpoints[0]?.address ?? ''
      },
      get endpoints() {
        return servers.map(({ endpoint }) => endpoint)
      },
      open: async () => {
        this.#framing = (await options.framing) as unknown as Framing<In, Out>
        for (const endpoint of endpoints) {
          const link = () => this.#links[at] as LinkCount
          const at = servers.length
          const server = await StreamServer.listen(
            endpoint,
            { subject: 'createStreamListener', backlog: defaults.backlogConnections, tls: tls?.acceptor },
            {
              admits: () => this.#admits(link()),
              accepted: (socket) => this.#arrived(socket, link()),
              refused: (error, address) => {
                tls?.refused(error, address)
                this.#notAgreed(link(), error)
              },
              failed: (error) => this.reports.report(error),
            },
          )
          servers.push(server)
          this.#links.push(this.scope.links.add((changed) => new LinkCount(server.endpoint, 'bind', changed)))
        }
      },
      close: () => ({ left: 0, released: Promise.all(servers.map((server) => server.close())) }),
      ref: () => {
        for (const server of servers) server.ref()
      },
      unref: () => {
        for (const server of servers) server.unref()
      },
      isConnectedTo: () => false,
    }
  }

  protected readonly isSender = false

  /** What clients of this process have sent before they closed arrives behind their last turn. */
  protected override whenUsersClosed(users: readonly Closable[]): (deadline: number) => Promise<void> {
    const open = users.map((user) => (user instanceof ReconnectingResource ? user.current : user))
    const places = new Set(open.map((one) => (one instanceof ConnectionResource ? one.local : undefined)))
    return async (deadline) => {
      for (let turns = 0; turns < acceptTurns; turns++) await new Promise((resolve) => setImmediate(resolve))
      const theirs = [...this.#connections].filter(({ remote }) => places.has(remote))
      await this.waitUntil(deadline, Promise.all(theirs.map((connection) => connection.whenPeerDone())))
    }
  }

  stats(): StreamListenerStats {
    return Object.freeze({
      open: this.#open,
      accepted: this.#accepted,
      refused: this.#refused.snapshot(),
      bufferedBytes: this.#held.bytes,
    })
  }

  adopt(connection: Closable): void {
    if (!this.life.isOpen) throw new RivuletError('RIVULET_CLOSED', `${this.name}: closed`)
    this.#connections.add(connection as ConnectionResource<In, Out>)
  }

  release(connection: Closable): void {
    this.#connections.delete(connection as ConnectionResource<In, Out>)
  }

  /** Peers end as many connections as they like. */
  report(error: RivuletError): void {
    this.reports.reportOfPeer(error)
  }

  protected override async finish(deadline: number): Promise<number> {
    await Promise.all(this.#servers.map((server) => server.close()))
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next.refuse()
    this.#untaken.stop()
    this.#tls?.close()
    const timeoutMs = Math.max(0, deadline - this.runtime.clock.now())
    const closing = [...this.#connections].map((connection) => connection.close({ drain: timeoutMs > 0, timeoutMs }))
    const results = await Promise.all(closing)
    this.#taken.complete()
    return results.reduce((sum, { undelivered }) => sum + undelivered, 0)
  }

  get #open(): number {
    return this.#connections.size + this.#unread + this.#agreeing
  }

  #admits(link: LinkCount): boolean {
    if (!this.life.isOpen) return false
    const { maxConnections } = this.#options
    if (this.#open >= maxConnections && !this.#makeRoom()) {
      const text = `a connection was refused: there are ${maxConnections} (maxConnections)`
      this.#tls?.limited()
      this.#refuse('too-many', link, new RivuletError('RIVULET_TOO_MANY_CONNECTIONS', text))
      return false
    }
    this.#agreeing += 1
    return true
  }

  /** Closes the first connection whose peer has closed its half, if everything of it is consumed and answered. */
  #makeRoom(): boolean {
    for (const connection of this.#connections) {
      if (!connection.isIdleHalf) continue
      void connection.close({ drain: false })
      return true
    }
    return false
  }

  #arrived(socket: StreamSocket, link: LinkCount): void {
    this.#agreeing -= 1
    if (this.life.isOpen) this.#tls?.admitted(socket)
    if (!this.life.isOpen) {
      socket.destroy()
    } else if (this.#taken.observed) {
      void this.#accept(socket, link)
    } else {
      this.#unread += 1
      const read = (end: () => void) => () => {
        this.#unread -= 1
        end()
      }
      this.#wait(link, { take: read(() => void this.#accept(socket, link)), refuse: read(() => socket.destroy()) })
    }
  }

  #wait(link: LinkCount, ends: Pick<Untaken, 'take' | 'refuse'>): void {
    const deadline = this.runtime.clock.now() + this.#options.takeTimeoutMs
    this.#waiting.push({ link, deadline, ...ends })
    if (Number.isFinite(deadline)) this.#untaken.watch(deadline)
  }

  #handOut(): void {
    for (let next = this.#waiting.first; next !== undefined && this.#taken.observed; next = this.#waiting.first) {
      this.#waiting.shift()
      next.take()
    }
  }

  /** Opens a connection and hands it out; never rejects. */
  async #accept(socket: StreamSocket, link: LinkCount): Promise<void> {
    const connection = new ConnectionResource<In, Out>(socket, {
      ...this.#options,
      runtime: this.runtime,
      signal: undefined,
      framing: this.#framing as Framing<In, Out>,
      side: 'bind',
      held: this.#held,
      maker: this,
    })
    try {
      await connection.start()
    } catch (error) {
      const { code } = error as RivuletError
      const reason = code === 'RIVULET_OVERLOADED' ? 'too-many-schemas' : 'not-agreed'
      if (this.life.isOpen) this.#refuse(reason, link, error as RivuletError)
      return
    }
    const take = () => this.#handOver(connection, link)
    if (this.#taken.observed) take()
    // who asked for connections has left while both sides agreed
    else this.#wait(link, { take, refuse: () => void connection.close({ drain: false }) })
  }

  #handOver(connection: ConnectionResource<In, Out>, link: LinkCount): void {
    this.#accepted += 1
    link.up()
    void connection.whenEnded.then((cause) => link.down(cause))
    this.#taken.next(connection)
  }

  #refuseUntaken(now: number): number {
    for (let next = this.#waiting.first; next !== undefined; next = this.#waiting.first) {
      if (next.deadline > now) return next.deadline
      this.#waiting.shift()
      next.refuse()
      const text = `a connection was refused: connections had no subscriber within ${this.#options.takeTimeoutMs} ms`
      this.#refuse('not-taken', next.link, new RivuletError('RIVULET_TIMEOUT', text))
    }
    return Number.POSITIVE_INFINITY
  }

  #notAgreed(link: LinkCount, error: RivuletError): void {
    this.#agreeing -= 1
    this.#refuse('not-agreed', link, error)
  }

  #refuse(reason: string, link: LinkCount, error: RivuletError): void {
    this.#refused.add(reason)
    link.refuse(error)
  }
}
