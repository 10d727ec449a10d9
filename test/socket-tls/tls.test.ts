/** Byte streams with TLS: who is admitted, what both sides learn otherwise, and what a listener reports of it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import t from 'tap'
import {
  connectStream,
  createStreamListener,
  lines,
  reconnectStream,
  type StreamConnection,
  type TlsConnectOptions,
  type TlsListenerOptions,
} from '../../patterns/socket/index.js'
import type { RivuletError, SecurityEvent } from '../../src/index.js'
import { Authority, selfSigned } from '../support/certificates.js'
import { first, until } from '../support/events.js'
import { place } from '../support/transports.js'

const authority = new Authority()
const { ca } = authority
const local = { names: ['DNS:localhost', 'IP:127.0.0.1'] }
const server = authority.issue(local)
const alice = authority.issue({ name: 'alice' })
const mutual: TlsListenerOptions = { ...server, ca, requestCert: true }
const framing = lines()

/** A listener that echoes, and everything that it reports. */
async function listen(t: Parameters<typeof place>[0], tls: TlsListenerOptions) {
  const { runtime } = place(t, 'tcp')
  const listener = await createStreamListener({ framing, bind: 'tcp://127.0.0.1:*', tls, runtime })
  const connections: StreamConnection<string>[] = []
  const events: SecurityEvent[] = []
  const errors: RivuletError[] = []
  listener.securityEvents.subscribe((event) => events.push(event))
  listener.errors.subscribe((error) => errors.push(error))
  listener.connections.subscribe((connection) => {
    connections.push(connection)
    connection.messages.subscribe(connection)
  })
  const connect = async (tls: TlsConnectOptions = { ca }) => {
    const connection = await connectStream({ framing, connect: listener.endpoint, tls, runtime })
    connection.errors.subscribe() // `whenEnded` has them
    return connection
  }
  return { listener, runtime, connections, events, errors, connect }
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: RivuletError) => error.code,
  )

t.test('messages pass, and each half ends on its own', async (t) => {
  const { connect, connections } = await listen(t, server)
  const connection = await connect()
  const received = firstValueFrom(connection.messages.pipe(toArray()))
  await connection.sendAll(['one', 'two', 'drei'])
  connection.complete()
  t.strictSame(await received, ['one', 'two', 'drei'], 'after this half was closed')
  t.equal(await connection.whenEnded, undefined)
  t.equal(connection.identity?.name, 'DNS:localhost')
  t.equal(connections[0]?.identity, undefined)
})

t.test('the certificate of a client is the identity of its connection', async (t) => {
  const { connect, connections, events } = await listen(t, mutual)
  const [one, two] = await Promise.all([
    connect({ ...alice, ca }),
    connect({ ...authority.issue({ names: ['URI:spiffe://example/bob'] }), ca }),
  ])
  await until(() => connections.length === 2)
  t.strictSame(connections.map(({ identity }) => identity?.name).sort(), ['URI:spiffe://example/bob', 'alice'])
  t.match(events[0], { kind: 'admitted', reason: 'certificate', address: '127.0.0.1', count: 1 })
  t.ok(connections.some(({ identity }) => identity?.name === events[0]?.identity?.name))
  await Promise.all([one?.close(), two?.close()])
})

t.test('what a client refuses', async (t) => {
  const other = new Authority('Another Authority')
  const wrong = {
    RIVULET_CERTIFICATE_UNTRUSTED: other.issue(local),
    RIVULET_CERTIFICATE_EXPIRED: authority.issue({ ...local, hours: [-2, -1] }),
    RIVULET_CERTIFICATE_NAME: authority.issue({ names: ['DNS:elsewhere.example'] }),
    RIVULET_CERTIFICATE_SELF_SIGNED: selfSigned(local),
  }
  for (const [code, certificate] of Object.entries(wrong)) {
    const { connect, listener, connections, errors, events } = await listen(t, certificate)
    t.equal(await codeOf(connect()), code)
    await until(() => events.length > 0)
    t.match(events, [{ kind: 'refused', reason: 'tls-refused', address: '127.0.0.1' }], 'the listener counts a refusal')
    t.equal(errors[0]?.code, 'RIVULET_TLS_REFUSED')
    t.strictSame([listener.stats().refused, listener.stats().open, connections.length], [{ 'not-agreed': 1 }, 0, 0])
  }
  const { connect } = await listen(t, server)
  t.equal(await codeOf(connect({ ca, servername: 'elsewhere.example' })), 'RIVULET_CERTIFICATE_NAME')
  t.equal(await codeOf(connect({})), 'RIVULET_CERTIFICATE_UNTRUSTED', 'without an authority')
  await connect({ ca, servername: 'localhost' })
})

t.test('what a listener refuses', async (t) => {
  const wrong = {
    RIVULET_CERTIFICATE_UNTRUSTED: new Authority('Another Authority').issue({ name: 'alice' }),
    RIVULET_CERTIFICATE_EXPIRED: authority.issue({ name: 'alice', hours: [-2, -1] }),
    RIVULET_CERTIFICATE_SELF_SIGNED: selfSigned({ name: 'alice' }),
    RIVULET_CERTIFICATE_MISSING: {},
  }
  const { connect, listener, connections, errors, events } = await listen(t, mutual)
  for (const [code, certificate] of Object.entries(wrong)) {
    const connection = await connect({ ...certificate, ca })
    const cause = await connection.whenEnded
    t.equal(cause?.code, code === 'RIVULET_CERTIFICATE_MISSING' ? code : 'RIVULET_TLS_REFUSED', `the client, ${code}`)
    await until(() => errors.some((error) => error.code === code))
    const reason = code.replace('RIVULET_', '').toLowerCase().replaceAll('_', '-')
    t.ok(events.some((event) => event.kind === 'refused' && event.reason === reason))
  }
  t.strictSame([listener.stats().refused, connections.length], [{ 'not-agreed': 4 }, 0])
  t.equal(listener.refusedConnections, 4)
  await connect({ ...alice, ca })
})

