/** `nc`, `openssl s_client` and `socat` on the other end, over TCP, TLS and Unix-domain sockets; as clients and as servers. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import t, { type Test } from 'tap'
import {
  connectStream,
  createStreamListener,
  lines,
  reconnectStream,
  type TlsListenerOptions,
} from '../../patterns/socket/index.js'
import type { RivuletError } from '../../src/index.js'
import { run } from '../child-process.js'
import { guideText } from '../repository/sources.js'
import { Authority, type Certificate } from '../support/certificates.js'
import { first, until } from '../support/events.js'
import { python, withPackages } from '../support/system-packages.js'
import { place } from '../support/transports.js'
import { anyTool, serveWith, tool } from './tools.js'

const framing = lines()
const authority = new Authority()
const { ca } = authority
const server = authority.issue({ name: 'server', names: ['DNS:localhost', 'IP:127.0.0.1'] })
const alice = authority.issue({ name: 'alice' })
const text = 'one\nzwei €\n\nfour\n'
const mutual: TlsListenerOptions = { ...server, ca, requestCert: true }

/** A listener that echoes each line, and ends when the peer has, or with the line `quit`. */
async function echo(t: Test, transport: 'tcp' | 'ipc', tls?: TlsListenerOptions) {
  const { runtime, bind } = place(t, transport)
  const options = { framing, bind, runtime, ...(tls && { tls }) }
  const listener = await createStreamListener<string>(options)
  const errors: RivuletError[] = []
  const names: (string | undefined)[] = []
  // `errors` reports those that follow one another together
  listener.links.subscribe(({ cause }) => cause && errors.push(cause))
  listener.errors.subscribe()
  listener.connections.subscribe((connection) => {
    names.push(connection.identity?.name)
    connection.errors.subscribe()
    connection.messages.subscribe({
      next: (line) => (line === 'quit' ? connection.complete() : connection.next(line)),
      complete: () => connection.complete(),
    })
  })
  const address = listener.endpoint.replace(/^\w+:\/\//, '')
  return { runtime, listener, errors, names, address, port: address.replace(/.*:/, '') }
}

/** Certificates as files, for tools. */
function filesOf(t: Test, certificates: Readonly<Record<string, Certificate>>): (name: string) => string {
  const folder = t.testdir()
  writeFileSync(join(folder, 'ca.pem'), ca)
  for (const [name, { cert, key }] of Object.entries(certificates)) {
    writeFileSync(join(folder, `${name}.pem`), cert)
    writeFileSync(join(folder, `${name}.key`), key, { mode: 0o600 })
  }
  return (name) => join(folder, name)
}

t.test('nc over TCP and over a Unix-domain socket', withPackages(['netcat-openbsd']), async (t) => {
  const tcp = await echo(t, 'tcp')
  t.equal(await tool('nc', ['-N', '127.0.0.1', tcp.port], text), text)
  const ipc = await echo(t, 'ipc')
  t.equal(await tool('nc', ['-N', '-U', ipc.address], text), text)
  t.strictSame([tcp.errors, ipc.errors], [[], []])
})

t.test('nc that listens', withPackages(['netcat-openbsd']), async (t) => {
  const { runtime, bind } = place(t, 'ipc')
  const output = tool('nc', ['-l', '-N', '-U', bind.slice('ipc://'.length)], 'from nc\n')
  const backoff = { initialMs: 1, maxMs: 10 }
  const stream = await reconnectStream<string>({ framing, connect: bind, backoff, runtime })
  stream.errors.subscribe() // it may not listen yet
  const connection = await first(stream.connections)
  const received = firstValueFrom(connection.messages.pipe(toArray()))
  await connection.send('to nc')
  connection.complete()
  t.strictSame([await received, await output], [['from nc'], 'to nc\n'])
})

t.test('socat over TCP and over a Unix-domain socket', withPackages(['socat']), async (t) => {
  const tcp = await echo(t, 'tcp')
  t.equal(await tool('socat', ['-t', '30', '-', `TCP:127.0.0.1:${tcp.port}`], text), text)
  const ipc = await echo(t, 'ipc')
  t.equal(await tool('socat', ['-t', '30', '-', `UNIX-CONNECT:${ipc.address}`], text), text)
  t.strictSame([tcp.errors, ipc.errors], [[], []])
})

t.test('socat that listens', withPackages(['socat']), async (t) => {
  const { runtime } = place(t, 'tcp')
  const listen = ['-d', '-d', '-t', '30', 'TCP-LISTEN:0,bind=127.0.0.1', 'PIPE']
  const port = await serveWith(t, 'socat', listen, /listening on .*:(\d+)/)
  const connection = await connectStream({ framing, connect: `tcp://127.0.0.1:${port}`, runtime })
  const received = firstValueFrom(connection.messages.pipe(toArray()))
  await connection.sendAll(['a', 'b'])
  connection.complete()
  t.strictSame(await received, ['a', 'b'], 'a half that is closed is still answered')
  t.equal(await connection.whenEnded, undefined)
})

t.test('socat over TLS, with a certificate of its own', withPackages(['socat', 'openssl']), async (t) => {
  const file = filesOf(t, { alice, server })
  const { port, names, errors, runtime } = await echo(t, 'tcp', mutual)
  const own = `cafile=${file('ca.pem')},cert=${file('alice.pem')},key=${file('alice.key')}`
  const address = `OPENSSL:127.0.0.1:${port},commonname=localhost,verify=1,${own}`
  t.equal(await tool('socat', ['-t', '30', '-', address], text), text)
  t.strictSame([names, errors], [['alice'], []])

  const options = `cafile=${file('ca.pem')},cert=${file('server.pem')},key=${file('server.key')}`
  const listen = ['-d', '-d', '-t', '30', `OPENSSL-LISTEN:0,bind=127.0.0.1,verify=1,${options}`, 'PIPE']
  const bound = await serveWith(t, 'socat', listen, /listening on .*:(\d+)/)
  const connect = `tcp://127.0.0.1:${bound}`
  const connection = await connectStream({ framing, connect, tls: { ...alice, ca }, runtime })
  const answer = first(connection.messages)
  await connection.send('to socat')
  t.equal(await answer, 'to socat')
  t.equal(connection.identity?.name, 'server')
  await connection.close()
})

t.test('openssl s_client', withPackages(['openssl']), async (t) => {
  const other = new Authority('Another Authority')
  const file = filesOf(t, { alice, bob: other.issue({ name: 'bob' }), other: other.certificate })
  const { port, names, errors, listener } = await echo(t, 'tcp', mutual)
  const client = (...args: string[]) => {
    return ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-verify_return_error', ...args]
  }
  const trusting = ['-CAfile', file('ca.pem'), '-verify_hostname', 'localhost']
  const as = (name: string) => ['-cert', file(`${name}.pem`), '-key', file(`${name}.key`)]
  for (const version of ['-tls1_2', '-tls1_3']) {
    t.equal(await tool('openssl', client(version, ...trusting, ...as('alice')), `${text}quit\n`), text, version)
  }
  t.strictSame([names, errors], [['alice', 'alice'], []])

  const codes = () => errors.map(({ code }) => code)
  const seen = await anyTool('openssl', client('-tls1_3', ...trusting), text)
  t.match(seen, /certificate required/, 'an alert says what is missing')
  await until(() => codes().includes('RIVULET_CERTIFICATE_MISSING'))
  await anyTool('openssl', client(...trusting, ...as('bob')), text)
  await until(() => codes().includes('RIVULET_CERTIFICATE_UNTRUSTED'))
  const refused = listener.refusedConnections
  await anyTool('openssl', client('-CAfile', file('other.pem'), ...as('alice')), text)
  await until(() => listener.refusedConnections > refused)
  const { message } = errors.at(-1) as RivuletError
  t.match(message, /the peer says that the certificate of this side is signed by no trusted authority/, message)
  await anyTool('openssl', client('-tls1', '-cipher', 'DEFAULT@SECLEVEL=0', ...trusting), text)
  await until(() => codes().includes('RIVULET_SECURITY_MISMATCH'))
  t.equal(names.length, 2, 'none of these is handed out')
})

t.test('openssl s_server, which sends alerts', withPackages(['openssl']), async (t) => {
  const file = filesOf(t, { server, alice })
  const { runtime } = place(t, 'tcp')
  const own = ['-cert', file('server.pem'), '-key', file('server.key'), '-CAfile', file('ca.pem')]
  const args = ['s_server', '-accept', '127.0.0.1:0', '-rev', '-Verify', '1', '-verify_return_error', ...own]
  const port = await serveWith(t, 'openssl', args, /ACCEPT 127\.0\.0\.1:(\d+)/)
  const connect = (certificate: object) =>
    connectStream({ framing, connect: `tcp://127.0.0.1:${port}`, tls: { ...certificate, ca }, runtime })
  const good = await connect(alice)
  const reversed = first(good.messages)
  await good.send('abc')
  t.equal(await reversed, 'cba')
  await good.close()

  const wrong = {
    RIVULET_CERTIFICATE_MISSING: {},
    RIVULET_CERTIFICATE_UNTRUSTED: new Authority('Another Authority').issue({ name: 'alice' }),
    RIVULET_CERTIFICATE_EXPIRED: authority.issue({ name: 'alice', hours: [-2, -1] }),
  }
  for (const [code, certificate] of Object.entries(wrong)) {
    const connection = await connect(certificate)
    connection.errors.subscribe()
    t.equal((await connection.whenEnded)?.code, code, code)
  }
})

t.test(
  'the certificates and the client of docs/patterns/sockets.md',
  withPackages(['openssl', 'python3']),
  async (t) => {
    const page = guideText('docs/patterns')
    const section = page.slice(page.search(/^#+ Certificates to try it with$/m))
    const block = (language: string) => new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(section)?.[1] ?? ''
    const cwd = t.testdir()
    const made = await run('bash', ['-e', '-c', block('sh')], { cwd, timeoutMs: 60_000 })
    t.equal(made.code, 0, made.stderr)
    const file = (name: string) => join(cwd, name)
    const tls = {
      certFile: file('server.pem'),
      keyFile: file('server.key'),
      caFile: file('ca.pem'),
      requestCert: true,
    }
    const { runtime, bind } = place(t, 'tcp')
    const listener = await createStreamListener<string>({ framing, bind, tls, runtime })
    listener.errors.subscribe()
    listener.connections.subscribe((connection) => {
      const { identity } = connection
      connection.messages.process((line) => `${identity?.name} says: ${line}`).subscribe(connection)
    })
    const client = block('python').replace('7443', listener.endpoint.replace(/.*:/, ''))
    const known = await run(python, ['-c', client], { cwd, timeoutMs: 60_000 })
    t.match(known, { code: 0, stdout: 'worker-7 says: hello\n\n' }, known.stderr)
    const unknown = await run(python, ['-c', client.replace(/.*load_cert_chain.*\n/, '')], { cwd, timeoutMs: 60_000 })
    t.match(unknown, { code: 1, stderr: /TLSV13_ALERT_CERTIFICATE_REQUIRED/ })
  },
)
