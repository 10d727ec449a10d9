/**
 * The serving side of RPC: implementations of services behind a ROUTER socket, for any number of clients.
 */
import { randomBytes } from 'node:crypto'
import { CallHost, type CallServerStats } from '../../src/call/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { LinkServer, maxLinkFrameBytes } from '../../src/link/index.js'
import { invalidOption, type Resolved, resolveOptions } from '../../src/options/index.js'
import { type Resource, RouterSocket, SocketResource } from '../../src/socket/index.js'
import { implementedBy } from './implement.js'
import { type RpcServerOptions, serverRules } from './options.js'

/** The counts of an `RpcServer`; the unit is calls, where nothing else is said. */
export interface RpcServerStats extends CallServerStats {
  /** Frames that came on a connection without a session, and were dropped. */
  readonly strayFrames: number
}

/** The serving side of RPC. */
export interface RpcServer extends Resource<RpcServerStats> {}

/**
 * Opens a server of services.
 *
 * Resolves when it is bound: from then on it serves.
 *
 * Lifetime: `close` takes no new calls, waits for those under way, sends their outcomes and says goodbye; calls that are
 * open after `timeoutMs` are stopped, and `undelivered` counts them. Without draining they are stopped at once.
 *
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED
 */
export async function createRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  return RpcServerResource.create(resolveOptions('createRpcServer', options, serverRules))
}

/** How long a server that closes waits at least until its clients know, in milliseconds. */
const farewellMs = 200

type ResolvedServerOptions = Resolved<typeof serverRules>

class RpcServerResource extends SocketResource<RpcServerStats> implements RpcServer {
  readonly #options: ResolvedServerOptions
  readonly #host: CallHost
  readonly #links: LinkServer

  static create(options: ResolvedServerOptions): Promise<RpcServerResource> {
    return new RpcServerResource(options).open()
  }

  private constructor(options: ResolvedServerOptions) {
    super('createRpcServer', options, 'one')
    if (options.connect.length > 0) throw invalidOption('createRpcServer', 'bind', 'given: a server binds', undefined)
    const implementations = options.services.map(implementedBy)
    const names = implementations.map(({ codec }) => codec.name)
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) throw invalidOption('createRpcServer', 'services', 'different services', twice)
    const { clock } = this.runtime
    this.#options = options
    const report = (error: RivuletError) => this.reports.report(error)
    const { maxConcurrentCalls } = options
    this.#host = new CallHost(implementations as never, { clock, report }, { maxConcurrentCalls })
    this.#links = new LinkServer(options, clock, {
      accept: (session) => this.#host.attach(session, Object.freeze({ id: randomBytes(8).toString('hex') })),
      report,
    })
  }

  stats(): RpcServerStats {
    return Object.freeze({ ...this.#host.stats(), strayFrames: this.#links.strayFrames })
  }

  protected async openSockets(): Promise<void> {
    const { bind } = this.#options
    const config = { ...this.environment, bind, maxFrameBytes: maxLinkFrameBytes }
    this.#links.start(await this.own(RouterSocket.open(config, this.#links)))
  }

  protected async finish(deadline: number): Promise<number> {
    this.#links.announceDrain()
    await this.waitUntil(deadline, this.#host.drain())
    const { open } = this.#host.stats()
    const closed = new RivuletError('RIVULET_CLOSED', `${this.name} was closed`)
    this.#host.stopAll(closed)
    await this.waitUntil(deadline, this.#links.whenSettled())
    // whoever is not told waits for a server that does not come back, so that this is worth a moment in any case
    const told = this.#links.close(closed)
    await this.waitUntil(Math.max(deadline, this.runtime.clock.now() + farewellMs), told)
    return open
  }

  protected released(): void {
    void this.#links.close(new RivuletError('RIVULET_CLOSED', `${this.name} was closed`))
  }
}
