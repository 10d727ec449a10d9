/**
 * The Avro schemas of links: the frames of the handshake, and the header and items of link frames.
 *
 * `docs/protocol/` holds the same schemas as `.avsc` files; a test keeps them equal. `connection` counts the connections
 * of one session, so that what is left of an earlier one is known for what it is. Times are milliseconds of the sender's
 * session clock.
 */
import { array, defineSchema, fixed, type Infer, record } from '../avro/index.js'
import { namespace, protocolRecord } from './protocol-record.js'

/** What one side lets the other send. */
export const LinkLimits = defineSchema({
  ...record('LinkLimits', { itemBytes: 'long', windowBytes: 'long', streamWindowBytes: 'long', assemblyBytes: 'long' }),
  namespace,
})

/** What one side lets the other send, read. */
export type LinkLimits = Infer<typeof LinkLimits>

/** The first frame of the connecting side on each connection. */
export const Hello = defineSchema(
  protocolRecord('Hello', {
    minVersion: 'int',
    maxVersion: 'int',
    capabilities: array('string'),
    session: fixed('SessionId', 16),
    connection: 'int',
    resume: 'boolean',
    received: 'long',
    limits: 'rivulet.protocol.LinkLimits',
  }),
  { types: [LinkLimits] },
)

/** A hello, read. */
export type Hello = Infer<typeof Hello>

/** The answer of the accepting side: from here on link frames go both ways. */
export const Welcome = defineSchema(
  protocolRecord('Welcome', {
    version: 'int',
    capabilities: array('string'),
    connection: 'int',
    resumed: 'boolean',
    received: 'long',
    limits: 'rivulet.protocol.LinkLimits',
  }),
  { types: [LinkLimits] },
)

/** A welcome, read. */
export type Welcome = Infer<typeof Welcome>

/** The other answer, at any time: this connection cannot be used, and why. */
export const Refusal = defineSchema(
  protocolRecord('Refusal', { connection: 'int', reason: 'string', message: 'string' }),
)

/** A refusal, read. */
export type Refusal = Infer<typeof Refusal>

/** The answer of an accepting side with security: it asks the dialer to prove its key before it says welcome. */
export const Challenge = defineSchema(
  protocolRecord('Challenge', {
    connection: 'int',
    nonce: fixed('ProofNonce', 32),
    publicKey: fixed('PublicKey', 32),
  }),
)

/** A challenge, read. */
export type Challenge = Infer<typeof Challenge>

/** What a dialer answers a challenge with: its key, and a code that only the owner of the key can compute. */
export const Proof = defineSchema(
  protocolRecord('Proof', {
    connection: 'int',
    publicKey: 'rivulet.protocol.PublicKey',
    nonce: 'rivulet.protocol.ProofNonce',
    mac: fixed('Mac', 32),
  }),
  { types: [Challenge] },
)

/** A proof, read. */
export type Proof = Infer<typeof Proof>

/** The header of a link frame; an Avro array of `Item` follows it. */
export const LinkHeader = defineSchema(
  protocolRecord('LinkHeader', { connection: 'int', sequence: 'long', acknowledged: 'long', time: 'long' }),
)

/** What link frames carry. */
export const Item = defineSchema({
  ...record('Item', { stream: 'long', kind: 'int', flags: 'int', body: 'bytes' }),
  namespace,
})
