/**
 * Carries the sessions of a host over streams of calls: requests in, answers out, each in step with the other.
 *
 * What requests mean is the sessions' business. A stream that makes no sense ends with an error; nothing else ends with it.
 */

import type { CallerConnection, ConnectionState } from '../../../src/call/index.js'
import type { Clock } from '../../../src/clock/index.js'
import { isRivuletError, RivuletError } from '../../../src/errors/index.js'
import { deferred } from '../../../src/lifecycle/index.js'
import { Answers } from './answers.js'
import { ConsumeSession } from './consume-session.js'
import { ProduceSession, type SessionHost } from './produce-session.js'
import {
  type ConsumeAnswer,
  type ConsumeRequest,
  type LeasedMessages,
  type ProduceAnswer,
  type ProduceRequest,
  type QueueMethod,
  refusal,
} from './wire.js'

/** Answers of a producer that wait for the link, in bytes: then no more is taken from it. */
const backlogBytes = 262_144

/** A session, whatever it is for. */
export interface Session<Request> {
  isBusy(): boolean
  receive(request: Request): void
  drained(): Promise<void>
  end(): void
}

/** What is being served: told to come to an end when the host closes. */
export interface Served {
  /**
   * Takes no more, and resolves when what was taken has its outcome and that is about to be sent.
   *
   * @param patience - How long a consumer has to say what it has settled, and to end its stream.
   */
  drain(patience: Promise<void>): Promise<void>
}

/** What streams need of their host. */
export interface ServingHost extends SessionHost {
  readonly clock: Clock
  /** Whether it takes streams over links. */
  readonly isOpen: boolean
  /** Whether it takes those of this process. */
  readonly isServing: boolean
  readonly served: Set<Served>
  /** The sessions of consumers and of producers, by their queue and name. */
  readonly consumers: Map<string, ConsumeSession>
  readonly producers: Map<string, ProduceSession>
  report(error: RivuletError): void
}

/** Serves a producer. */
export function serveProducer(
  host: ServingHost,
  requests: AsyncIterable<ProduceRequest>,
): AsyncIterable<ProduceAnswer> {
  return serve('produce', host, requests, undefined, answerBytes, (ports) => producerOf(host, ports))
}

/** Serves a consumer. */
export function serveConsumer(
  host: ServingHost,
  requests: AsyncIterable<ConsumeRequest>,
  connection: CallerConnection | undefined,
): AsyncIterable<ConsumeAnswer> {
  return serve('consume', host, requests, connection, deliveryBytes, (ports) => consumerOf(host, ports))
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

/** A session of a consumer that takes the place of an earlier one of the same consumer. */
export function consumerOf(host: ServingHost, ports: StreamPorts<ConsumeAnswer>): ServedSession<ConsumeRequest> {
  const withdraw = () => ports.withdraw(({ leased }) => leased != null).map(({ leased }) => leased as LeasedMessages)
  const session = new ConsumeSession(host, { ...ports, withdraw })
  return Object.assign(alone(session, host.consumers), {
    grant: () => session.grant(),
    connection(state: ConnectionState) {
      if (state === 'open') session.resume()
      else if (state !== 'ended') session.suspend()
      // what consumers have stays theirs when the host closes
      else if (host.isOpen) session.abandon()
    },
  })
}

/** A session of a producer that takes the place of an earlier one of the same producer. */
export function producerOf(host: ServingHost, ports: StreamPorts<ProduceAnswer>): ServedSession<ProduceRequest> {
  return alone(new ProduceSession(host, ports), host.producers)
}

/** A session that is the only one of its name. */
interface Named<Request, Self> extends Omit<Session<Request>, 'receive'> {
  readonly key: string | undefined
  receive(request: Request, opened: (session: Self, key: string) => void): void
  supersede(): void
}

function alone<Request, Self extends Named<Request, Self>>(session: Self, all: Map<string, Self>): Session<Request> {
  const opened = (_: Self, key: string) => {
    all.get(key)?.supersede()
    all.set(key, session)
  }
  return {
    isBusy: () => session.isBusy(),
    receive: (request) => session.receive(request, opened),
    drained: () => session.drained(),
    end() {
      session.end()
      if (session.key !== undefined && all.get(session.key) === session) all.delete(session.key)
    },
  }
}

function serve<Request, Answer>(
  method: QueueMethod,
  host: ServingHost,
  requests: AsyncIterable<Request>,
  connection: CallerConnection | undefined,
  sizeOf: (answer: Answer) => number,
  open: (ports: StreamPorts<Answer>) => ServedSession<Request>,
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
      if (step.done || over) return // what comes when it is over is not taken
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
      // its own failures are the stream's; that the call is over is nobody's news
      const error = isRivuletError(cause) ? cause : new RivuletError('RIVULET_INTERNAL', 'the host failed', { cause })
      if (isNews(error)) host.report(error)
      await session.drained() // what it said before that has its outcome
      answers.end(refusal(method, error))
    } finally {
      unwatch?.()
      session.end()
      host.served.delete(served)
    }
  }

  let running: Promise<void> | undefined
  const served: Served = {
    async drain(patience) {
      if (method === 'consume') {
        void session.drained() // it is given nothing more
        await Promise.race([running, patience])
      }
      leave()
      await running
    },
  }
  host.served.add(served)
  running = run()
  return answers
}

function isNews({ code }: RivuletError): boolean {
  return code === 'RIVULET_INVALID_REQUEST' || code === 'RIVULET_MESSAGE_TOO_LARGE' || code === 'RIVULET_INTERNAL'
}

function answerBytes({ stored = [], refused = [] }: ProduceAnswer): number {
  let bytes = 64 * (stored.length + 1)
  for (const { duplicates = [] } of stored) bytes += 16 * duplicates.length
  for (const { message, duplicates = [] } of refused) bytes += 64 + message.length + 16 * duplicates.length
  return bytes
}

function deliveryBytes({ leased, settled = [], lost = [] }: ConsumeAnswer): number {
  let bytes = 64 + 8 * lost.length
  if (leased) bytes += leased.bodies.length + 16 * leased.lengths.length
  for (const { outcomes } of settled) bytes += 32 * outcomes.length
  return bytes
}
