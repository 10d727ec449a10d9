/**
 * The Avro schemas of what stands behind the prelude of a datagram.
 *
 * `docs/protocol/` holds the same schemas as `.avsc` files for other languages; a test keeps them equal.
 */
import { defineSchema, fixed, type Infer } from '../../../src/avro/index.js'
import { protocolRecord } from '../../../src/wire/index.js'

/** The header of a datagram with messages; an Avro array of `count` messages follows it. */
export const DatagramHeader = defineSchema(
  protocolRecord('DatagramHeader', {
    source: fixed('Source', 8),
    schemaId: fixed('SchemaId', 16),
    sequence: 'long',
    count: 'int',
  }),
)

/** A piece of the schema of a source, and the number of its next message. */
export const DatagramSchema = defineSchema(
  protocolRecord('DatagramSchema', {
    source: fixed('Source', 8),
    schemaId: fixed('SchemaId', 16),
    sequence: 'long',
    size: 'int',
    offset: 'int',
    text: 'bytes',
  }),
)

/** A piece of a schema, read. */
export type DatagramSchema = Infer<typeof DatagramSchema>

/** Asks a source for its schema. */
export const DatagramRequest = defineSchema(
  protocolRecord('DatagramRequest', {
    source: fixed('Source', 8),
    schemaId: fixed('SchemaId', 16),
  }),
)

/** A request for a schema, read. */
export type DatagramRequest = Infer<typeof DatagramRequest>
