/** The proof of identity: made by the owner of a key, for one server and one connection. */
import { createHmac, createPrivateKey, createPublicKey, diffieHellman, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  generateKeyPair,
  type ProofTranscript,
  Prover,
  proofBytes,
  z85Decode,
  z85Encode,
} from '../../src/security/index.js'

const server = generateKeyPair()
const client = generateKeyPair()
const other = generateKeyPair()
const atServer = new Prover(server)
const atClient = new Prover(client)

const transcript = (): ProofTranscript => ({
  version: 1,
  clientNonce: randomBytes(32),
  serverNonce: randomBytes(32),
  session: randomBytes(16),
  connection: 7,
  resume: false,
})

t.test('the server verifies what its client proves', async (t) => {
  const said = transcript()
  const proof = atClient.prove(server.publicKey, said)
  t.equal(proof.length, proofBytes)
  t.ok(atServer.verify(client.publicKey, said, proof))
  t.ok(new Prover(server).verify(client.publicKey, { ...said }, proof), 'without a cached secret')
})

t.test('a proof is what docs/reference/protocol says, byte for byte', async (t) => {
  const said = { ...transcript(), resume: true }
  // with the keys of the other side: X25519 yields the same secret
  const raw = (key: string): string => z85Decode(key)?.toString('base64url') ?? ''
  const jwk = { kty: 'OKP', crv: 'X25519' }
  const privateKey = { ...jwk, x: raw(server.publicKey), d: raw(server.secretKey) }
  const secret = diffieHellman({
    privateKey: createPrivateKey({ format: 'jwk', key: privateKey }),
    publicKey: createPublicKey({ format: 'jwk', key: { ...jwk, x: raw(client.publicKey) } }),
  })
  const parts = [
    Buffer.from('rivulet link proof 1\0'),
    Buffer.from('00000001000000000000000701', 'hex'),
    ...[client, server].map(({ publicKey }) => Buffer.from(raw(publicKey), 'base64url')),
    ...[said.clientNonce, said.serverNonce].flatMap((nonce) => [Buffer.from('00000020', 'hex'), nonce]),
    Buffer.from('00000010', 'hex'),
    said.session,
  ]
  const expected = createHmac('sha256', secret).update(Buffer.concat(parts)).digest()
  t.strictSame(atClient.prove(server.publicKey, said), expected)
})

t.test('a proof is of one key, for one server', async (t) => {
  const said = transcript()
  const proof = atClient.prove(server.publicKey, said)
  t.notOk(atServer.verify(other.publicKey, said, proof), 'another identity')
  t.notOk(new Prover(other).verify(client.publicKey, said, proof), 'relayed to another server')
  t.notOk(atServer.verify(client.publicKey, said, new Prover(other).prove(server.publicKey, said)), 'an impostor')
  t.notOk(
    atServer.verify(client.publicKey, said, atClient.prove(other.publicKey, said)),
    'made for the man in the middle',
  )
})

t.test('a change of any part makes another proof', async (t) => {
  const said = transcript()
  const proof = atClient.prove(server.publicKey, said)
  const changes: Partial<ProofTranscript>[] = [
    { version: 2 },
    { connection: 8 },
    { resume: true },
    { clientNonce: randomBytes(32) },
    { serverNonce: randomBytes(32) },
    { session: randomBytes(16) },
    { clientNonce: said.serverNonce, serverNonce: said.clientNonce },
    { clientNonce: Buffer.concat([said.clientNonce, said.serverNonce]), serverNonce: Buffer.alloc(0) },
    { serverNonce: Buffer.concat([said.serverNonce, said.session]), session: Buffer.alloc(0) },
  ]
  for (const change of changes) t.notOk(atServer.verify(client.publicKey, { ...said, ...change }, proof))
  fc.assert(
    fc.property(fc.nat(proofBytes - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const forged = Buffer.from(proof)
      forged.writeUInt8(forged.readUInt8(at) ^ bits, at)
      return !atServer.verify(client.publicKey, said, forged)
    }),
  )
})

t.test('bytes of any kind are no proof, and never throw', async (t) => {
  const said = transcript()
  const key = fc.oneof(fc.string(), fc.uint8Array({ minLength: 32, maxLength: 32 }).map(z85Encode))
  const isRefused = fc.property(
    key,
    fc.uint8Array({ maxLength: 64 }),
    (claimed, proof) => !atServer.verify(claimed, said, proof),
  )
  t.notOk(fc.check(isRefused).failed)
})

t.test('points of small order have no secret', async (t) => {
  for (const point of [Buffer.alloc(32), Buffer.from(`01${'00'.repeat(31)}`, 'hex')]) {
    const key = z85Encode(point)
    t.notOk(atServer.verify(key, transcript(), Buffer.alloc(proofBytes)))
    t.throws(() => atClient.prove(key, transcript()), { code: 'RIVULET_INVALID_OPTION' })
  }
})

t.test('more peers than secrets are kept', async (t) => {
  const said = transcript()
  for (let i = 0; i < 1100; i++) atServer.verify(z85Encode(randomBytes(32)), said, Buffer.alloc(proofBytes))
  t.ok(atServer.verify(client.publicKey, said, atClient.prove(server.publicKey, said)))
})
