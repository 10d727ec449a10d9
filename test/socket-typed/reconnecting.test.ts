/** `reconnectStream` with a schema: each connection agrees again, on the schema that its listener has then. */
import { firstValueFrom, type Observable } from 'rxjs'
import t from 'tap'
import { createStreamListener, reconnectStream, type StreamConnection } from '../../patterns/socket/index.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { eachStreamTransport, take, takeAll } from '../socket-stream/ends.js'
import { codesOf, first, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Note, notes } from './typed-side.js'

const Newer = defineSchema(
  record('Note', { number: 'long', text: 'string', tag: { schema: 'string', default: 'none' } }),
)
const backoff = { initialMs: 1, maxMs: 10 }

/** The next connection after one that has ended. */
const following = <T>(stream: { readonly connections: Observable<T> }, former: T): Promise<T> =>
  first(stream.connections, (connection) => connection !== former)

eachStreamTransport(t, 'messages pass on each connection, and none of a former one', async (t, { runtime, bind }) => {
  const listener = await createStreamListener({ schema: Note, bind, runtime })
  const accepted: StreamConnection<Note, Note>[] = []
  listener.connections.subscribe((connection) => accepted.push(connection))
  const stream = await reconnectStream({ schema: Note, connect: listener.endpoint, runtime, backoff })
  let connection = await firstValueFrom(stream.connections)
  for (let round = 0; round < 3; round++) {
    await until(() => accepted.length === round + 1)
    const server = accepted[round] as StreamConnection<Note, Note>
    const [question, answer] = [
      { number: round, text: 'question' },
      { number: round, text: 'answer' },
    ]
    await connection.send(question)
    await server.send(answer)
    t.same(await take(server, 1), [question])
    t.same(await take(connection, 1), [answer])
    const next = following(stream, connection)
    server.complete()
    connection.complete()
    t.strictSame([await takeAll(server), await takeAll(connection)], [[], []], 'nothing else arrives')
    t.equal(await connection.whenEnded, undefined)
    t.match(connection.stats().outgoing, { accepted: 1, sent: 1 })
    connection = await next
  }
  t.match(stream.stats(), { opened: 4, failed: 0 })
})

eachStreamTransport(
  t,
  'what had not left when a connection was cut is not sent again',
  async (t, { runtime, bind }) => {
    const former = await createStreamListener({ schema: Note, bind, runtime })
    const connect = former.endpoint
    former.connections.subscribe() // and nobody reads
    const stream = await reconnectStream({ schema: Note, connect, runtime, backoff, outboxBytes: 16_777_216 })
    stream.errors.subscribe()
    const connection = await firstValueFrom(stream.connections)
    await until(() => former.stats().open === 1)
    for (const note of notes(100, 'x'.repeat(100_000))) connection.next(note)
    const next = following(stream, connection)
    await former.close({ drain: false })
    await connection.whenEnded
    const { accepted, sent, dropped, pending } = connection.stats().outgoing
    t.equal(accepted, 100)
    t.ok(dropped.transport ?? 0, 'some had not left')
    t.equal(sent + (dropped.transport ?? 0) + pending, 100)

    const listener = await createStreamListener({ schema: Note, bind: connect, runtime })
    const server = firstValueFrom(listener.connections)
    const again = await next
    await again.send({ number: 1000, text: 'new' })
    again.complete()
    t.same(await takeAll(await server), [{ number: 1000, text: 'new' }])
  },
)

eachStreamTransport(t, 'a listener may have another version when it is back', async (t, { runtime, bind }) => {
  const former = await createStreamListener({ schema: Note, bind, runtime })
  const connect = former.endpoint
  const accepted = firstValueFrom(former.connections)
  const stream = await reconnectStream({ schema: Note, connect, runtime, backoff })
  stream.errors.subscribe()
  const connection = await firstValueFrom(stream.connections)
  await connection.send({ number: 1, text: 'old' })
  t.same(await take(await accepted, 1), [{ number: 1, text: 'old' }])
  const next = following(stream, connection)
  await former.close({ drain: false })
  connection.complete() // over a Unix-domain socket the other half has ended in order

  const listener = await createStreamListener({ schema: Newer, bind: connect, runtime })
  const server = firstValueFrom(listener.connections)
  const again = await next
  await again.send({ number: 2, text: 'to the newer' })
  t.same(await take(await server, 1), [{ number: 2, text: 'to the newer', tag: 'none' }])
  await (await server).send({ number: 3, text: 'from the newer', tag: 'x' })
  t.same(await take(again, 1), [{ number: 3, text: 'from the newer' }])
})

t.test('a listener with an incompatible schema is tried again until it has another', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const Other = defineSchema(record('Note', { number: 'long', text: 'string', price: 'double' }))
  const wrong = await createStreamListener({ schema: { outgoing: Note, incoming: Other }, bind, runtime })
  wrong.errors.subscribe()
  wrong.connections.subscribe()
  const connect = wrong.endpoint
  const stream = await reconnectStream({ schema: Note, connect, runtime })
  const codes = codesOf(stream)
  const reported = first(stream.errors)
  t.match(await first(stream.links), { state: 'retrying', attempt: 1 })
  t.match(await reported, { code: 'RIVULET_INCOMPATIBLE_SCHEMA', issues: [{ path: 'price' }] })
  t.equal(stream.current, undefined)
  t.match(stream.stats(), { opened: 0, failed: 1 })
  await wrong.close({ drain: false })
  const listener = await createStreamListener({ schema: Note, bind: connect, runtime })
  listener.connections.subscribe((connection) => connection.messages.subscribe(connection))
  const opened = firstValueFrom(stream.connections)
  await clock.whenArmed()
  clock.advance(200)
  const connection = await opened
  await connection.send({ number: 1, text: 'agreed' })
  t.same(await take(connection, 1), [{ number: 1, text: 'agreed' }])
  t.strictSame(codes, ['RIVULET_INCOMPATIBLE_SCHEMA'])
})
