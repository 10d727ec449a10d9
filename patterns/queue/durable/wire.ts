/**
 * The wire of the durable queue: a service of two duplex methods, and what their requests and answers are called here.
 *
 * `docs/protocol/queue.avpr` is the same protocol. An item of a stream is a batch, so that nothing is sent for each message.
 */
import { defineService, isDeclaredError, type RequestInputOf, type ResponseInputOf } from '../../../src/avro/index.js'
import { maxReceivedCharacters, type RivuletError, receivedError } from '../../../src/errors/index.js'
import { defaults } from '../../../src/options/index.js'

/** The service that a host of queues serves. */
export const QueueService = defineService({
  protocol: 'Queue',
  namespace: 'rivulet.queue',
  types: [
    {
      type: 'error',
      name: 'QueueRefused',
      fields: [
        { name: 'code', type: 'string' },
        { name: 'message', type: 'string' },
      ],
    },
    {
      type: 'record',
      name: 'ProducerOpen',
      fields: [
        { name: 'queue', type: 'string' },
        { name: 'producer', type: 'string' },
      ],
    },
    {
      type: 'record',
      name: 'ProducedExtras',
      fields: [
        { name: 'index', type: 'int' },
        { name: 'id', type: ['null', 'string'], default: null },
        { name: 'key', type: ['null', 'string'], default: null },
        { name: 'delayMs', type: ['null', 'long'], default: null },
        { name: 'ttlMs', type: ['null', 'long'], default: null },
      ],
    },
    {
      type: 'record',
      name: 'ProducedBatch',
      fields: [
        { name: 'number', type: 'long' },
        { name: 'sequence', type: 'long' },
        { name: 'schemaId', type: 'bytes' },
        { name: 'schema', type: ['null', 'string'], default: null },
        { name: 'lengths', type: { type: 'array', items: 'int' } },
        { name: 'checks', type: 'bytes' },
        { name: 'bodies', type: 'bytes' },
        { name: 'extras', type: { type: 'array', items: 'ProducedExtras' }, default: [] },
      ],
    },
    {
      type: 'record',
      name: 'ProducerOpened',
      fields: [
        { name: 'epoch', type: 'string' },
        { name: 'maxMessageBytes', type: 'int' },
      ],
    },
    {
      type: 'record',
      name: 'Duplicate',
      fields: [
        { name: 'index', type: 'int' },
        { name: 'position', type: 'long' },
      ],
    },
    {
      type: 'record',
      name: 'StoredBatch',
      fields: [
        { name: 'number', type: 'long' },
        { name: 'repeated', type: 'int', default: 0 },
        { name: 'position', type: 'long' },
        { name: 'duplicates', type: { type: 'array', items: 'Duplicate' }, default: [] },
      ],
    },
    {
      type: 'record',
      name: 'RefusedBatch',
      fields: [
        { name: 'number', type: 'long' },
        { name: 'expected', type: 'long' },
        { name: 'code', type: 'string' },
        { name: 'message', type: 'string' },
        { name: 'repeated', type: 'int', default: 0 },
        { name: 'position', type: 'long', default: 0 },
        { name: 'duplicates', type: { type: 'array', items: 'Duplicate' }, default: [] },
      ],
    },
    {
      type: 'record',
      name: 'ProduceAnswer',
      fields: [
        { name: 'opened', type: ['null', 'ProducerOpened'], default: null },
        { name: 'stored', type: { type: 'array', items: 'StoredBatch' }, default: [] },
        { name: 'refused', type: { type: 'array', items: 'RefusedBatch' }, default: [] },
      ],
    },
    {
      type: 'record',
      name: 'ConsumerOpen',
      fields: [
        { name: 'queue', type: 'string' },
        { name: 'consumer', type: 'string' },
        { name: 'held', type: { type: 'array', items: 'long' }, default: [] },
        { name: 'unreadable', type: { type: 'array', items: 'bytes' }, default: [] },
      ],
    },
    { type: 'enum', name: 'SettlementKind', symbols: ['ack', 'nack', 'reject', 'release'] },
    {
      type: 'record',
      name: 'SettledRange',
      fields: [
        { name: 'lease', type: 'long' },
        { name: 'index', type: 'int' },
        { name: 'count', type: 'int' },
        { name: 'kind', type: 'SettlementKind' },
        { name: 'delayMs', type: ['null', 'long'], default: null },
        { name: 'reason', type: ['null', 'string'], default: null },
        { name: 'stack', type: ['null', 'string'], default: null },
        { name: 'unreadable', type: 'boolean', default: false },
      ],
    },
    {
      type: 'record',
      name: 'ConsumerOpened',
      fields: [
        { name: 'epoch', type: 'string' },
        { name: 'leaseMs', type: 'long' },
        { name: 'lost', type: { type: 'array', items: 'long' }, default: [] },
        { name: 'setsAside', type: 'boolean', default: false },
      ],
    },
    {
      type: 'record',
      name: 'DeliveredExtras',
      fields: [
        { name: 'index', type: 'int' },
        { name: 'attempt', type: 'int', default: 1 },
        { name: 'id', type: ['null', 'string'], default: null },
        { name: 'key', type: ['null', 'string'], default: null },
      ],
    },
    {
      type: 'record',
      name: 'LeasedMessages',
      fields: [
        { name: 'lease', type: 'long' },
        { name: 'position', type: 'long' },
        { name: 'positions', type: { type: 'array', items: 'long' }, default: [] },
        { name: 'time', type: 'long' },
        { name: 'times', type: { type: 'array', items: 'long' }, default: [] },
        { name: 'schemaId', type: 'bytes' },
        { name: 'schema', type: ['null', 'string'], default: null },
        { name: 'lengths', type: { type: 'array', items: 'int' } },
        { name: 'checks', type: 'bytes' },
        { name: 'bodies', type: 'bytes' },
        { name: 'extras', type: { type: 'array', items: 'DeliveredExtras' }, default: [] },
      ],
    },
    {
      type: 'record',
      name: 'RangeOutcome',
      fields: [
        { name: 'settled', type: 'int' },
        { name: 'stale', type: 'int' },
        { name: 'code', type: ['null', 'string'], default: null },
        { name: 'message', type: ['null', 'string'], default: null },
      ],
    },
    {
      type: 'record',
      name: 'SettledRequest',
      fields: [
        { name: 'number', type: 'long' },
        { name: 'outcomes', type: { type: 'array', items: 'RangeOutcome' } },
      ],
    },
    {
      type: 'record',
      name: 'ConsumeAnswer',
      fields: [
        { name: 'opened', type: ['null', 'ConsumerOpened'], default: null },
        { name: 'leased', type: ['null', 'LeasedMessages'], default: null },
        { name: 'settled', type: { type: 'array', items: 'SettledRequest' }, default: [] },
        { name: 'extended', type: { type: 'array', items: 'long' }, default: [] },
        { name: 'lost', type: { type: 'array', items: 'long' }, default: [] },
      ],
    },
  ],
  messages: {
    produce: {
      request: [
        { name: 'open', type: ['null', 'ProducerOpen'], default: null },
        { name: 'batch', type: ['null', 'ProducedBatch'], default: null },
      ],
      response: 'ProduceAnswer',
      errors: ['QueueRefused'],
      'x-stream': 'duplex',
    },
    consume: {
      request: [
        { name: 'open', type: ['null', 'ConsumerOpen'], default: null },
        { name: 'number', type: 'long', default: 0 },
        { name: 'credit', type: 'int', default: 0 },
        { name: 'settlements', type: { type: 'array', items: 'SettledRange' }, default: [] },
        { name: 'extend', type: { type: 'array', items: 'long' }, default: [] },
        { name: 'unreadable', type: { type: 'array', items: 'bytes' }, default: [] },
      ],
      response: 'ConsumeAnswer',
      errors: ['QueueRefused'],
      'x-stream': 'duplex',
    },
  },
})

