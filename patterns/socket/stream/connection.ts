/**
 * One connection: a half that sends and a half that receives over one socket, and how both end.
 *
 * It knows no framing and no listener. What it may take, in time and in bytes, is given to it.
 */
import { RivuletError } from '../../../src/errors/index.js'
import { deferred, Waiters } from '../../../src/lifecycle/index.js'
import type { StreamSocket } from '../../../src/net/index.js'
import { defaults } from '../../../src/options/index.js'
import { ResourceBase } from '../../../src/resource/index.js'
import type { SendAllOptions, SendAllResult, SendAllSource, Stream } from '../../../src/stream/index.js'
import type { StreamConnection, StreamConnectionStats } from './connection-contract.js'
import type { ConnectionSettings } from './connection-settings.js'
import { ConnectionTimes } from './connection-times.js'
import { connectionTransport } from './connection-transport.js'
import { notAgreed } from './frame-errors.js'
import { IncomingHalf } from './incoming-half.js'
import { LinkCount } from './link-count.js'
import { OutgoingHalf } from './outgoing-half.js'

/** How long a connection that closes waits for further bytes of its peer, which would make the system drop what it still sends. */
const quietMs = 100

/** An open connection. */
export class ConnectionResource<In, Out>
  extends ResourceBase<StreamConnectionStats>
  implements StreamConnection<In, Out>
{
  readonly whenEnded: Promise<RivuletError | undefined>
  readonly #socket: StreamSocket
  readonly #settings: ConnectionSettings<In, Out>
  readonly #incoming: IncomingHalf<Out>
  readonly #outgoing: OutgoingHalf<In>
  readonly #times: ConnectionTimes
  readonly #link: LinkCount
  readonly #agreed = deferred()
  #markEnded: (error: RivuletError | undefined) => void = () => {}
  /** Why it has ended other than by both sides closing their halves. */
  #failure: RivuletError | undefined
  #isReading = false
  /** Whether it reads for somebody: then the peer must be in time. */
  #isAwaiting = false
  #hasPeerEnded = false
  #isConsumed = false
  #isSocketClosed = false
  /** Whether what arrives is thrown away, since it is closing. */
  #discards = false
  /** Wait until something is thrown away, or nothing more arrives. */
  readonly #arrivals = new Waiters()

  constructor(socket: StreamSocket, settings: ConnectionSettings<In, Out>) {
    super('createConnection', settings)
    this.#socket = socket
    this.#settings = settings
    this.whenEnded = new Promise((resolve) => {
      this.#markEnded = resolve
    })
    const { framing, held, side } = settings
    const ports = { name: () => this.name, report: (error: RivuletError) => this.reports.report(error) }
    const { reader, writer } = framing.open({
      ...ports,
      clock: this.runtime.clock,
      side,
      lose: (reason, messages) => this.#incoming.lose(reason, messages),
      wake: () => this.#outgoing.wake(),
    })
    this.#incoming = new IncomingHalf(reader, framing.name, this.reports, { ...ports, changed: () => this.#changed() })
    this.#outgoing = new OutgoingHalf(
      writer,
      { ...settings, budget: held?.outgoing },
      {
        ...ports,
        isOpen: () => this.life.isOpen && !this.#isSocketClosed,
        onClosing: (callback) => this.life.onClosing(callback),
        write: (parts, done) => {
          this.#times.sending()
          socket.write(parts, done)
        },
        progress: () => this.#times.sent(),
        end: () => {
          if (!this.#isSocketClosed) socket.end()
        },
      },
    )
    this.#times = new ConnectionTimes(settings, this.runtime.clock, {
      isReading: () => this.#isAwaiting,
      isWriting: () => !this.#outgoing.isEmpty,
      late: (error) => this.destroy(error),
      halfOpenLate: () => this.#halfOpenLate(),
    })
    const address = socket.remote || socket.local
    this.#link = this.scope.links.add((changed) => new LinkCount(address, side, changed))
    this.#link.up()
    this.transport = connectionTransport(socket, {
      open: () => this.#outgoing.begin(),
      close: () => this.#closeSocket(),
    })
    socket.attach({
      received: (chunk) => this.#received(chunk),
      ended: () => this.#peerEnded(),
      closed: (error) => this.#socketEnded(error),
    })
  }

  /**
   * Opens it; it is usable when this resolves: both sides have said what goes before the first message.
   *
   * @error why the connection ended before.
   */
  async start(): Promise<this> {
    await this.open()
    this.#socket.keepAlive(this.#settings.keepAliveMs)
    this.#changed()
    if (!this.#incoming.isAgreed) await this.#agreed.promise
    return this
  }

  get remote(): string {
    return this.#socket.remote
  }

  get local(): string {
    return this.#socket.local
  }

  get identity(): StreamSocket['identity'] {
    return this.#socket.identity
  }

  get messages(): Stream<Out> {
    return this.#incoming.messages
  }

  /** Resolves when the peer has closed its half, and what arrived is consumed, or has no consumer. */
  async whenPeerDone(): Promise<void> {
    await this.#whenPeerEnds()
    await this.#incoming.whenDrained()
  }

  /** Whether the peer has closed its half, and everything that arrived is consumed and answered. */
  get isIdleHalf(): boolean {
    return this.life.isOpen && this.#hasPeerEnded && !this.#incoming.isBacklogged && this.#outgoing.isEmpty
  }

  protected get isSender(): boolean {
    return this.#settings.side === 'connect'
  }

  next(value: In): void {
    this.#outgoing.next(value)
  }

  send(value: In): Promise<void> {
    return this.#outgoing.send(value)
  }

  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult> {
    return this.#outgoing.sendAll(source, options)
  }

  complete(): void {
    if (!this.life.isOpen || this.#isSocketClosed) return
    this.#outgoing.complete()
    this.#changed()
  }

  error(cause: unknown): void {
    this.#discards = true
    this.#incoming.complete()
    this.destroy(new RivuletError('RIVULET_SOURCE_FAILED', 'its source failed, so it was destroyed', { cause }))
    this.#changed() // it may have waited only for a consumer of what had arrived
  }

  /** Destroys the connection for a reason, which is reported; messages that have arrived are delivered. */
  destroy(error: RivuletError): void {
    if (this.#isSocketClosed) return
    this.#fail(error)
    this.#socket.destroy()
  }

  /** The connections of its listener may read again. */
  budgetFreed(): void {
    this.#changed()
  }

  stats(): StreamConnectionStats {
    return Object.freeze({
      outgoing: this.#outgoing.stats(),
      incoming: this.#incoming.stats(),
      sentBytes: this.#outgoing.sentBytes,
      receivedBytes: this.#incoming.receivedBytes,
    })
  }

  protected override async finish(deadline: number): Promise<number> {
    const drains = () => this.runtime.clock.now() < deadline && !this.#isSocketClosed
    this.#discards = true
    if (drains()) await this.waitUntil(deadline, this.#outgoing.finish())
    await this.waitUntil(deadline, this.#incoming.whenDrained())
    const left = this.#incoming.complete()
    while (drains() && !this.#hasPeerEnded && (await this.#isReceiving(deadline)));
    return left
  }

  /** Reads and throws away; resolves with whether anything came within a short time. */
  async #isReceiving(deadline: number): Promise<boolean> {
    const { promise, resolve } = deferred()
    let isQuiet = false
    const timer = this.runtime.clock.setTimer(() => {
      isQuiet = true
      resolve()
    }, quietMs)
    this.#arrivals.add(resolve)
    this.#socket.read(true)
    await this.waitUntil(deadline, promise)
    timer.cancel()
    return !isQuiet
  }

  #received(chunk: Buffer): void {
    if (this.#discards) {
      this.#arrivals.wake()
      return
    }
    const incoming = this.#incoming
    incoming.receive(chunk, (completesFrame) => {
      this.#times.received(completesFrame, incoming.incompleteBytes > 0)
      if (incoming.isAgreed) this.#agreed.resolve()
    })
    this.#settings.held?.received(this, chunk.length, incoming.incompleteBytes, incoming.isBacklogged)
    const { failure } = incoming
    if (failure === undefined || this.#failure !== undefined) return
    this.#failure = failure
    incoming.reject(failure)
    void this.#refuse(failure)
  }

  /** Lets the peer know why the connection fails, where the framing can say that, and destroys it. */
  async #refuse(failure: RivuletError): Promise<void> {
    const refusing = this.#outgoing.refuse(failure)
    if (refusing !== undefined) {
      const deadline = this.runtime.clock.now() + defaults.refusalMs
      this.#discards = true
      await this.waitUntil(deadline, refusing)
      this.#socket.read(true)
      await this.waitUntil(deadline, this.#whenPeerEnds())
    }
    this.#socket.destroy()
  }

  async #whenPeerEnds(): Promise<void> {
    while (!this.#hasPeerEnded && !this.#isSocketClosed) await this.#arrivals.wait()
  }

  #peerEnded(): void {
    this.#hasPeerEnded = true
    this.#arrivals.wake()
    if (this.#discards) return
    const error = this.#incoming.end()
    this.#times.ended()
    this.#failure ??= error
    if (error !== undefined) this.#incoming.reject(error)
    if (this.#incoming.isAgreed) this.#changed()
    else this.#socket.destroy()
  }

  #socketEnded(error: RivuletError | undefined): void {
    this.#isSocketClosed = true
    this.#isAwaiting = false
    if (error !== undefined && this.life.isOpen) this.#fail(error)
    this.#times.stop()
    this.#outgoing.stop('transport')
    this.#settings.held?.forget(this)
    this.#link.down(this.#failure)
    this.#arrivals.wake()
    this.#markEnded(this.#failure)
    this.#agreed.reject(this.#failure ?? notAgreed())
    this.#changed()
  }

  /** The demand has changed, or what waits for it. */
  #changed(): void {
    const { isBacklogged, isWanted, isAgreed } = this.#incoming
    const { held } = this.#settings
    if (!isBacklogged) held?.consumed(this)
    const hasEnded = this.#isSocketClosed || this.#hasPeerEnded || this.#outgoing.isCompleting
    this.#times.unclaimed(hasEnded && isBacklogged && !isWanted)
    if (this.#isSocketClosed || this.#hasPeerEnded) {
      if (!isBacklogged && this.life.isOpen) this.#consumed()
      return
    }
    if (this.#discards) return
    const reads = this.life.isOpen && !isBacklogged && (held?.mayRead(this) ?? true)
    if (reads !== this.#isReading) {
      this.#isReading = reads
      this.#socket.read(reads)
    }
    const awaits = reads && (isWanted || !isAgreed)
    if (awaits === this.#isAwaiting) return
    this.#isAwaiting = awaits
    if (awaits) this.#times.resume()
  }

  /** Nothing more arrives, and everything that has is consumed. */
  #consumed(): void {
    if (this.#isSocketClosed) void this.close({ drain: false })
    else if (!this.#isConsumed) {
      this.#isConsumed = true
      this.#times.ended()
      this.#incoming.complete()
    }
  }

  #closeSocket(): { readonly left: number; readonly released: Promise<unknown> } {
    this.#times.stop()
    const left = this.#outgoing.stop('closed')
    if (left > 0) this.#socket.destroy()
    else this.#socket.close()
    return { left, released: this.whenEnded }
  }

  #halfOpenLate(): void {
    const { isWanted, isBacklogged } = this.#incoming
    if (isWanted && isBacklogged) this.#times.ended()
    else if (isBacklogged) void this.close({ drain: false })
    else if (this.#outgoing.isEmpty) this.complete()
    else this.destroy(new RivuletError('RIVULET_TIMEOUT', 'closed: its peer has ended, and takes no bytes'))
  }

  #fail(error: RivuletError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    if (this.#incoming.isAgreed) this.reports.report(error)
  }
}
