/**
 * Serves the sessions of clients over streams of calls: requests in, answers out, each in step with the other.
 *
 * The sessions define what requests mean. An invalid stream ends with an error; nothing else ends with it.
 */
import type { CallerConnection, CallStream, ConnectionState, ReadySource } from '../call/index.js'
import type { Clock } from '../clock/index.js'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { OncePerTurn, Waiters } from '../lifecycle/index.js'
import { Answers } from './answers.js'

/** Answers that wait for the link, in bytes: then no more requests are taken. */
const backlogBytes = 262_144

/** A session, whatever it is for. */
export interface Session<Request> {
  isBusy(): boolean
  receive(request: Request): void
  drained(): Promise<void>
  end(): void
}

/** A served stream, which drains when the host closes. */
export interface Served {
  /**
   * Takes no more, and resolves when what was taken has its outcome and that is about to be sent.
   *
   * @param patience - How long a consumer has to say what it has settled, and to end its stream.
   */
  drain(patience: Promise<void>): Promise<void>
}

/** The streams that a host serves now. */
export class ServedStreams {
  readonly #served = new Set<Served>()

  /** How many there are. */
  get size(): number {
    return this.#served.size
  }

  add(served: Served): void {
    this.#served.add(served)
  }

  delete(served: Served): void {
    this.#served.delete(served)
  }