type Service = typeof QueueService

/** What a producer says: how it begins, or a batch. */
export type ProduceRequest = RequestInputOf<Service, 'produce'>
/** The answers: which batches are stored, and which were refused. */
export type ProduceAnswer = ResponseInputOf<Service, 'produce'>
/** Messages that a producer sends together. */
export type ProducedBatch = NonNullable<ProduceRequest['batch']>
/** What some of them have. */
export type ProducedExtras = NonNullable<ProducedBatch['extras']>[number]
/** A batch that was not stored, or not all of it. */
export type RefusedBatch = NonNullable<ProduceAnswer['refused']>[number]
/** What a consumer says: how it begins, and what it says of its messages. */
export type ConsumeRequest = RequestInputOf<Service, 'consume'>
/** The answers, and the messages. */
export type ConsumeAnswer = ResponseInputOf<Service, 'consume'>

/** The names of its methods. */
export type QueueMethod = 'produce' | 'consume'

/** The largest message of a durable queue, in bytes: what a store takes. */
export const largestMessageBytes = defaults.maxLinkMessageBytes

/** The largest item of a link, in bytes: a message, its schema, and what goes with a batch of small ones. */
export const maxItemBytes = largestMessageBytes + 1_048_576

/** Returns an error as the other side gets it; internal details stay here. */
export function refusal(method: QueueMethod, error: RivuletError): Error {
  const message = error.message.slice(0, maxReceivedCharacters).toWellFormed()
  return QueueService.error(method, 'QueueRefused', { code: error.code, message })
}

/** Returns the error of a stream that has ended; `undefined` if it is none that the host declares. */
export function refusedBy(method: QueueMethod, cause: unknown): RivuletError | undefined {
  if (!isDeclaredError(QueueService, method, cause)) return undefined
  return receivedError(cause.value.code, cause.value.message)
}
