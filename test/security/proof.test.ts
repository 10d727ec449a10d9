/** The proof of identity: made by the owner of a key, for one server and one connection. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { generateKeyPair, type ProofTranscript, Prover, proofBytes, z85Encode } from '../../src/security/index.js'

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
