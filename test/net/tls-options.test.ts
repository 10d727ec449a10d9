/** The option `tls`: what is refused, with which words, and that no message contains a secret. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import type { RivuletError } from '../../src/errors/index.js'
import { resolveTls, TlsAcceptor, TlsDialer } from '../../src/net/tls.js'
import { Authority } from '../support/certificates.js'

const authority = new Authority()
const { cert, key } = authority.issue({ name: 'server', names: ['DNS:localhost'] })
const { ca } = authority
const secret = 'a-secret-that-is-planted'

const refusal = (make: () => unknown): RivuletError | undefined => {
  try {
    make()
  } catch (error) {
    return error as RivuletError
  }
  return undefined
}
const accept = (tls: unknown) => () => new TlsAcceptor('listener', resolveTls('listener', 'bind', tls), () => {})
const connect = (tls: unknown) => () => new TlsDialer('client', resolveTls('client', 'connect', tls), () => {})

t.test('options that break a rule', async (t) => {
  const wrong: readonly [() => unknown, RegExp][] = [
    [accept(undefined), /listener: tls must be an object/],
    [accept(true), /must be an object/],
    [accept({}), /must have cert and key, or certFile and keyFile/],
    [accept({ cert }), /must have a certificate and its key, or neither/],
    [accept({ cert, key, ca }), /must have requestCert: true and the authorities of clients/],
    [accept({ cert, key, requestCert: true }), /must have requestCert: true and the authorities of clients/],
    [accept({ cert, key, requestCert: 1 }), /requestCert must be true or false/],
    [accept({ cert, key, servername: 'a' }), /unknown option 'servername'/],
    [accept({ cert, key, handshakeTimeoutMs: 0 }), /handshakeTimeoutMs must be a whole number from 1 to 600000/],
    [accept({ cert, key, minVersion: 'TLSv1.1' }), /minVersion must be 'TLSv1.2' or 'TLSv1.3'/],
    [accept({ cert, key, certfile: 'a' }), /unknown option 'certfile'; did you mean 'certFile'\?/],
    [accept({ cert, certFile: 'a', key }), /must have cert or certFile, not both/],
    [accept({ cert: '', key }), /tls\.cert must be PEM/],
    [accept({ cert, key: 7 }), /tls\.key must be PEM/],
    [accept({ cert, key, passphrase: 1234 }), /passphrase must be a text/],
    [accept({ cert, key: secret }), /listener: tls: /],
    [accept({ cert, key: authority.issue().key }), /key values mismatch/],
    [accept({ cert, key, ca: secret, requestCert: true }), /the authorities are no certificates in PEM/],
    [accept({ cert, key, ciphers: 'none-of-these' }), /no cipher match/i],
    [accept({ cert, key, allow: 'any' }), /tls\.allow must be left out: it is for the patterns over ZeroMQ/],
    [connect({ rejectUnauthorized: false }), /must be left out: certificates are always checked: trust one with `ca`/],
    [connect({ checkServerIdentity: () => {} }), /say which one with `servername`/],
    [connect({ requestCert: true }), /unknown option 'requestCert'/],
    [connect({ servername: 'a\0b' }), /servername must be a text/],
    [connect({ ca: cert.replace(/[A-Za-z]{20}/, 'A') }), /client: tls: /],
  ]
  for (const [make, words] of wrong) {
    const error = refusal(make)
    t.equal(error?.code, 'RIVULET_INVALID_OPTION', String(words))
    t.match(error?.message, words)
    t.notMatch(inspect(error, { depth: 9 }), new RegExp(`${secret}|1234`))
  }
  for (const good of [connect({}), connect({ ca }), connect({ cert, key }), accept({ cert, key })]) good()
})

t.test('files that cannot be used', async (t) => {
  const folder = t.testdir({ 'cert.pem': cert, 'key.pem': key, 'ca.pem': ca, 'secret.pem': secret })
  const [certFile = '', keyFile = '', caFile = ''] = ['cert.pem', 'key.pem', 'ca.pem'].map((name) => join(folder, name))
  chmodSync(keyFile, 0o600)
  mkdirSync(join(folder, 'folder'))
  const wrong: readonly [object, RegExp][] = [
    [{ certFile: join(folder, 'missing.pem'), keyFile }, /ENOENT/],
    [{ certFile: join(folder, 'folder'), keyFile }, /is no regular file/],
    [{ certFile: '/dev/zero', keyFile }, /is no regular file/],
    [{ certFile: join(folder, 'secret.pem'), keyFile }, /listener: tls: /],
    [{ certFile: keyFile, keyFile }, /listener: tls: /],
    [{ certFile, keyFile, caFile: join(folder, 'secret.pem'), requestCert: true }, /no certificates in PEM/],
  ]
  for (const [tls, words] of wrong) {
    const error = refusal(accept(tls))
    t.equal(error?.code, 'RIVULET_TLS_FILE', String(words))
    t.match(error?.message, words)
    t.notMatch(inspect(error, { depth: 9 }), secret)
  }
  for (const mode of [0o604, 0o660, 0o644]) {
    chmodSync(keyFile, mode)
    t.match(refusal(accept({ certFile, keyFile }))?.message, /can be accessed by others \(mode 06\d\d\): say chmod 600/)
  }
  chmodSync(keyFile, 0o640) // as a group of servers reads it
  t.equal(refusal(accept({ certFile, keyFile, caFile, requestCert: true })), undefined)
  const both = join(folder, 'both.pem')
  writeFileSync(both, cert + key, { mode: 0o600 })
  symlinkSync(both, join(folder, 'link.pem'))
  t.equal(refusal(accept({ certFile: join(folder, 'link.pem'), keyFile: both })), undefined, 'one file, and a link')
})

t.test('an inspection shows no key', async (t) => {
  const tls = { cert, key, passphrase: secret }
  for (const made of [accept(tls)(), connect(tls)()]) {
    const text = inspect(made, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null })
    t.notOk(text.includes(secret))
    t.notOk(text.includes(key.slice(40, 80)))
  }
})
