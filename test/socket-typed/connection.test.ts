/** Typed streams over sockets: both directions, two versions, batches, ends, and what a slow consumer makes of a quick sender. */
import { firstValueFrom, from, take as takeSome } from 'rxjs'
import t from 'tap'
import { connectStream, createStreamListener, lines, type StreamConnection } from '../../patterns/socket/index.js'
import { array, defineSchema, enumeration, record, type Schema } from '../../src/avro/index.js'
import { eachStreamTransport, take, takeAll } from '../socket-stream/ends.js'
import { codesOf, turn, until } from '../support/events.js'
import { type Place, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { connectStranger, listenStranger } from './stranger.js'
import { Note, notes, TypedSide } from './typed-side.js'

const Reply = defineSchema(array('long'))
const both = { outgoing: Note, incoming: Note } as const

interface Directions<In, Out> {
  readonly outgoing: Schema<In, unknown>
  readonly incoming: Schema<unknown, Out>
}

/** A listener, and a connection to it from both sides. */
async function open<ClientIn, ClientOut, ServerIn, ServerOut>(
  { runtime, bind }: Place,
  dials: Directions<ClientIn, ClientOut>,
  accepts: Directions<ServerIn, ServerOut>,
) {
  const listener = await createStreamListener({ schema: accepts, bind, runtime })
  const accepted = firstValueFrom(listener.connections)
  const client = await connectStream({ schema: dials, connect: listener.endpoint, runtime })
  return { listener, client, server: await accepted }
}

eachStreamTransport(t, 'both directions are typed apart, and end apart', async (t, place) => {
  const { client, server, listener } = await open(
    place,
    { outgoing: Note, incoming: Reply },
    { outgoing: Reply, incoming: Note },
  )
  const errors = [client, server, listener].map(codesOf)
  await client.send({ number: 1, text: 'one' })
  t.strictSame(await client.sendAll(notes(3)), { sent: 3, dropped: 0 })
  client.complete()
  t.same(await takeAll(server), [{ number: 1, text: 'one' }, ...notes(3)])
  await server.send([1, 2])
  server.complete()
  t.same(await takeAll(client), [[1, 2]])
  t.strictSame(await Promise.all([client.whenEnded, server.whenEnded]), [undefined, undefined])
  t.strictSame(errors, [[], [], []])
  const { accepted, sent, dropped } = client.stats().outgoing
  t.strictSame({ accepted, sent, dropped }, { accepted: 4, sent: 4, dropped: {} }, 'the protocol is not counted')
  t.equal(server.stats().incoming.received, 4)
})

eachStreamTransport(
  t,
  'one schema serves both directions, and an observable feeds a connection',
  async (t, { runtime, bind }) => {
    const listener = await createStreamListener({ schema: Note, bind, runtime })
    listener.connections.subscribe((connection) => connection.messages.subscribe(connection))
    const client = await connectStream({ schema: Note, connect: listener.endpoint, runtime })
    from(notes(1000, 'x')).subscribe(client)
    t.same(await takeAll(client), notes(1000, 'x'))
  },
)

eachStreamTransport(t, 'a side with another version reads what the other writes', async (t, place) => {
  const Newer = defineSchema(
    record('Note', { number: 'long', text: 'string', tag: { schema: 'string', default: 'none' } }),
  )
  const newer = { outgoing: Newer, incoming: Newer }
  const { client, server } = await open(place, both, newer)
  await client.send({ number: 1, text: 'old' })
  await server.send({ number: 2, text: 'new', tag: 'x' })
  t.same(await take(server, 1), [{ number: 1, text: 'old', tag: 'none' }])
  t.same(await take(client, 1), [{ number: 2, text: 'new' }])
})

eachStreamTransport(t, 'schemas that do not go together are reported on both sides', async (t, { runtime, bind }) => {
  const Other = defineSchema(record('Note', { number: 'long', text: 'string', price: 'double' }))
  const expected = { code: 'RIVULET_INCOMPATIBLE_SCHEMA', issues: [{ path: 'price' }], retryable: false }

  const strict = await createStreamListener({ schema: { outgoing: Note, incoming: Other }, bind, runtime })
  const reported = firstValueFrom(strict.errors)
  let handedOut = 0
  strict.connections.subscribe(() => {
    handedOut += 1
  })
  await t.rejects(connectStream({ schema: Note, connect: strict.endpoint, runtime }), expected)
  t.match(await reported, expected)
  t.equal(handedOut, 0, 'the application does not see it')
  await until(() => strict.stats().open === 0)
  t.strictSame(strict.stats().refused, { 'not-agreed': 1 })

  const listener = await createStreamListener({
    schema: Note,
    bind: `${bind}${bind.startsWith('ipc') ? '2' : ''}`,
    runtime,
  })
  const accepted = firstValueFrom(listener.connections)
  const schema = { outgoing: Note, incoming: Other }
  await t.rejects(connectStream({ schema, connect: listener.endpoint, runtime }), expected)
  const server = await accepted
  server.errors.subscribe()
  t.match(await server.whenEnded, expected)
})

t.test('peers that speak something else are refused, and the others are served', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ schema: Note, bind, runtime })
  const codes = codesOf(listener)
  listener.connections.subscribe((connection) => connection.messages.subscribe(connection))
  const honest = await connectStream({ schema: Note, connect: listener.endpoint, runtime })
  const strangers = ['474554202f20485454502f312e310d0a', '1603010200010001fc0303', 'ffffffff', '0000000100', '00000040']
  for (const [index, bytes] of strangers.entries()) {
    const stranger = await connectStranger(t, listener.endpoint)
    stranger.socket.write(Buffer.from(`${bytes}${bytes === '00000040' ? '00'.repeat(64) : ''}`, 'hex'))
    await stranger.whenClosed
    t.equal(stranger.received.length, 0, 'it hears nothing')
    await until(() => listener.stats().refused['not-agreed'] === index + 1)
  }
  t.ok(codes.includes('RIVULET_HANDSHAKE_FAILED'))
  t.strictSame([...new Set(codes)], ['RIVULET_HANDSHAKE_FAILED'])
  await honest.send({ number: 1, text: 'still here' })
  t.same(await take(honest, 1), [{ number: 1, text: 'still here' }])
})

