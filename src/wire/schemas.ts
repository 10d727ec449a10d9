/**
 * The Avro schemas of what stands between the prelude and the messages.
 *
 * `docs/protocol/` holds the same schemas as `.avsc` files for other languages; a test keeps them equal. Numbers of
 * messages count from 1; 0 means none.
 */
import { defineSchema, type Infer } from '../avro/index.js'

/** The header of a data frame; an Avro array of `count` messages follows it. */
export const DataHeader = defineSchema({
  type: 'record',
  name: 'DataHeader',
  namespace: 'rivulet.protocol',
  fields: [
    {
      name: 'kind',
      type: { type: 'enum', name: 'DataKind', symbols: ['data', 'tombstone', 'beacon', 'will', 'mixed'] },
    },
    { name: 'fingerprint', type: { type: 'fixed', name: 'Fingerprint', size: 8 } },
    { name: 'schemaId', type: { type: 'fixed', name: 'SchemaId', size: 16 } },
    { name: 'writerSchema', type: ['null', 'string'], default: null },
    { name: 'source', type: { type: 'fixed', name: 'Source', size: 8 } },
    { name: 'position', type: 'long' },
    { name: 'sequence', type: 'long' },
    { name: 'previous', type: 'long' },
    { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'count', type: 'int' },
    {
      name: 'annotations',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Annotation',
          fields: [
            { name: 'index', type: 'int' },
            { name: 'headers', type: { type: 'map', values: 'bytes' } },
          ],
        },
      },
      default: [],
    },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** The header of a data frame, read. */
export type DataHeader = Infer<typeof DataHeader>

/** What a subscriber asks of every publisher it is linked to, upstream. */
export const TopicRequest = defineSchema({
  type: 'record',
  name: 'TopicRequest',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'kind', type: { type: 'enum', name: 'TopicRequestKind', symbols: ['ready'] } },
    { name: 'inbox', type: 'bytes' },
    { name: 'nonce', type: { type: 'fixed', name: 'Nonce', size: 16 } },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** A request to publishers, read. */
export type TopicRequest = Infer<typeof TopicRequest>

/** What a publisher answers on the inbox of a request. */
export const TopicAnswer = defineSchema(
  {
    type: 'record',
    name: 'TopicAnswer',
    namespace: 'rivulet.protocol',
    fields: [
      { name: 'nonce', type: 'rivulet.protocol.Nonce' },
      { name: 'source', type: 'rivulet.protocol.Source' },
      { name: 'position', type: 'long' },
      { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
    ],
  },
  { types: [TopicRequest, DataHeader] },
)

/** An answer of a publisher, read. */
export type TopicAnswer = Infer<typeof TopicAnswer>
