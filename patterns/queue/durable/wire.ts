/**
 * The wire of the durable queue: a service of two duplex methods, and what their requests and answers are called here.
 *
 * `docs/protocol/queue.avpr` is the same protocol. An item of a stream is a batch, so that nothing is sent for each message.
 */
import { array, defineService, type RequestInputOf, type ResponseInputOf, record } from '../../../src/avro/index.js'
import { Refusals } from '../../../src/call/index.js'
import { deliveryTypes } from '../../../src/delivery/index.js'
import { defaults } from '../../../src/options/index.js'
import { sendTypes } from '../../../src/reliable-send/index.js'
import { items, optional } from '../../../src/wire/index.js'

/** The service that a host of queues serves. */
export const QueueService = defineService({
  protocol: 'Queue',
  namespace: 'rivulet.queue',
  types: [
    { ...record('QueueRefused', { code: 'string', message: 'string' }), type: 'error' },
    record('ProducerOpen', { queue: 'string', producer: 'string' }),
    record('ProducedExtras', {
      index: 'int',
      id: optional('string'),
      key: optional('string'),
      delayMs: optional('long'),
      ttlMs: optional('long'),
    }),
    record('ProducedBatch', {
      number: 'long',
      sequence: 'long',
      schemaId: 'bytes',
      schema: optional('string'),
      lengths: array('int'),
      checks: 'bytes',
      bodies: 'bytes',
      extras: items('ProducedExtras'),
    }),
    record('ProducerOpened', { epoch: 'string', maxMessageBytes: 'int' }),
    ...sendTypes,
    record('ProduceAnswer', {
      opened: optional('ProducerOpened'),
      stored: items('StoredBatch'),
      refused: items('RefusedBatch'),
    }),
    record('ConsumerOpen', {
      queue: 'string',
      consumer: 'string',
      held: items('long'),
      unreadable: items('bytes'),
    }),
    ...deliveryTypes,
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

/** What it refuses. */
export const refusals = new Refusals<QueueMethod>(QueueService, 'QueueRefused')
