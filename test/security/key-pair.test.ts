/** Key pairs: made, read and compared, and the same as those of libzmq. */
import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import * as zmq from 'zeromq'
import { generateKeyPair, isKey, keyFingerprint, publicKeyOf, z85Decode, z85Encode } from '../../src/security/index.js'

t.test('Z85 writes the example of RFC 32 and reads it back', async (t) => {
  const bytes = Buffer.from('864fd26fb559f75b', 'hex')
  t.equal(z85Encode(bytes), 'HelloWorld')
  t.strictSame(z85Decode('HelloWorld'), bytes)
})

t.test('each byte sequence has one text, and each text at most one', async (t) => {
  const words = fc
    .uint8Array({ maxLength: 64 })
    .filter(({ length }) => length % 4 === 0)
    .map((bytes) => Buffer.from(bytes))
  fc.assert(fc.property(words, (bytes) => z85Decode(z85Encode(bytes))?.equals(bytes) === true))
  const text = fc.oneof(
    fc.string({ minLength: 5, maxLength: 5 }),
    fc.string({ unit: fc.constantFrom(...'09azAZ.-:+=^!/*?&<>()[]{}@%$#'), minLength: 5, maxLength: 5 }),
  )
  fc.assert(
    fc.property(text, (one) => {
      const bytes = z85Decode(one)
      return bytes === undefined || z85Encode(bytes) === one
    }),
  )
  t.equal(z85Decode('#####'), undefined, 'a word beyond 32 bits')
  t.equal(z85Decode('%nSc0')?.toString('hex'), 'ffffffff')
  t.equal(z85Decode('%nSc1'), undefined)
  t.equal(z85Decode('0000'), undefined)
  t.equal(z85Decode('00 00'), undefined)
})

t.test('libzmq and this package make the same keys', async (t) => {
  for (let i = 0; i < 20; i++) {
    const theirs = zmq.curveKeyPair()
    t.equal(publicKeyOf(theirs.secretKey), theirs.publicKey)
    const ours = generateKeyPair()
    t.equal(publicKeyOf(ours.secretKey), ours.publicKey)
    t.ok(isKey(ours.publicKey) && isKey(ours.secretKey))
  }
})

t.test('a server and a client of libzmq talk with keys of this package', async (t) => {
  const server = generateKeyPair()
  const client = generateKeyPair()
  const reply = new zmq.Reply({ linger: 0, curveServer: true, curveSecretKey: server.secretKey })
  const request = new zmq.Request({
    linger: 0,
    curveServerKey: server.publicKey,
    curvePublicKey: client.publicKey,
    curveSecretKey: client.secretKey,
  })
  t.teardown(() => {
    reply.close()
    request.close()
  })
  await reply.bind('tcp://127.0.0.1:*')
  request.connect(reply.lastEndpoint as string)
  await request.send('over CURVE')
  t.equal(String((await reply.receive())[0]), 'over CURVE')
})

t.test('a fingerprint is short, safe and of its key alone', async (t) => {
  const key = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'
  t.equal(keyFingerprint(key), keyFingerprint(key))
  const seen = new Set<string>()
  for (let i = 0; i < 100; i++) {
    const fingerprint = keyFingerprint(generateKeyPair().publicKey)
    t.match(fingerprint, /^([a-z2-7]{5}-){4}[a-z2-7]{5}$/)
    seen.add(fingerprint)
  }
  t.equal(seen.size, 100)
})

t.test('what is no key is refused without being repeated', async (t) => {
  const { secretKey } = generateKeyPair()
  for (const wrong of [
    secretKey.slice(1),
    `${secretKey} `,
    `"${secretKey.slice(1)}`,
    '',
    undefined as never,
    7 as never,
  ]) {
    for (const read of [publicKeyOf, keyFingerprint]) {
      t.throws(() => read(wrong), { code: 'RIVULET_INVALID_OPTION' })
      try {
        read(wrong)
      } catch (error) {
        t.notOk(inspect(error).includes(secretKey.slice(2, -2)))
      }
    }
  }
})

t.test('inspection hides the secret key, and a copy keeps it', async (t) => {
  const pair = generateKeyPair()
  for (const shown of [inspect(pair), inspect({ deep: { pair } }, { depth: 9, showHidden: true })]) {
    t.ok(shown.includes(pair.publicKey))
    t.notOk(shown.includes(pair.secretKey))
  }
  t.strictSame(JSON.parse(JSON.stringify(pair)), { publicKey: pair.publicKey, secretKey: pair.secretKey })
  t.strictSame(Object.keys(structuredClone(pair)), ['publicKey', 'secretKey'])
})