t.test('a side without TLS', async (t) => {
  const { listener, runtime, errors, connect } = await listen(t, server)
  const plain = await connectStream({ framing, connect: listener.endpoint, runtime })
  await plain.send('no TLS')
  plain.complete()
  await until(() => errors.length > 0)
  t.equal(errors[0]?.code, 'RIVULET_SECURITY_MISMATCH')
  const open = await createStreamListener({ framing, bind: 'tcp://127.0.0.1:*', runtime })
  open.connections.subscribe((connection) => connection.next('no TLS'))
  t.equal(
    await codeOf(connectStream({ framing, connect: open.endpoint, tls: { ca }, runtime })),
    'RIVULET_SECURITY_MISMATCH',
  )
  await (await connect()).close()
})

t.test('with TLS an endpoint may be bound where others can reach it', async (t) => {
  const { runtime } = place(t, 'tcp')
  const listener = await createStreamListener({ framing, bind: 'tcp://0.0.0.0:*', tls: server, runtime })
  t.match(listener.endpoint, /^tcp:\/\/0\.0\.0\.0:\d+$/)
  const bind = 'tcp://0.0.0.0:*'
  t.equal(await codeOf(createStreamListener({ framing, bind, runtime })), 'RIVULET_INSECURE_BIND')
})

t.test('options that do not fit', async (t) => {
  const { runtime } = place(t, 'tcp')
  const common = { framing, runtime, bind: 'tcp://127.0.0.1:*' }
  const client = { framing, runtime, connect: 'tcp://127.0.0.1:9' }
  const wrong: readonly [() => Promise<unknown>, RegExp][] = [
    [() => createStreamListener({ ...common, tls: true } as never), /tls must be an object/],
    [() => createStreamListener({ ...common, bind: 'ipc://*', tls: server }), /tls must be left out for ipc/],
    [() => connectStream({ ...client, connect: 'ipc:///a', tls: { ca } }), /tls must be left out for ipc/],
    [
      () => createStreamListener({ ...common, security: {} } as never),
      /security must be left out: it is for the patterns/,
    ],
    [() => connectStream({ ...client, security: {} } as never), /security must be left out/],
    [() => connectStream({ ...client, tls: { rejectUnauthorized: false } } as never), /always checked/],
  ]
  for (const [make, words] of wrong) {
    const error = await make().then(
      () => undefined,
      (cause: RivuletError) => cause,
    )
    t.equal(error?.code, 'RIVULET_INVALID_OPTION')
    t.match(error?.message, words)
  }
})

t.test('a certificate that replaces another is used by the next connection; open ones stay', async (t) => {
  const folder = t.testdir()
  const [certFile, keyFile] = [join(folder, 'both.pem'), join(folder, 'both.pem')]
  const write = ({ cert, key }: typeof server) => writeFileSync(certFile, cert + key, { mode: 0o600 })
  write(server)
  const { connect, listener, errors } = await listen(t, { certFile, keyFile })
  const former = await connect()
  write(authority.issue({ names: ['DNS:renewed.example', 'IP:127.0.0.1'] }))
  t.equal((await connect()).identity?.name, 'DNS:renewed.example')
  writeFileSync(certFile, 'broken')
  const report = first(listener.errors)
  t.equal((await connect()).identity?.name, 'DNS:renewed.example', 'the former content stays in use')
  t.match(await report, { code: 'RIVULET_TLS_FILE', message: /the former content stays in use/ })
  await connect()
  t.equal(errors.length, 1, 'reported once')
  const echo = first(former.messages)
  await former.send('still here')
  t.equal(await echo, 'still here')
})

t.test('two listeners and two clients have certificates of their own', async (t) => {
  const one = await listen(t, server)
  const two = await listen(t, authority.issue({ names: ['DNS:other.example', 'IP:127.0.0.1'] }))
  const names = await Promise.all([one.connect(), two.connect(), one.connect()])
  t.strictSame(
    names.map(({ identity }) => identity?.name),
    ['DNS:localhost', 'DNS:other.example', 'DNS:localhost'],
  )
  await one.listener.close()
  t.equal(await codeOf(two.connect()), 'none')
})

t.test('a client that reconnects reads its files again, and learns why it is refused', async (t) => {
  const file = join(t.testdir(), 'client.pem')
  const write = ({ cert, key }: typeof server) => writeFileSync(file, cert + key, { mode: 0o600 })
  const { listener, runtime, connections } = await listen(t, mutual)
  write(alice)
  const tls = { certFile: file, keyFile: file, ca }
  const backoff = { initialMs: 1, maxMs: 10 }
  const stream = await reconnectStream({ framing, connect: listener.endpoint, tls, backoff, runtime })
  stream.errors.subscribe()
  stream.connections.subscribe((connection) => connection.messages.subscribe(connection))
  await until(() => connections.length === 1)
  write(authority.issue({ name: 'alice, renewed' }))
  connections[0]?.error(new Error('cut'))
  await until(() => connections.length === 2)
  t.equal(connections[1]?.identity?.name, 'alice, renewed')
  await stream.close()
  const untrusting = await reconnectStream({ framing, connect: listener.endpoint, tls: {}, backoff, runtime })
  t.equal((await first(untrusting.errors)).code, 'RIVULET_CERTIFICATE_UNTRUSTED')
})
