/** Typed streams over TLS: both directions, the certificates of both sides, and who is refused before a schema is read. */
import { firstValueFrom } from 'rxjs'
import t from 'tap'
import {
  connectStream,
  createStreamListener,
  type TlsConnectOptions,
  type TlsListenerOptions,
} from '../../patterns/socket/index.js'
import { array, defineSchema, record } from '../../src/avro/index.js'
import { take, takeAll } from '../socket-stream/ends.js'
import { Authority } from '../support/certificates.js'
import { codesOf, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { Note, notes } from './typed-side.js'

const Reply = defineSchema(array('long'))
const dials = { outgoing: Note, incoming: Reply } as const
const accepts = { outgoing: Reply, incoming: Note } as const
const authority = new Authority()
const { ca } = authority
const server = authority.issue({ names: ['IP:127.0.0.1'] })
const alice = authority.issue({ name: 'alice' })
const mutual: TlsListenerOptions = { ...server, ca, requestCert: true }

async function listen(t: Parameters<typeof place>[0], tls: TlsListenerOptions) {
  const { runtime, bind } = place(t, 'tcp')
  const listener = await createStreamListener({ schema: accepts, bind, tls, runtime })
  const connect = (tls: TlsConnectOptions) => connectStream({ schema: dials, connect: listener.endpoint, tls, runtime })
  return { listener, runtime, connect }
}

t.test('both directions are typed, and both sides know the certificate of the other', async (t) => {
  const { listener, connect } = await listen(t, mutual)
  const accepted = firstValueFrom(listener.connections)
  const client = await connect({ ...alice, ca })
  const served = await accepted
  const errors = [client, served, listener].map(codesOf)
  t.match(served.identity, { name: 'alice', fingerprint: /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/ })
  t.match(client.identity, { name: 'IP Address:127.0.0.1' })
  // more than one frame, and more than one record of TLS
  const many = notes(2000, 'x'.repeat(200))
  const sending = client.sendAll(many)
  const replies = takeAll(client)
  t.same(await take(served, 2000), many)
  t.strictSame(await sending, { sent: 2000, dropped: 0 })
  await served.sendAll([[1, 2], [], [3]])
  served.complete()
  t.same(await replies, [[1, 2], [], [3]])
  await client.send({ number: 0, text: 'behind the end of the other half' })
  client.complete()
  t.same(await takeAll(served), [{ number: 0, text: 'behind the end of the other half' }])
  t.strictSame(await Promise.all([client.whenEnded, served.whenEnded]), [undefined, undefined])
  t.strictSame(errors, [[], [], []])
})

t.test('a listener that requires no certificate knows no identity', async (t) => {
  const { listener, connect } = await listen(t, server)
  const accepted = firstValueFrom(listener.connections)
  const client = await connect({ ca })
  t.equal((await accepted).identity, undefined)
  await client.send({ number: 1, text: 'unknown' })
  t.same(await take(await accepted, 1), [{ number: 1, text: 'unknown' }])
})

t.test('a client without the certificate that is required is refused before its schema is read', async (t) => {
  const { listener, connect } = await listen(t, mutual)
  let handedOut = 0
  listener.connections.subscribe(() => {
    handedOut += 1
  })
  const codes = codesOf(listener)
  await t.rejects(connect({ ca }), { code: 'RIVULET_CERTIFICATE_MISSING' })
  const other = new Authority('Another Authority').issue({ name: 'alice' })
  await t.rejects(connect({ ...other, ca }), { code: /RIVULET_(TLS_REFUSED|CERTIFICATE_UNTRUSTED)/ })
  await until(() => codes.length === 2)
  t.strictSame(codes, ['RIVULET_CERTIFICATE_MISSING', 'RIVULET_CERTIFICATE_UNTRUSTED'])
  t.strictSame(listener.stats().refused, { 'not-agreed': 2 })
  t.equal(handedOut, 0)
})

t.test('a schema that does not fit is refused with its places, over TLS too', async (t) => {
  const { listener, runtime } = await listen(t, mutual)
  listener.connections.subscribe()
  const reported = firstValueFrom(listener.errors)
  const Other = defineSchema(record('Note', { number: 'long' }))
  const schema = { outgoing: Other, incoming: Reply }
  const expected = { code: 'RIVULET_INCOMPATIBLE_SCHEMA', issues: [{ path: 'text' }] }
  const tls = { ...alice, ca }
  await t.rejects(connectStream({ schema, connect: listener.endpoint, tls, runtime }), expected)
  t.match(await reported, expected)
  await until(() => listener.stats().open === 0)
  t.strictSame(listener.stats().refused, { 'not-agreed': 1 })
})

t.test('a client without TLS takes it for another protocol, and the listener reports it', async (t) => {
  const { listener, runtime } = await listen(t, server)
  const codes = codesOf(listener)
  await t.rejects(connectStream({ schema: dials, connect: listener.endpoint, runtime }), {
    code: /RIVULET_(HANDSHAKE_FAILED|CONNECTION_LOST)/,
  })
  await until(() => codes.length > 0)
  t.strictSame(codes, ['RIVULET_SECURITY_MISMATCH'])
})
