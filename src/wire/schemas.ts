/**
 * The Avro schemas of what stands between the prelude and the messages.
 *
 * `docs/protocol/` holds the same schemas as `.avsc` files for other languages; a test keeps them equal. Numbers of
 * messages count from 1; 0 means none.
 */
import { array, defineSchema, enumeration, fixed, type Infer, map, nullable, record, timestamp } from '../avro/index.js'
import { protocolRecord } from './protocol-record.js'

/** The header of a data frame; an Avro array of `count` messages follows it. */
export const DataHeader = defineSchema(
  protocolRecord('DataHeader', {
    kind: enumeration('DataKind', ['data', 'tombstone', 'beacon', 'will', 'mixed']),
    fingerprint: fixed('Fingerprint', 8),
    schemaId: fixed('SchemaId', 16),
    writerSchema: { schema: nullable('string'), default: null },
    source: fixed('Source', 8),
    position: 'long',
    sequence: 'long',
    previous: 'long',
    time: timestamp(),
    count: 'int',
    annotations: { schema: array(record('Annotation', { index: 'int', headers: map('bytes') })), default: [] },
  }),
)

/** The header of a data frame, read. */
export type DataHeader = Infer<typeof DataHeader>

/** What a subscriber asks of every publisher it is linked to, upstream. */
export const TopicRequest = defineSchema(
  protocolRecord('TopicRequest', {
    kind: enumeration('TopicRequestKind', ['ready']),
    inbox: 'bytes',
    nonce: fixed('Nonce', 16),
  }),
)

/** A request to publishers, read. */
export type TopicRequest = Infer<typeof TopicRequest>

/** What a publisher answers on the inbox of a request. */
export const TopicAnswer = defineSchema(
  protocolRecord('TopicAnswer', {
    nonce: 'rivulet.protocol.Nonce',
    source: 'rivulet.protocol.Source',
    position: 'long',
    time: timestamp(),
  }),
  { types: [TopicRequest, DataHeader] },
)

/** An answer of a publisher, read. */
export type TopicAnswer = Infer<typeof TopicAnswer>

/** The last frame on a connection of a typed stream: the sender ends the connection, and why. */
export const StreamRefusal = defineSchema(
  protocolRecord('StreamRefusal', {
    code: 'string',
    message: 'string',
    issues: array(record('StreamIssue', { path: 'string', message: 'string' })),
  }),
)

/** Why a connection was ended, read. */
export type StreamRefusal = Infer<typeof StreamRefusal>
