/**
 * The calling side of calls as a resource: a client of calls with a link to each endpoint.
 *
 * Which calls it makes is the pattern's business, which extends it.
 */
import { CallClient } from '../call/index.js'
import { RivuletError } from '../errors/index.js'
import { LinkClient, type LinkOptions, maxLinkFrameBytes } from '../link/index.js'
import { defaults, invalidOption } from '../options/index.js'
import { DealerSocket, type ResolvedSocketOptions, SocketResource } from '../socket/index.js'

/** What a pattern lets its users decide. */
export interface CallClientResourceOptions extends ResolvedSocketOptions, LinkOptions {
  /** How long a disconnected link keeps calls that another server can take, in milliseconds. Default: that of the table. */
  readonly failoverMs?: number
}

/** The base of a resource that makes calls. */
export abstract class CallClientResource<Stats> extends SocketResource<Stats> {
  /** The calls, over all links. */
  readonly callClient: CallClient
  readonly #options: CallClientResourceOptions
  readonly #links: LinkClient[] = []

  /**
   * @param factory - The public function, for messages: `createRpcClient`.
   * @param mayBeLocal - Whether there may be no endpoint, since the other side is in this process.
   * @throws RIVULET_INVALID_OPTION
   */
  constructor(factory: string, options: CallClientResourceOptions, mayBeLocal = false) {
    super(factory, options, mayBeLocal ? 'none' : 'connect')
    if (options.bind.length > 0) throw invalidOption(factory, 'bind', 'left out: a client connects', options.bind)
    this.#options = options
    this.callClient = new CallClient({
      clock: this.runtime.clock,
      failoverMs: options.failoverMs ?? defaults.failoverMs,
      name: () => this.name,
      report: (error) => this.reports.report(error),
    })
  }

  protected get isSender(): boolean {
    return true
  }

  protected async openSockets(): Promise<void> {
    const opened: (() => void)[] = []
    for (const connect of this.#options.connect) {
      const link = new LinkClient(this.#options, this.runtime.clock, {
        accept: (session) => this.callClient.attach(session),
        report: (error) => this.reports.report(error),
      })
      this.#links.push(link)
      const config = { ...this.environment, connect, maxFrameBytes: maxLinkFrameBytes }
      const socket = await this.own(DealerSocket.open(config, link))
      opened.push(() => link.start(socket))
    }
    for (const start of opened) start()
  }

  protected async finish(deadline: number): Promise<number> {
    await this.waitUntil(deadline, this.callClient.drain())
    const { open, waiting } = this.callClient.stats()
    const closed = new RivuletError('RIVULET_CLOSED', `${this.name} was closed`)
    await this.callClient.failAll(closed)
    for (const link of this.#links) link.announceDrain()
    await this.waitUntil(deadline, Promise.all(this.#links.map((link) => link.whenSettled())))
    for (const link of this.#links) link.close(closed)
    return open + waiting
  }

  protected released(): void {
    for (const link of this.#links) link.close(new RivuletError('RIVULET_CLOSED', `${this.name} was closed`))
  }
}