t.test('a server that speaks something else is refused by the client', async (t) => {
  const { runtime } = place(t, 'tcp')
  for (const greeting of [
    'SSH-2.0-OpenSSH_9.2\r\n',
    '220 mail.example ESMTP\r\n',
    'HTTP/1.1 400 Bad Request\r\n\r\n',
  ]) {
    const { endpoint, accepted } = await listenStranger(t)
    const connecting = connectStream({ schema: Note, connect: endpoint, runtime })
    const refused = t.rejects(connecting, { code: 'RIVULET_HANDSHAKE_FAILED' })
    const stranger = await accepted
    stranger.socket.write(greeting)
    await refused
    await stranger.whenClosed
  }
})

t.test('a peer that does not open in time is refused, and one that has opened may be silent', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const listener = await createStreamListener({ schema: Note, bind, runtime, firstFrameTimeoutMs: 5000 })
  const codes = codesOf(listener)
  const accepted = firstValueFrom(listener.connections)
  const opening = new TypedSide('connect', both).taken()
  const [silent, slow, honest] = [
    await connectStranger(t, listener.endpoint),
    await connectStranger(t, listener.endpoint),
    await connectStranger(t, listener.endpoint),
  ]
  slow.socket.write(opening.subarray(0, 20))
  honest.socket.write(opening)
  await honest.has(8)
  const connection = await accepted
  connection.messages.subscribe()
  await until(() => listener.stats().open === 3)
  clock.advance(5001)
  await Promise.all([silent.whenClosed, slow.whenClosed])
  await until(() => listener.stats().open === 1)
  t.strictSame(listener.stats().refused, { 'not-agreed': 2 })
  t.ok(codes.includes('RIVULET_TIMEOUT'))
  clock.advance(50_000)
  await turn()
  t.equal(connection.status, 'open')
  connection.next({ number: 1, text: '' })
  await honest.has(200)
})

