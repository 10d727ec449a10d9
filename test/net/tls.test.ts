/** TLS around connections: what both sides learn when a certificate is good, wrong or missing, and how each half ends. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Authority, selfSigned } from '../support/certificates.js'
import { until } from '../support/events.js'
import { connectTo, plain, serve } from './tls-world.js'

const authority = new Authority()
const other = new Authority('Another Authority')
const { ca } = authority
const local = { names: ['DNS:localhost', 'IP:127.0.0.1'] }
const server = authority.issue(local)
const alice = authority.issue({ name: 'alice', names: ['URI:spiffe://example/alice, DNS:root', 'DNS:alice.example'] })
const mutual = { ...server, ca, requestCert: true }

t.test('both sides agree, and each half ends on its own', async (t) => {
  for (const minVersion of ['TLSv1.2', 'TLSv1.3']) {
    const { endpoint, accepted } = await serve(t, { ...mutual, minVersion })
    const { socket, seen } = await connectTo(t, endpoint, { ...alice, ca })
    socket?.write([Buffer.from('a')], () => {})
    await until(() => seen.includes('data re: a'))
    socket?.end()
    await until(() => seen.includes('closed') && accepted[0]?.seen.at(-1) === 'closed')
    t.strictSame(seen, ['open', 'data re: a', 'end', 'closed'], minVersion)
    t.strictSame(accepted[0]?.seen, ['open', 'data a', 'end', 'closed'])
  }
})

t.test('a peer that has closed its half can be answered', async (t) => {
  const { endpoint } = await serve(t, server)
  const { socket, seen } = await connectTo(t, endpoint, { ca })
  socket?.write([Buffer.from('last')], () => {})
  socket?.end()
  await until(() => seen.includes('closed'))
  t.strictSame(seen, ['open', 'data re: last', 'end', 'closed'])
})

t.test('what a certificate says is the identity of the peer', async (t) => {
  const { endpoint, accepted } = await serve(t, mutual)
  const { socket } = await connectTo(t, endpoint, { ...alice, ca })
  await until(() => accepted.length === 1)
  const identity = accepted[0]?.socket.identity
  t.equal(identity?.name, 'alice')
  t.strictSame(identity?.names, ['URI:spiffe://example/alice, DNS:root', 'DNS:alice.example'], 'a comma makes no names')
  t.match(identity?.fingerprint, /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  t.ok((identity?.publicKey ?? '').length > 100)
  t.equal(socket?.identity?.name, 'DNS:localhost', 'without a common name, the first of the others')
  t.ok(Object.isFrozen(identity))
})

t.test('a name with control characters is none', async (t) => {
  const { endpoint, accepted } = await serve(t, mutual)
  await connectTo(t, endpoint, { ...authority.issue({ name: 'a\nb' }), ca })
  await until(() => accepted.length === 1)
  t.equal(accepted[0]?.socket.identity?.name, accepted[0]?.socket.identity?.fingerprint)
})

t.test('a client refuses the certificate of a server, with one code for each reason', async (t) => {
  const wrong = {
    RIVULET_CERTIFICATE_UNTRUSTED: other.issue(local),
    RIVULET_CERTIFICATE_EXPIRED: authority.issue({ ...local, hours: [-2, -1] }),
    RIVULET_CERTIFICATE_NAME: authority.issue({ names: ['DNS:elsewhere.example'] }),
    RIVULET_CERTIFICATE_SELF_SIGNED: selfSigned({ name: 'self', ...local }),
    RIVULET_CERTIFICATE_INVALID: authority.issue({ ...local, purpose: 'client' }),
  }
  for (const [code, certificate] of Object.entries(wrong)) {
    const { endpoint, accepted, refused } = await serve(t, certificate)
    t.strictSame((await connectTo(t, endpoint, { ca })).seen, [code], code)
    await until(() => refused.length + accepted.length > 0)
    t.strictSame(
      [refused[0]?.code, accepted.length],
      ['RIVULET_TLS_REFUSED', 0],
      'the server learns that it was refused',
    )
  }
  const early = await serve(t, authority.issue({ ...local, hours: [1, 2] }))
  t.strictSame((await connectTo(t, early.endpoint, { ca })).seen, ['RIVULET_CERTIFICATE_EXPIRED'], 'not valid yet')
})

t.test('a server refuses the certificate of a client, with one code for each reason', async (t) => {
  const wrong = {
    RIVULET_CERTIFICATE_UNTRUSTED: other.issue({ name: 'alice' }),
    RIVULET_CERTIFICATE_EXPIRED: authority.issue({ name: 'alice', hours: [-2, -1] }),
    RIVULET_CERTIFICATE_SELF_SIGNED: selfSigned({ name: 'alice' }),
    RIVULET_CERTIFICATE_INVALID: authority.issue({ name: 'alice', purpose: 'server' }),
  }
  const { endpoint, accepted, refused } = await serve(t, mutual)
  for (const [code, certificate] of Object.entries(wrong)) {
    for (const minVersion of ['TLSv1.2', 'TLSv1.3']) {
      const at = refused.length
      const { seen } = await connectTo(t, endpoint, { ...certificate, ca, minVersion })
      await until(() => refused.length > at && seen.at(-1) !== 'open')
      t.equal(refused[at]?.code, code, `${code} at the server`)
      t.equal(seen.at(-1), 'RIVULET_TLS_REFUSED', 'and its client learns that it was refused')
    }
  }
  const at = refused.length
  const { seen } = await connectTo(t, endpoint, { ca })
  await until(() => refused.length > at && seen.at(-1) !== 'open')
  t.strictSame([refused[at]?.code, seen.at(-1)], ['RIVULET_CERTIFICATE_MISSING', 'RIVULET_CERTIFICATE_MISSING'])
  t.equal(accepted.length, 0)
})

t.test('a server that ends at once has refused nobody', async (t) => {
  const { endpoint, accepted } = await serve(t, mutual)
  const { seen } = await connectTo(t, endpoint, { ...alice, ca })
  await until(() => accepted.length === 1)
  accepted[0]?.socket.end()
  await until(() => seen.includes('end'))
  t.strictSame(seen, ['open', 'end'])
})

t.test('a connection that one side destroys ends at the other, whatever is in flight', async (t) => {
  const { endpoint, accepted } = await serve(t, server)
  for (let round = 0; round < 20; round++) {
    const { socket, seen } = await connectTo(t, endpoint, { ca })
    await until(() => accepted.length > round)
    const other = accepted[round] as (typeof accepted)[number]
    if (round % 2 === 0) socket?.write([Buffer.alloc(1_000_000)], () => {})
    if (round % 3 === 0) other.socket.destroy()
    socket?.destroy()
    if (round % 3 === 1) other.socket.destroy()
    await until(() => seen.at(-1) === 'closed' && other.seen.length > 1)
  }
  t.equal(accepted.length, 20)
})

t.test('sides without a common version, and peers without TLS', async (t) => {
  const { endpoint, port, refused } = await serve(t, { ...server, minVersion: 'TLSv1.3' })
  const old = await connectTo(t, endpoint, { ca, minVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })
  t.strictSame(old.seen, ['open'], 'a list of older ciphers leaves those of TLS 1.3')
  plain(t, port).write('GET / HTTP/1.1\r\n\r\n')
  await until(() => refused.length === 1)
  t.equal(refused[0]?.code, 'RIVULET_SECURITY_MISMATCH')
  plain(t, port).end()
  await until(() => refused.length === 2)
  t.equal(refused[1]?.code, 'RIVULET_TLS_REFUSED', 'one that leaves at once')
  plain(t, port).on('connect', function (this: ReturnType<typeof plain>) {
    this.resetAndDestroy()
  })
  await until(() => refused.length === 3)
  t.equal(refused[2]?.code, 'RIVULET_TLS_REFUSED', 'one that resets the connection')
})

t.test('a handshake has a time, however its bytes drip in', async (t) => {
  const { port, refused } = await serve(t, { ...server, handshakeTimeoutMs: 50 })
  const slow = plain(t, port)
  // the beginning of a hello of 508 bytes (RFC 8446 §4, §5.1)
  const hello = [22, 3, 1, 2, 0, 1, 0, 1, 252]
  const dripping = setInterval(() => slow.write(Buffer.from([hello.shift() ?? 0])), 10)
  t.teardown(() => clearInterval(dripping))
  await until(() => refused.length === 1 && slow.destroyed)
  t.equal(refused[0]?.code, 'RIVULET_TIMEOUT')
  const silent = plain(t, port)
  await until(() => refused.length === 2 && silent.destroyed)
  t.equal(refused[1]?.code, 'RIVULET_TIMEOUT')
})

t.test('a server that closes ends the handshakes that have not succeeded', async (t) => {
  const { port, server: shell, refused } = await serve(t, server)
  const silent = plain(t, port)
  await new Promise((resolve) => silent.once('connect', resolve))
  const marker = plain(t, port) // accepted behind it
  marker.write('no TLS')
  await until(() => refused.length === 1)
  await shell.close()
  await until(() => refused.length === 2 && silent.destroyed)
  t.equal(refused[1]?.code, 'RIVULET_TLS_REFUSED')
})

t.test('files that were replaced are used by the next connection; what cannot be used is reported', async (t) => {
  const folder = t.testdir()
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem'), caFile: join(folder, 'ca.pem') }
  const write = ({ cert, key }: typeof server) => {
    writeFileSync(files.certFile, cert)
    writeFileSync(files.keyFile, key, { mode: 0o600 })
  }
  write(server)
  writeFileSync(files.caFile, ca)
  const { endpoint, reports, accepted } = await serve(t, { ...files, requestCert: true })
  const serial = async (tls: object) => (await connectTo(t, endpoint, { ...tls, ca })).socket?.identity?.names[0]
  t.equal(await serial(alice), 'DNS:localhost')
  write(authority.issue({ names: ['DNS:127.example', 'IP:127.0.0.1'] }))
  t.equal(await serial(alice), 'DNS:127.example', 'the next connection')
  for (const broken of ['no certificate', '', server.cert]) {
    writeFileSync(files.certFile, broken)
    t.equal(await serial(alice), 'DNS:127.example', 'the former one stays')
    t.equal(await serial(alice), 'DNS:127.example')
  }
  t.strictSame(new Set(reports.map(({ code }) => code)), new Set(['RIVULET_TLS_FILE']))
  t.ok(reports.length >= 2 && reports.length <= 3, 'each problem once')
  write(server)
  t.equal(await serial(alice), 'DNS:localhost', 'and is replaced when there is another')
  writeFileSync(files.caFile, other.ca)
  t.equal((await connectTo(t, endpoint, { ...other.issue({ name: 'bob' }), ca })).seen[0], 'open')
  await until(() => accepted.some(({ socket }) => socket.identity?.name === 'bob')) // authorities, too
})
