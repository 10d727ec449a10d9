/** One connection: messages in both directions, the end of each half, and what destroys it. */
import { of, throwError } from 'rxjs'
import t from 'tap'
import { bytes, lengthPrefixed, lines } from '../../patterns/socket/index.js'
import { place } from '../support/transports.js'
import { connect, eachStreamTransport, take, takeAll } from './ends.js'

eachStreamTransport(t, 'messages pass in both directions, and both sides see the same endpoints', async (t, place) => {
  const { listener, client, server } = await connect(place, lines())
  await client.send('one')
  client.next('two')
  t.strictSame(await client.sendAll(['three', 'four']), { sent: 2, dropped: 0 })
  t.strictSame(await take(server, 4), ['one', 'two', 'three', 'four'])
  await server.send('answer')
  t.strictSame(await take(client, 1), ['answer'])
  t.equal(client.remote, listener.endpoint)
  t.equal(server.local, listener.endpoint)
  t.equal(server.remote, client.local)
  t.match(client.local, place.transport === 'tcp' ? /^tcp:\/\/127\.0\.0\.1:\d+$/ : /^$/)
  t.equal(client.connected, 1)
  t.equal(listener.connected, 1)
  t.match(listener.stats(), { open: 1, accepted: 1, refused: {}, bufferedBytes: 0 })
})

eachStreamTransport(t, 'a peer that has closed its half is still answered', async (t, place) => {
  const { client, server } = await connect(place, lines())
  await client.send('question')
  client.complete()
  t.strictSame(await takeAll(server), ['question'])
  t.equal(server.status, 'open')
  await server.send('answer')
  server.complete()
  t.strictSame(await takeAll(client), ['answer'])
  t.strictSame(await Promise.all([client.whenEnded, server.whenEnded]), [undefined, undefined])
  await Promise.all([client.whenClosed, server.whenClosed])
  t.equal(client.connected, 0)
})

eachStreamTransport(
  t,
  'a source that feeds a connection ends its half, and one that fails destroys it',
  async (t, place) => {
    const first = await connect(place, lines())
    of('a', 'b').subscribe(first.client)
    t.strictSame(await takeAll(first.server), ['a', 'b'])
    const errors: string[] = []
    first.server.errors.subscribe(({ code }) => errors.push(code))
    throwError(() => new Error('the source broke')).subscribe(first.server)
    t.match(await first.server.whenEnded, { code: 'RIVULET_SOURCE_FAILED', cause: { message: 'the source broke' } })
    t.strictSame(errors, ['RIVULET_SOURCE_FAILED'])
    await first.client.whenEnded
    await first.client.whenClosed
  },
)

t.test('a peer over TCP sees that the other side has destroyed the connection', async (t) => {
  const { client, server } = await connect(place(t, 'tcp'), lines())
  const errors: string[] = []
  server.errors.subscribe(({ code }) => errors.push(code))
  const taken = takeAll(server)
  client.error(new Error('no more'))
  t.match(await server.whenEnded, { code: 'RIVULET_CONNECTION_LOST' })
  t.strictSame(await taken, [])
  t.strictSame(errors, ['RIVULET_CONNECTION_LOST'])
  t.match(await client.whenEnded, { code: 'RIVULET_SOURCE_FAILED' })
})

eachStreamTransport(t, 'nothing is sent behind the end of a half', async (t, place) => {
  const { client, server } = await connect(place, lines())
  client.complete()
  client.complete()
  await t.rejects(client.send('late'), { code: 'RIVULET_CLOSED' })
  await t.rejects(client.sendAll(['late']), { code: 'RIVULET_CLOSED' })
  const errors: string[] = []
  client.errors.subscribe(({ code }) => errors.push(code))
  client.next('late')
  t.strictSame(errors, ['RIVULET_CLOSED'])
  t.match(client.stats().outgoing, { accepted: 0, refused: { closed: 2 } })
  t.strictSame(await takeAll(server), [])
})

eachStreamTransport(
  t,
  'a frame that the peer does not complete is an error, and the messages before it arrive',
  async (t, place) => {
    const framing = lengthPrefixed()
    const { client, server } = await connect(place, framing, {}, { framing: bytes() })
    const errors: string[] = []
    server.errors.subscribe(({ code }) => errors.push(code))
    await client.send(Buffer.from([0, 0, 0, 1, 65, 0, 0, 0, 2, 66]))
    client.complete()
    t.strictSame((await takeAll(server)).map(String), ['A'])
    t.strictSame(errors, ['RIVULET_TRUNCATED_FRAME'])
    t.strictSame(server.stats().incoming.rejectedFrames, { 'truncated-frame': 1 })
    server.complete()
    t.match(await server.whenEnded, { code: 'RIVULET_TRUNCATED_FRAME' })
  },
)

eachStreamTransport(
  t,
  'a declared length beyond the limit ends the connection, behind the messages before it',
  async (t, place) => {
    const framing = lengthPrefixed({ maxFrameBytes: 1000 })
    const { client, server } = await connect(place, framing, {}, { framing: bytes() })
    await client.send(Buffer.from([0, 0, 0, 1, 65, 0xff, 0xff, 0xff, 0xff]))
    t.strictSame((await takeAll(server)).map(String), ['A'])
    t.match(await server.whenEnded, { code: 'RIVULET_FRAME_TOO_LARGE' })
    t.strictSame(server.stats().incoming.rejectedFrames, { 'frame-too-large': 1 })
    client.complete() // over a Unix-domain socket a destroyed connection looks like one whose half is closed
    await client.whenEnded
  },
)
