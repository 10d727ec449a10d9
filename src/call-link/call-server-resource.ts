/**
 * The serving side of calls as a resource: a host of calls behind a ROUTER socket, for any number of clients.
 *
 * What the calls do is the pattern's business, which extends it.
 */
import { randomBytes } from 'node:crypto'
import { CallHost, type Implementation } from '../call/index.js'
import { RivuletError } from '../errors/index.js'
import { LinkServer, type LinkServerOptions, maxLinkFrameBytes } from '../link/index.js'
import { invalidOption } from '../options/index.js'
import { type ResolvedSocketOptions, RouterSocket, SocketResource } from '../socket/index.js'

/** What a pattern lets its users decide. */
export interface CallServerResourceOptions extends ResolvedSocketOptions, LinkServerOptions {}

/** What a pattern serves. */
export interface ServedCalls {
  readonly implementations: readonly Implementation[]
  /** Calls at the same time over all links. */
  readonly maxConcurrentCalls: number
  /** Whether there may be no endpoint, so that nobody can call. */
  readonly mayBeUnbound?: boolean
}

/** How long a server that closes waits at least until its clients know, in milliseconds. */
const farewellMs = 200

/** The base of a resource that serves calls. */
export abstract class CallServerResource<Stats> extends SocketResource<Stats> {
  /** The calls. */
  protected readonly callHost: CallHost
  /** The links that they come over. */
  protected readonly linkServer: LinkServer
  readonly #bind: readonly string[]

  /**
   * @param factory - The public function, for messages: `createRpcServer`.
   * @throws RIVULET_INVALID_OPTION
   */
  constructor(factory: string, options: CallServerResourceOptions, served: ServedCalls) {
    super(factory, options, served.mayBeUnbound ? 'none' : 'bind')
    if (options.connect.length > 0) throw invalidOption(factory, 'connect', 'left out: a server binds', options.connect)
    const { clock } = this.runtime
    const { implementations, maxConcurrentCalls } = served
    const report = (error: RivuletError) => this.reports.report(error)
    this.#bind = options.bind
    this.callHost = new CallHost(implementations, { clock, report }, { maxConcurrentCalls })
    this.linkServer = new LinkServer(options, clock, {
      accept: (session) => this.callHost.attach(session, Object.freeze({ id: randomBytes(8).toString('hex') })),
      report,
    })
  }

  protected get isSender(): boolean {
    return false
  }

  protected async openSockets(): Promise<void> {
    if (this.#bind.length === 0) return
    const config = { ...this.environment, bind: this.#bind, maxFrameBytes: maxLinkFrameBytes }
    this.linkServer.start(await this.own(RouterSocket.open(config, this.linkServer)))
  }

  protected async finish(deadline: number): Promise<number> {
    this.linkServer.announceDrain()
    await this.waitUntil(deadline, this.callHost.drain())
    const { open } = this.callHost.stats()
    const closed = new RivuletError('RIVULET_CLOSED', `${this.name} was closed`)
    await this.callHost.stopAll(closed)
    await this.waitUntil(deadline, this.linkServer.whenSettled())
    // whoever is not told waits for a server that does not come back, so that this is worth a moment in any case
    const told = this.linkServer.close(closed)
    await this.waitUntil(Math.max(deadline, this.runtime.clock.now() + farewellMs), told)
    return open
  }

  protected released(): void {
    void this.linkServer.close(new RivuletError('RIVULET_CLOSED', `${this.name} was closed`))
  }
}
