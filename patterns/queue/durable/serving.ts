/**
 * How a host of queues serves producers and consumers: which sessions they have, and what their answers take.
 */
import type { CallerConnection, CallStream, ConnectionState, ReadySource } from '../../../src/call/index.js'
import {
  type ExclusiveSessions,
  registerExclusive,
  type ServedSession,
  type ServingHost,
  type StreamPorts,
  serve,
} from '../../../src/conversation/index.js'
import type { LeasedMessages } from '../../../src/delivery/index.js'
import type { RivuletError } from '../../../src/errors/index.js'
import { ConsumeSession } from './consume-session.js'
import { ProduceSession, type SessionHost } from './produce-session.js'
import type { SessionOwner } from './session-owner.js'
import { type ConsumeAnswer, type ConsumeRequest, type ProduceAnswer, type ProduceRequest, refusals } from './wire.js'

/** What the streams of producers and consumers need of their host. */
export interface QueueServingHost extends ServingHost, SessionHost {
  readonly consumers: ExclusiveSessions<ConsumeSession>
  readonly producers: ExclusiveSessions<ProduceSession>
}

/** Serves a producer; its owner is known where the host has security. */
export function serveProducer(
  host: QueueServingHost,
  requests: CallStream<ProduceRequest>,
  owner?: SessionOwner,
): ReadySource<ProduceAnswer> {
  const open = (ports: StreamPorts<ProduceAnswer>) => producerOf(host, ports, owner)
  const refusalOf = (error: RivuletError) => refusals.errorOf('produce', error)
  return serve(host, { hasLastWords: false, open, sizeOf: answerBytes, refusal: refusalOf }, requests)
}

/** Serves a consumer; its owner is known where the host has security. */
export function serveConsumer(
  host: QueueServingHost,
  requests: CallStream<ConsumeRequest>,
  connection: CallerConnection | undefined,
  owner?: SessionOwner,
): ReadySource<ConsumeAnswer> {
  const open = (ports: StreamPorts<ConsumeAnswer>) => consumerOf(host, ports, owner)
  const refusalOf = (error: RivuletError) => refusals.errorOf('consume', error)
  return serve(host, { hasLastWords: true, open, sizeOf: deliveryBytes, refusal: refusalOf }, requests, connection)
}

/** A session of a consumer that takes the place of an earlier one of the same consumer. */
export function consumerOf(
  host: QueueServingHost,
  ports: StreamPorts<ConsumeAnswer>,
  owner?: SessionOwner,
): ServedSession<ConsumeRequest> {
  const withdraw = () => ports.withdraw(({ leased }) => leased != null).map(({ leased }) => leased as LeasedMessages)
  const session = new ConsumeSession(
    host,
    {
      answer: (answer) => ports.answer(answer),
      room: () => ports.room(),
      unread: () => ports.unread(),
      silentMs: ports.silentMs,
      superseded: () => ports.superseded(),
      withdraw,
    },
    owner,
  )
  return Object.assign(registerExclusive(session, host.consumers), {
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
export function producerOf(
  host: QueueServingHost,
  ports: StreamPorts<ProduceAnswer>,
  owner?: SessionOwner,
): ServedSession<ProduceRequest> {
  return registerExclusive(new ProduceSession(host, ports, owner), host.producers)
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