t.test('a peer that closes its half before it has opened is refused at once', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ schema: Note, bind, runtime })
  const codes = codesOf(listener)
  listener.connections.subscribe()
  const stranger = await connectStranger(t, listener.endpoint)
  stranger.socket.end()
  await stranger.whenClosed
  await until(() => listener.stats().refused['not-agreed'] === 1)
  t.strictSame(codes, ['RIVULET_HANDSHAKE_FAILED'])
})

t.test('a server that does not open makes connecting late', async (t) => {
  const clock = new VirtualClock()
  const { runtime } = place(t, 'tcp', { clock })
  const { endpoint, accepted } = await listenStranger(t)
  const late = t.rejects(connectStream({ schema: Note, connect: endpoint, runtime }), { code: 'RIVULET_TIMEOUT' })
  const stranger = await accepted
  await stranger.has(100)
  clock.advance(10_001)
  await late
  await stranger.whenEnded
})

t.test('what one turn sends is one frame, and a lone message leaves in its turn', async (t) => {
  const { runtime } = place(t, 'tcp')
  const { endpoint, accepted } = await listenStranger(t)
  const connecting = connectStream({ schema: Note, connect: endpoint, runtime })
  const [stranger, side] = [await accepted, new TypedSide<Note, Note>('bind', both)]
  side.receive(await stranger.has(100))
  stranger.socket.write(side.taken())
  const client = await connecting
  const before = stranger.received.length
  for (const value of notes(100)) client.next(value)
  await client.send({ number: 101, text: '' })
  await until(() => client.stats().outgoing.sent === 101)
  const length =
    stranger.received.length > before
      ? stranger.received.readUInt32BE(before)
      : (await stranger.has(before + 4)).readUInt32BE(before)
  const received = await stranger.has(before + 4 + length)
  t.equal(received.length, before + 4 + length, 'all of them are in one frame')
  side.receive(received.subarray(before))
  t.equal(side.values.length, 101)
  client.next({ number: 102, text: '' })
  side.receive((await stranger.has(received.length + 50)).subarray(received.length))
  t.equal(side.values.length, 102)
})

t.test('batches stay bytes until they are consumed, and the sender is held', async (t) => {
  const { client, server } = await open(place(t, 'tcp'), both, both)
  const total = 400_000
  let offered = 0
  function* source() {
    for (; offered < total; offered++) yield { number: offered, text: 'a text of some length, as messages have it' }
  }
  const sending = client.sendAll(source()).then(() => client.complete())
  const iterator = server.messages[Symbol.asyncIterator]()
  t.same((await iterator.next()).value?.number, 0)
  await until(() => client.stats().outgoing.pendingBytes > 8_000_000)
  const { pending, received } = server.stats().incoming
  t.ok(pending < 5000, `${pending} messages wait`)
  t.ok(received < 5000)
  t.ok(offered < total, `${offered} were taken from the source`)
  let next = 1
  for (let step = await iterator.next(); !step.done; step = await iterator.next())
    if (step.value.number === next) next += 1
  t.equal(next, total, 'all came, in order')
  await sending
  server.complete()
  t.equal(await server.whenEnded, undefined)
})

t.test('a message that the reader has no place for is dropped and reported, and the rest is read', async (t) => {
  const kinds = (...symbols: [string, ...string[]]) =>
    defineSchema(record('Event', { kind: enumeration('Kind', symbols) }))
  const [Old, New] = [kinds('a', 'b'), kinds('a', 'b', 'c')] as const
  const { client, server } = await open(
    place(t, 'tcp'),
    { outgoing: New, incoming: Old },
    { outgoing: Old, incoming: Old },
  )
  const codes = codesOf(server)
  for (const kind of ['a', 'c', 'b'] as const) client.next({ kind } as never)
  client.complete()
  t.same(await takeAll(server), [{ kind: 'a' }, { kind: 'b' }])
  t.strictSame(codes, ['RIVULET_INCOMPATIBLE_SCHEMA'])
  t.strictSame(server.stats().incoming.dropped, { undecodable: 1 })
})

