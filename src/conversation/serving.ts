/**
 * Serves the sessions of clients over streams of calls: requests in, answers out, each in step with the other.
 *
 * The sessions define what requests mean. An invalid stream ends with an error; nothing else ends with it.
 */
import type { CallerConnection, ConnectionState } from '../call/index.js'
import type { Clock } from '../clock/index.js'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { deferred } from '../lifecycle/index.js'
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
  const opened = (_: Self, key: string) => all.enter(session, key)
  return {
    isBusy: () => session.isBusy(),
    receive: (request) => session.receive(request, opened),
    drained: () => session.drained(),
    end() {
      session.end()
      if (session.key !== undefined) all.leave(session, session.key)
    },
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
  { hasLastWords, open, sizeOf, refusal }: ServedKind<Request, Answer>,
  requests: AsyncIterable<Request>,
  connection?: CallerConnection,
): AsyncIterable<Answer> {
  const iterator = requests[Symbol.asyncIterator]()
  let over = false
  let room = deferred()
  const makeRoom = () => {
    room.resolve()
    session.grant?.()
  }
  const leave = () => {
    over = true
    room.resolve()
    void iterator.return?.()
  }
  const answers = new Answers<Answer>(sizeOf, makeRoom, leave)
  const session = open({
    answer: (answer) => answers.push(answer),
    room: makeRoom,
    unread: () => answers.bytes,
    silentMs: connection && (() => connection.silentMs),
    withdraw: (isMeant) => answers.withdraw(isMeant),
    superseded: leave,
  })
  const unwatch = connection?.onChange(() => session.connection?.(connection.state))

  async function pump(): Promise<void> {
    while (!over) {
      const step = await iterator.next()
      if (step.done || over) return // later requests are not taken
      session.receive(step.value)
      while (!over && (session.isBusy() || answers.bytes >= backlogBytes)) {
        room = deferred()
        await room.promise
      }
    }
  }

  async function run(): Promise<void> {
    try {
      if (!host.isOpen) throw new RivuletError('RIVULET_UNAVAILABLE', 'the host is closing')
      await pump()
      await session.drained()
      answers.end()
    } catch (cause) {
      // a failure of the session ends the stream; the end of the call needs no report
      const error = isRivuletError(cause) ? cause : new RivuletError('RIVULET_INTERNAL', 'the host failed', { cause })
      if (isNews(error)) host.report(error)
      await session.drained() // what it said before that has its outcome
      answers.end(refusal(error))
    } finally {
      unwatch?.()
      session.end()
      host.streams.delete(served)
    }
  }

  let running: Promise<void> | undefined
  const served: Served = {
    async drain(patience) {
      if (hasLastWords) {
        void session.drained() // it is given nothing more
        await Promise.race([running, patience])
      }
      leave()
      await running
    },
  }
  host.streams.add(served)
  running = run()
  return answers
}

function isNews({ code }: RivuletError): boolean {
  return code === 'RIVULET_INVALID_REQUEST' || code === 'RIVULET_MESSAGE_TOO_LARGE' || code === 'RIVULET_INTERNAL'
}
