/** A listener and a client of one test, and the connection between them, from both sides. */
import { firstValueFrom } from 'rxjs'
import type { Test } from 'tap'
import {
  type ConnectStreamOptions,
  connectStream,
  createStreamListener,
  type Framing,
  type StreamConnection,
  type StreamListener,
  type StreamListenerOptions,
} from '../../patterns/socket/index.js'
import { eachTransport, type Place } from '../support/transports.js'

/** The transports of byte streams. */
export const streamTransports = ['ipc', 'tcp'] as const

/** Declares one subtest for each transport of byte streams. */
export function eachStreamTransport(t: Test, name: string, test: (t: Test, place: Place) => Promise<void>): void {
  eachTransport(t, name, test, streamTransports)
}

/** A connection, from both sides. */
export interface Ends<In, Out> {
  readonly listener: StreamListener<In, Out>
  readonly client: StreamConnection<In, Out>
  readonly server: StreamConnection<In, Out>
}

/** Opens a listener, and a connection to it. */
export async function connect<In, Out>(
  { runtime, bind }: Place,
  framing: Framing<In, Out>,
  options: Partial<StreamListenerOptions<In, Out>> = {},
  clientOptions: Partial<ConnectStreamOptions<In, Out>> = {},
): Promise<Ends<In, Out>> {
  const listener = await createStreamListener<In, Out>({ framing, bind, runtime, ...options })
  const accepted = firstValueFrom(listener.connections)
  const client = await connectStream<In, Out>({ framing, connect: listener.endpoint, runtime, ...clientOptions })
  return { listener, client, server: await accepted }
}

/** Takes so many messages of a connection. */
export async function take<Out>(connection: StreamConnection<never, Out>, count: number): Promise<Out[]> {
  const taken: Out[] = []
  if (count === 0) return taken
  for await (const message of connection.messages) {
    taken.push(message)
    if (taken.length === count) break
  }
  return taken
}

/** Takes all messages of a connection, to the end. */
export async function takeAll<Out>(connection: StreamConnection<never, Out>): Promise<Out[]> {
  const taken: Out[] = []
  for await (const message of connection.messages) taken.push(message)
  return taken
}
