/** The types of messages follow from the framing, in both directions; this file must compile. */
import type { Observable } from 'rxjs'
import t from 'tap'
import {
  bytes,
  connectStream,
  createStreamListener,
  delimited,
  lengthPrefixed,
  lines,
  reconnectStream,
  type StreamConnection,
} from '../../patterns/socket/index.js'
import { place } from '../support/transports.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the types are the same. */
function same<A, B>(value: Equal<A, B>): boolean {
  return value
}

type ConnectionOf<Connections> = Connections extends Observable<infer Connection> ? Connection : never

t.test('texts for lines, bytes in and buffers out for the others', async (t) => {
  const { runtime } = place(t, 'tcp')
  const bind = 'tcp://127.0.0.1:*'
  const texts = await createStreamListener({ framing: lines(), bind, runtime })
  t.ok(same<ConnectionOf<typeof texts.connections>, StreamConnection<string, string>>(true))
  const frames = await createStreamListener({ framing: lengthPrefixed(), bind, runtime })
  t.ok(same<ConnectionOf<typeof frames.connections>, StreamConnection<Uint8Array, Buffer>>(true))
  const marked = await reconnectStream({ framing: delimited(Buffer.of(0)), connect: frames.endpoint, runtime })
  t.ok(same<ConnectionOf<typeof marked.connections>, StreamConnection<Uint8Array, Buffer>>(true))
  const client = await connectStream({ framing: bytes(), connect: texts.endpoint, runtime })
  t.ok(same<typeof client, StreamConnection<Uint8Array, Buffer>>(true))
  // @ts-expect-error: a text is no message of this framing
  t.rejects(client.send('text'), { code: 'RIVULET_INVALID_MESSAGE' })
})
