/** Clients and listeners of one process that close together: what was sent arrives, in any order of the list. */
import t from 'tap'
import { lines, reconnectStream, type StreamConnection } from '../../patterns/socket/index.js'
import { closeAll } from '../../src/lifecycle/index.js'
import { turn, until } from '../support/events.js'
import { connect, eachStreamTransport, takeAll } from './ends.js'

eachStreamTransport(t, 'what a client has sent arrives before its listener closes', async (t, place) => {
  const { listener, client, server } = await connect(place, lines())
  const got: string[] = []
  // it has more before it than this side reads ahead, until the client is closed
  const work = async (line: string) => {
    await client.whenClosed
    await turn()
    got.push(line)
  }
  server.messages.process(work).subscribe()
  for (let at = 0; at < 160; at++) client.next(`line ${at} ${'x'.repeat(1000)}`)
  t.strictSame(await closeAll([listener, client]), { undelivered: 0 })
  t.equal(got.length, 160)
  t.equal(await client.whenEnded, undefined)
})

eachStreamTransport(t, 'a runtime closes its clients first, those that connect again included', async (t, place) => {
  const { listener, client, server } = await connect(place, lines())
  const { runtime } = place
  const got: string[] = []
  server.messages.subscribe((line) => got.push(line))
  const accepted: StreamConnection<string>[] = []
  listener.connections.subscribe((connection) => {
    accepted.push(connection)
    connection.messages.subscribe((line) => got.push(line))
  })
  const stream = await reconnectStream({ framing: lines(), connect: listener.endpoint, runtime })
  await stream.whenConnected()
  await until(() => accepted.length === 1)
  for (let at = 0; at < 300; at++) {
    client.next(`client ${at}`)
    stream.current?.next(`stream ${at}`)
  }
  t.strictSame(await runtime.close(), { undelivered: 0 })
  t.equal(got.length, 600)
  t.ok(stream.closed && client.closed && server.closed && listener.closed)
})

eachStreamTransport(t, 'closing drops what nobody takes, and counts it', async (t, place) => {
  const { client, server } = await connect(place, lines(), {}, { outboxBytes: 16_777_216 })
  client.errors.subscribe()
  server.errors.subscribe()
  for (let at = 0; at < 1000; at++) client.next('x'.repeat(10_000))
  const { undelivered } = await client.close({ drain: false })
  const { accepted, sent, dropped, pending } = client.stats().outgoing
  t.equal(undelivered, dropped.closed ?? 0)
  t.ok(undelivered > 0)
  t.equal(sent + undelivered, accepted)
  t.equal(pending, 0)
  // what was with the system may arrive, although it counts as dropped
  const inOneWrite = Math.ceil(262_144 / 10_000)
  const taken = await takeAll(server)
  t.ok(taken.length <= sent + inOneWrite)
})

eachStreamTransport(t, 'a signal closes a client without draining', async (t, place) => {
  const controller = new AbortController()
  const { client, server } = await connect(place, lines(), {}, { signal: controller.signal })
  controller.abort()
  await client.whenClosed
  t.strictSame(await takeAll(server), [])
})
