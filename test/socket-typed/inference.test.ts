/** What the compiler knows of typed streams: each direction from its schema, defaults left out on the way in, nothing else. */
import { firstValueFrom, from } from 'rxjs'
import t from 'tap'
import {
  connectStream,
  createStreamListener,
  lines,
  type ReconnectingStream,
  reconnectStream,
  type StreamConnection,
  type StreamListener,
} from '../../patterns/socket/index.js'
import { defineSchema, type InferInput, record } from '../../src/avro/index.js'
import type { Stream } from '../../src/stream/index.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the types are the same. */
function same<A, B>(value: Equal<A, B>): boolean {
  return value
}

const Answer = defineSchema(record('Answer', { ok: 'boolean', note: { schema: 'string', default: '' } }))
type JobIn = InferInput<typeof Job>
interface JobOut {
  id: number
  note: string
}
type AnswerIn = InferInput<typeof Answer>
interface AnswerOut {
  ok: boolean
  note: string
}

t.test('directions are inferred from their schemas, on both sides', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ schema: { incoming: Job, outgoing: Answer }, bind, runtime })
  t.ok(same<typeof listener, StreamListener<AnswerIn, JobOut>>(true))
  const accepted = firstValueFrom(listener.connections)
  const schema = { incoming: Answer, outgoing: Job }
  const client = await connectStream({ schema, connect: listener.endpoint, runtime })
  t.ok(same<typeof client, StreamConnection<JobIn, AnswerOut>>(true))
  t.ok(same<typeof client.messages, Stream<AnswerOut>>(true))
  const server = await accepted
  t.ok(same<typeof server, StreamConnection<AnswerIn, JobOut>>(true))
  const again = await reconnectStream({ schema, connect: listener.endpoint, runtime })
  t.ok(same<typeof again, ReconnectingStream<JobIn, AnswerOut>>(true))
  await client.send({ id: 1 })
  await client.sendAll(from([{ id: 2, note: 'x' }]))
  await server.send({ ok: true })

  client.errors.subscribe()
  const invalid = { code: 'RIVULET_INVALID_MESSAGE' }
  // @ts-expect-error the message of the other direction
  await t.rejects(client.send({ ok: true }), invalid)
  // @ts-expect-error text where an int is due
  client.next({ id: 'one' })
  // @ts-expect-error the message of the other direction
  await t.rejects(server.send({ id: 1 }), invalid)
  // @ts-expect-error a source of other values
  t.strictSame(await client.sendAll(['one']), { sent: 0, dropped: 1 })
})

t.test('one schema has a type to write and a type to read', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ schema: Job, bind, runtime })
  t.ok(same<typeof listener, StreamListener<JobIn, JobOut>>(true))
  listener.connections.subscribe()
  const client = await connectStream({ schema: Job, connect: listener.endpoint, runtime })
  t.ok(same<typeof client, StreamConnection<JobIn, JobOut>>(true))
})

t.test('framings have the types of their messages, and what is no schema does not compile', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ framing: lines(), bind, runtime })
  t.ok(same<typeof listener, StreamListener<string, string>>(true))
  const refused = { code: 'RIVULET_INVALID_OPTION' }
  // @ts-expect-error a schema as JSON is none of defineSchema
  await t.rejects(createStreamListener({ schema: { type: 'record' }, bind, runtime }), refused)
  // @ts-expect-error one direction alone
  await t.rejects(createStreamListener({ schema: { incoming: Job }, bind, runtime }), refused)
})
