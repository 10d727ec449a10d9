/**
 * A stream to a host of the same process: its session itself, with no link between.
 */
import { isRivuletError, RivuletError } from '../errors/index.js'
import { OncePerTurn } from '../lifecycle/index.js'
import { type Conversation, ReopeningStream } from './reopening-stream.js'
import type { Served, ServedSession, ServingHost, Session, StreamPorts } from './serving.js'

/** Opens a session of a host. */
export type OpenSession<Request, Answer> = (ports: StreamPorts<Answer>) => ServedSession<Request>

/** A stream to a host of this process. */
export class LocalStream<Request, Answer> extends ReopeningStream<Request, Answer> {
  readonly #host: ServingHost
  readonly #open: OpenSession<Request, Answer>
  #session: ServedSession<Request> | undefined
  #served: Served | undefined
  /** The session that takes nothing more, and is let go of when everything that it took has its outcome. */
  #draining: Session<Request> | undefined
  readonly #pumping = new OncePerTurn(() => this.#send())

  constructor(
    host: ServingHost,
    open: OpenSession<Request, Answer>,
    user: Conversation<Request, Answer>,
    random?: () => number,
  ) {
    super(host.clock, user, random)
    this.#host = host
    this.#open = open
  }

  wake(): void {
    this.#pumping.schedule()
  }

  renew(): void {
    this.#send()
    if (this.#session !== undefined) void this.#drain(this.#session, unavailable('the stream is opened again'))
  }

  async end(): Promise<void> {
    this.finish()
    this.#send()
    await this.#session?.drained()
    this.leave()
  }

  protected begin(): void {
    if (!this.#host.isServing) {
      this.ended(unavailable('the host is closing'))
      return
    }
    const session = this.#open({
      answer: (answer) => this.received(answer),
      room: () => this.wake(),
      unread: () => 0,
      withdraw: () => [],
      superseded: () => this.#fail(session, unavailable('another stream took its place')),
    })
    this.#session = session
    this.#served = { drain: async () => {} } // its user closes before the host
    this.#host.streams.add(this.#served)
    try {
      session.receive(this.user.open())
    } catch (cause) {
      this.#fail(session, cause)
      return
    }
    this.wake()
  }

  protected leave(): void {
    const session = this.#session
    this.#session = undefined
    if (this.#served !== undefined) this.#host.streams.delete(this.#served)
    session?.end()
  }

  #send(): void {
    const session = this.#session
    if (session === undefined || session === this.#draining) return
    try {
      while (this.#session === session && !session.isBusy()) {
        const request = this.user.take()
        if (request === undefined) return
        session.receive(request)
      }
    } catch (cause) {
      void this.#drain(session, cause)
    }
  }

  /** Requests that the host has taken get their outcome, and no more are taken on this stream. */
  async #drain(session: Session<Request>, why: unknown): Promise<void> {
    this.#draining = session
    await session.drained()
    this.#fail(session, why)
  }

  #fail(session: Session<Request>, cause: unknown): void {
    if (this.#session !== session) return
    this.leave()
    this.ended(isRivuletError(cause) ? cause : new RivuletError('RIVULET_INTERNAL', 'the host failed', { cause }))
  }
}

function unavailable(why: string): RivuletError {
  return new RivuletError('RIVULET_UNAVAILABLE', why)
}