  /** Drains all streams; resolves when all have ended. */
  async drain(patience: Promise<void>): Promise<void> {
    await Promise.all([...this.#served].map((one) => one.drain(patience)))
  }
}

/** What streams need of their host. */
export interface ServingHost {
  readonly clock: Clock
  /** Whether it takes streams over links. */
  readonly isOpen: boolean
  /** Whether it takes those of this process. */
  readonly isServing: boolean
  readonly streams: ServedStreams
  report(error: RivuletError): void
}

/** What a stream gives its session. */
export interface StreamPorts<Answer> {
  answer(answer: Answer): void
  room(): void
  unread(): number
  /** How long nothing has come from the client, in milliseconds, if that can be known. */
  readonly silentMs?: (() => number) | undefined
  /** Takes back answers that have not left, those that a test is true of; returns them. */
  withdraw(isMeant: (answer: Answer) => boolean): Answer[]
  superseded(): void
}

/** What a stream needs of its session. */
export type ServedSession<Request> = Session<Request> & {
  grant?(): void
  /** The connection of its client has changed. */
  connection?(state: ConnectionState): void
}

/** A session that is the only one of its name. */
export interface NamedSession<Request, Self> extends Omit<Session<Request>, 'receive'> {
  /** The name of the client, once it has opened. */
  readonly key: string | undefined
  receive(request: Request, opened: (session: Self, key: string) => void): void
  /** Another session of this client has come. */
  supersede(): void
}

/** Sessions, one of each name: a new one takes the place of the one before. */
export class ExclusiveSessions<Self extends NamedSession<never, Self>> {
  readonly #byKey = new Map<string, Self>()

  /** Puts an end to the session of that name, and takes its place. */
  enter(session: Self, key: string): void {
    this.#byKey.get(key)?.supersede()
    this.#byKey.set(key, session)
  }

  /** Leaves, unless another has taken the place. */
  leave(session: Self, key: string): void {
    if (this.#byKey.get(key) === session) this.#byKey.delete(key)
  }
}

/** Makes a session the only one of its name, from when it has opened until it ends. */
export function registerExclusive<Request, Self extends NamedSession<Request, Self>>(
  session: Self,
  all: ExclusiveSessions<Self>,
): Session<Request> {
  return new RegisteredSession(session, all)
}

class RegisteredSession<Request, Self extends NamedSession<Request, Self>> implements Session<Request> {
  readonly #session: Self
  readonly #all: ExclusiveSessions<Self>
  readonly #opened = (_: Self, key: string) => this.#all.enter(this.#session, key)

  constructor(session: Self, all: ExclusiveSessions<Self>) {
    this.#session = session
    this.#all = all
  }

  isBusy(): boolean {
    return this.#session.isBusy()
  }

  receive(request: Request): void {
    this.#session.receive(request, this.#opened)
  }

  drained(): Promise<void> {
    return this.#session.drained()
  }

  end(): void {
    const session = this.#session
    session.end()
    if (session.key !== undefined) this.#all.leave(session, session.key)
  }
}

/** How a kind of session is served. */
export interface ServedKind<Request, Answer> {
  /** Whether its client is waited for when the host closes, since it may still have something to say. */
  readonly hasLastWords: boolean
  /** Opens a session. */
  open(ports: StreamPorts<Answer>): ServedSession<Request>
  /** What an answer takes, in bytes, about. */
  sizeOf(answer: Answer): number
  /** Returns an error as the client gets it. */
  refusal(error: RivuletError): Error
}

/** Serves one stream of requests; returns its answers. */
export function serve<Request, Answer>(
  host: ServingHost,
  kind: ServedKind<Request, Answer>,
  requests: CallStream<Request>,
  connection?: CallerConnection,
): ReadySource<Answer> {
  return new ServedStream(host, kind, requests, connection).answers
}

/** A stream that is served: takes requests as long as its session has room for them, one after the other. */
class ServedStream<Request, Answer> implements Served, StreamPorts<Answer> {
  readonly answers: Answers<Answer>
  /** As a consumer of the requests. */
  demand = 0
  readonly #host: ServingHost
  readonly #kind: ServedKind<Request, Answer>
  readonly #requests: CallStream<Request>
  readonly #connection: CallerConnection | undefined
  readonly #session: ServedSession<Request>
  #unwatch: (() => void) | undefined
  #detach: (() => void) | undefined
  #isOver = false
  #isEnding = false
  /** Asked for at the end of a turn: what makes room may be in the middle of something. */
  readonly #granting = new OncePerTurn(() => this.#grant())
  readonly #ended = new Waiters()
  #hasEnded = false

  constructor(
    host: ServingHost,
    kind: ServedKind<Request, Answer>,
    requests: CallStream<Request>,
    connection: CallerConnection | undefined,
  ) {
    this.#host = host
    this.#kind = kind
    this.#requests = requests
    this.#connection = connection
    this.answers = new Answers<Answer>(
      kind.sizeOf,
      () => this.room(),
      () => this.#leave(),
    )
    const session = kind.open(this)
    this.#session = session
    if (session.connection !== undefined && connection !== undefined)
      this.#unwatch = connection.onChange(() => session.connection?.(connection.state))
    host.streams.add(this)
    if (!host.isOpen) {
      void this.#end(new RivuletError('RIVULET_UNAVAILABLE', 'the host is closing'))
      return
    }
    this.#detach = requests.attach(this)
    this.#grant()
  }

  next(request: Request): void {
    if (this.#isEnding) return // later requests are not taken
    try {
      this.#session.receive(request)
      if (this.#hasRoom()) this.demand = 1
    } catch (cause) {
      void this.#end(cause)
    }
  }

  complete(): void {
    void this.#end(this.#requests.failure)
  }

  answer(answer: Answer): void {
    this.answers.push(answer)
  }

  room(): void {
    if (this.demand === 0 && !this.#isEnding) this.#granting.schedule()
    this.#session.grant?.()
  }

  unread(): number {
    return this.answers.bytes
  }

  get silentMs(): (() => number) | undefined {
    const connection = this.#connection
    return connection && (() => connection.silentMs)
  }

  withdraw(isMeant: (answer: Answer) => boolean): Answer[] {
    return this.answers.withdraw(isMeant)
  }

  superseded(): void {
    this.#leave()
  }

  async drain(patience: Promise<void>): Promise<void> {
    if (this.#kind.hasLastWords) {
      void this.#session.drained() // it is given nothing more
      await Promise.race([this.#whenEnded(), patience])
    }
    this.#leave()
    await this.#whenEnded()
  }

  #hasRoom(): boolean {
    return !this.#isOver && !this.#session.isBusy() && this.answers.bytes < backlogBytes
  }

  #grant(): void {
    if (this.demand > 0 || this.#isEnding || !this.#hasRoom()) return
    this.demand = 1
    this.#requests.resume()
  }

  #leave(): void {
    this.#isOver = true
    void this.#end(undefined)
  }

  /** Takes no more; what was taken has its outcome before the answers end. */
  async #end(cause: unknown): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#detach?.()
    let failure: Error | undefined
    if (cause !== undefined) {
      // a failure of the session ends the stream; the end of the call needs no report
      const error = isRivuletError(cause) ? cause : new RivuletError('RIVULET_INTERNAL', 'the host failed', { cause })
      if (isNews(error)) this.#host.report(error)
      failure = this.#kind.refusal(error)
    }
    await this.#session.drained()
    this.answers.end(failure)
    this.#unwatch?.()
    this.#session.end()
    this.#host.streams.delete(this)
    this.#hasEnded = true
    this.#ended.wake()
  }

  #whenEnded(): Promise<void> {
    return this.#hasEnded ? Promise.resolve() : this.#ended.wait()
  }
}

function isNews({ code }: RivuletError): boolean {
  return code === 'RIVULET_INVALID_REQUEST' || code === 'RIVULET_MESSAGE_TOO_LARGE' || code === 'RIVULET_INTERNAL'
}
