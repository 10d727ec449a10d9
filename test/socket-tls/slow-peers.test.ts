/** Peers that declare too much, send too slowly, close one half, or reset in the middle of a frame: over TCP and over TLS. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { createStreamListener, lengthPrefixed, type StreamConnection } from '../../patterns/socket/index.js'
import { Authority } from '../support/certificates.js'
import { until } from '../support/events.js'
import { place } from '../support/transports.js'

const authority = new Authority()
const server = authority.issue({ names: ['IP:127.0.0.1'] })
const framing = lengthPrefixed()
/** What a slow peer gets for a frame, in milliseconds. */
const frameTimeoutMs = 300

const peers = {
  tcp: (port: number) => connect(port, '127.0.0.1'),
  tls: (port: number) => connectTls({ port, host: '127.0.0.1', ca: authority.ca, servername: '' }),
} as const

/** A listener that echoes, and one raw peer of it. */
async function pair(t: Test, kind: keyof typeof peers, times: { frameTimeoutMs?: number } = {}) {
  const { runtime } = place(t, 'tcp')
  const tls = kind === 'tls' ? { tls: server } : {}
  const listener = await createStreamListener<Uint8Array, Buffer>({
    framing,
    bind: 'tcp://127.0.0.1:*',
    runtime,
    ...times,
    ...tls,
  })
  listener.errors.subscribe()
  const connections: StreamConnection<Uint8Array, Buffer>[] = []
  listener.connections.subscribe((connection) => {
    connections.push(connection)
    connection.messages.subscribe(connection)
  })
  const peer: Socket = peers[kind](Number(listener.endpoint.replace(/.*:/, '')))
  peer.on('error', () => {}) // it is reset
  const received: Buffer[] = []
  peer.on('data', (chunk) => received.push(chunk))
  t.teardown(() => peer.destroy())
  await until(() => connections.length === 1)
  const connection = connections[0] as StreamConnection<Uint8Array, Buffer>
  connection.errors.subscribe()
  return { listener, connection, peer, text: () => Buffer.concat(received).toString('latin1') }
}

const frame = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)])

for (const kind of ['tcp', 'tls'] as const) {
  t.test(`a length of 2^32-1 over ${kind}`, async (t) => {
    const { listener, connection, peer, text } = await pair(t, kind)
    peer.write(Buffer.concat([frame('before'), Buffer.from([255, 255, 255, 255]), Buffer.from('x')]))
    t.match(await connection.whenEnded, { code: 'RIVULET_FRAME_TOO_LARGE' })
    await connection.whenClosed
    await until(() => peer.destroyed)
    t.strictSame([listener.stats().bufferedBytes, listener.stats().open], [0, 0])
    t.ok(text() === '' || text() === frame('before').toString('latin1'))
    t.equal(connection.stats().incoming.delivered, 1, 'the message before it')
  })

  t.test(`a byte now and then over ${kind}`, async (t) => {
    const { connection, peer } = await pair(t, kind, { frameTimeoutMs })
    peer.write(frame('whole'))
    peer.write(Buffer.from([0, 0]))
    const dripping = setInterval(() => peer.writable && peer.write(Buffer.from([0])), frameTimeoutMs / 4)
    t.teardown(() => clearInterval(dripping))
    // a frame of 200 bytes, which would take fifty times as long
    peer.write(Buffer.from([0, 200]))
    t.match(await connection.whenEnded, { code: 'RIVULET_TIMEOUT' })
    await until(() => peer.destroyed)
  })

  t.test(`a peer that closes its half over ${kind}, and is still answered`, async (t) => {
    const { connection, peer, text } = await pair(t, kind)
    peer.end(frame('last'))
    await connection.whenEnded
    await until(() => peer.destroyed)
    t.equal(text(), frame('last').toString('latin1'))
    t.equal(await connection.whenEnded, undefined)
  })

  t.test(`a peer that leaves in the middle of a frame over ${kind}`, async (t) => {
    const { connection, peer } = await pair(t, kind)
    peer.end(Buffer.concat([frame('whole'), Buffer.from([0, 0, 0, 9, 1, 2])]))
    t.match(await connection.whenEnded, { code: 'RIVULET_TRUNCATED_FRAME' })
    t.equal(connection.stats().incoming.delivered, 1)
    const { rejectedFrames } = connection.stats().incoming
    t.strictSame(rejectedFrames, { 'truncated-frame': 1 })
  })
}

t.test('a peer that resets in the middle of a frame', async (t) => {
  const { connection, peer, text } = await pair(t, 'tcp')
  peer.write(Buffer.concat([frame('whole'), Buffer.from([0, 0, 0, 9, 1, 2])]))
  await until(() => text() !== '')
  peer.resetAndDestroy()
  t.match(await connection.whenEnded, { code: 'RIVULET_CONNECTION_LOST' })
  await connection.whenClosed
})