t.test('a peer that has crashed is told from one that has ended', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ schema: Note, bind, runtime })
  const sessions: StreamConnection<Note, Note>[] = []
  listener.connections.subscribe((connection) => sessions.push(connection as never))
  const rows: [cut: number, code: string][] = [
    [0, 'RIVULET_CONNECTION_LOST'],
    [10, 'RIVULET_TRUNCATED_FRAME'],
  ]
  for (const [cut, code] of rows) {
    const stranger = await connectStranger(t, listener.endpoint)
    const side = new TypedSide<Note, Note>('connect', both)
    stranger.socket.write(Buffer.concat([side.taken(), side.write(...notes(2))]))
    stranger.socket.end(side.write(...notes(1)).subarray(0, cut))
    await until(() => sessions.length > 0)
    const connection = sessions.shift() as StreamConnection<Note, Note>
    const codes = codesOf(connection)
    t.same(await takeAll(connection), notes(2), 'what came is delivered')
    connection.complete()
    t.match(await connection.whenEnded, { code })
    t.strictSame(codes, [code])
  }
})

t.test('two listeners and two connections do not disturb each other', async (t) => {
  const { runtime } = place(t, 'tcp')
  const bind = 'tcp://127.0.0.1:*'
  const first = await createStreamListener({ schema: { incoming: Note, outgoing: Reply }, bind, runtime })
  const second = await createStreamListener({ schema: { incoming: Reply, outgoing: Note }, bind, runtime })
  const codes = [codesOf(first), codesOf(second)]
  first.connections.subscribe((connection) =>
    connection.messages.subscribe(({ number }) => connection.next([number, number])),
  )
  second.connections.subscribe((connection) =>
    connection.messages.subscribe(([number = 0]) => connection.next({ number, text: '' })),
  )
  const schema = { incoming: Reply, outgoing: Note }
  const clients = [
    await connectStream({ schema, connect: first.endpoint, runtime }),
    await connectStream({ schema, connect: first.endpoint, runtime }),
  ]
  const other = await connectStream({
    schema: { incoming: Note, outgoing: Reply },
    connect: second.endpoint,
    runtime,
  })
  for (const [index, client] of clients.entries()) client.next({ number: index, text: '' })
  other.next([7])
  t.same(await Promise.all(clients.map((client) => take(client, 1))), [[[0, 0]], [[1, 1]]])
  t.same(await firstValueFrom(other.messages.pipe(takeSome(1))), { number: 7, text: '' })
  t.strictSame(codes, [[], []])
})

t.test('exactly one of schema and framing, with the limit that belongs to it', async (t) => {
  const bind = 'tcp://127.0.0.1:*'
  const rows: readonly [options: object, message: RegExp][] = [
    [{}, /schema must be given, or framing/],
    [{ schema: Note, framing: lines() }, /not both/],
    [{ schema: {} }, /schema must be a schema of defineSchema, or \{ incoming, outgoing \}/],
    [{ schema: { incoming: Note } }, /schema must be/],
    [{ schema: { incoming: Note, outgoing: Note, other: Note } }, /schema must be/],
    [{ framing: lines(), maxMessageBytes: 5 }, /maxMessageBytes must be left out beside framing/],
    [{ schema: Note, maxMessageBytes: 0 }, /maxMessageBytes must be/],
  ]
  for (const [options, message] of rows) {
    const expected = { code: 'RIVULET_INVALID_OPTION', message }
    await t.rejects(createStreamListener({ bind, ...options } as never), expected)
    await t.rejects(connectStream({ connect: 'tcp://127.0.0.1:1', ...options } as never), expected)
  }
})
