/** Backpressure in both directions, and what the connections of a listener may hold together. */
import t from 'tap'
import {
  bytes,
  connectStream,
  createStreamListener,
  lines,
  type StreamConnection,
} from '../../patterns/socket/index.js'
import { codesOf, turn, until } from '../support/events.js'
import { connect, eachStreamTransport, take, takeAll } from './ends.js'
import { offerToNobody } from './never-reads.js'

/** The most that is read at once, in bytes. */
const chunkBytes = 65_536
const mebibyte = 1024 * 1024

eachStreamTransport(
  t,
  'a peer that nobody consumes is read one chunk ahead, and its `send` waits',
  async (t, place) => {
    const { client, server } = await connect(place, bytes(), {}, { outboxBytes: mebibyte })
    const piece = Buffer.alloc(chunkBytes, 7)
    let sent = 0
    const sending = (async () => {
      for (; sent < 400; sent++) await client.send(piece)
    })()
    // until nothing moves any more
    for (let before = -1, still = 0; still < 50; still = before === sent ? still + 1 : 0) {
      before = sent
      await turn()
    }
    t.ok(sent < 400, `${sent} of 400 were taken`)
    t.ok(client.stats().outgoing.pendingBytes <= mebibyte + chunkBytes)
    t.ok(server.stats().receivedBytes <= chunkBytes, `${server.stats().receivedBytes} bytes were read`)
    let received = 0
    for await (const chunk of server.messages) {
      received += chunk.length
      if (received === 400 * chunkBytes) break
    }
    await sending
    t.equal(sent, 400)
    await until(() => client.stats().outgoing.sent === 400)
  },
)

eachStreamTransport(t, '`process` takes as many as it works on, and the peer waits meanwhile', async (t, place) => {
  const { client, server } = await connect(place, lines(), {}, { outboxBytes: chunkBytes })
  const release: (() => void)[] = []
  let most = 0
  let active = 0
  let done = 0
  const work = async () => {
    active += 1
    most = Math.max(most, active)
    await new Promise<void>((resolve) => release.push(resolve))
    active -= 1
    done += 1
  }
  server.messages.process(work, { concurrency: 3 }).subscribe()
  const count = 2000
  const line = 'x'.repeat(1000)
  const sending = client.sendAll(Array.from({ length: count }, () => line))
  await until(() => release.length === 3)
  for (let turns = 0; turns < 100; turns++) await turn()
  t.equal(active, 3)
  t.ok(server.stats().receivedBytes <= 2 * chunkBytes, 'the rest is not read')
  while (done < count) {
    release.shift()?.()
    if (release.length === 0) await turn()
  }
  t.strictSame(await sending, { sent: count, dropped: 0 })
  t.equal(most, 3)
})

eachStreamTransport(t, 'the end of a peer is seen while nobody consumes', async (t, place) => {
  const { client, server } = await connect(place, lines())
  server.complete()
  client.complete()
  t.equal(await server.whenEnded, undefined)
  await Promise.all([server.whenClosed, client.whenClosed])
})

t.test('a peer that never reads costs the outbox, and no more', async (t) => {
  const messages = 300_000
  const { stats, growthBytes } = await offerToNobody(messages)
  const { accepted, pendingBytes, refused } = stats.outgoing
  t.equal(accepted + (refused.full ?? 0), messages)
  t.ok(refused.full ?? 0, 'it was full')
  t.ok(pendingBytes <= 8 * mebibyte + chunkBytes)
  t.ok(growthBytes < 64_000_000, `${growthBytes} bytes`)
})

eachStreamTransport(
  t,
  'of several incomplete frames that are too much together, the largest goes',
  async (t, { bind, runtime }) => {
    const listener = await createStreamListener({ framing: lines(), bind, runtime, maxBufferedBytes: 65_536 })
    const errors = codesOf(listener)
    const servers: StreamConnection<string>[] = []
    listener.connections.subscribe((connection) => {
      servers.push(connection)
      connection.messages.subscribe()
    })
    const clients: StreamConnection<Uint8Array, Buffer>[] = []
    const send = async (client: number, length: number) => {
      const { receivedBytes } = (servers[client] as StreamConnection<string>).stats()
      await clients[client]?.send(Buffer.alloc(length, 97))
      await until(() => servers[client]?.stats().receivedBytes === receivedBytes + length)
    }
    for (let at = 0; at < 3; at++) {
      const client = await connectStream({ framing: bytes(), connect: listener.endpoint, runtime })
      client.errors.subscribe()
      clients.push(client)
      await until(() => servers.length === at + 1)
    }
    // a single one is bounded by its framing alone
    await send(0, 30_000)
    t.strictSame(errors, [])
    await send(0, 1)
    await clients[0]?.send(Buffer.from('\n'))
    await until(() => servers[0]?.stats().incoming.delivered === 1)
    await send(1, 2000)
    await send(2, 1500)
    await send(0, 1000)
    t.strictSame(errors, [])
    t.ok(listener.stats().bufferedBytes >= 9000)
    await clients[1]?.send(Buffer.alloc(8000, 97))
    t.match(await servers[1]?.whenEnded, { code: 'RIVULET_TOO_MANY_CONNECTIONS' })
    t.strictSame(errors, ['RIVULET_TOO_MANY_CONNECTIONS'])
    for (const at of [0, 2]) {
      await clients[at]?.send(Buffer.from('end\n'))
      await until(() => (servers[at]?.stats().incoming.delivered ?? 0) === (at === 0 ? 2 : 1))
    }
    t.equal(listener.stats().bufferedBytes, 0)
  },
)

eachStreamTransport(
  t,
  'messages that nobody consumes keep other connections from being read',
  async (t, { bind, runtime }) => {
    const listener = await createStreamListener({ framing: lines(), bind, runtime, maxBufferedBytes: 65_536 })
    const servers: StreamConnection<string>[] = []
    listener.connections.subscribe((connection) => servers.push(connection))
    const open = async () => {
      const client = await connectStream({ framing: lines(), connect: listener.endpoint, runtime })
      await until(() => servers.length > 0 && servers.at(-1) !== last)
      last = servers.at(-1)
      return { client, server: servers.at(-1) as StreamConnection<string> }
    }
    let last: StreamConnection<string> | undefined
    const first = await open()
    const second = await open()
    const lineBytes = 20_000
    await first.client.send('x'.repeat(lineBytes))
    await until(() => first.server.stats().receivedBytes === lineBytes + 1)
    t.equal(listener.stats().bufferedBytes, lineBytes + 1)
    const third = await open()
    await third.client.send('waits')
    for (let turns = 0; turns < 50; turns++) await turn()
    t.equal(third.server.stats().receivedBytes, 0, 'a new one is not read')
    t.strictSame(await take(first.server, 1), ['x'.repeat(lineBytes)])
    t.strictSame(await take(third.server, 1), ['waits'])
    await second.client.send('is read')
    t.strictSame(await take(second.server, 1), ['is read'])
    t.equal(listener.stats().bufferedBytes, 0)
    first.client.complete()
    t.strictSame(await takeAll(first.server), [])
  },
)
