/** The contract between the processes of the demonstration: queues, topics, schemas, and the service of the catalogue. */
import { defineSchema, defineService, type Infer, type RequestOf, type ResponseOf } from 'rivulet/avro'
import type { QueueOptions } from 'rivulet/queue'

const sha256 = { type: 'fixed', name: 'Sha256', size: 32 } as const

/** Files for one worker, with ids that stand for their paths in reports; a message of the durable queue `files`. */
export const Batch = defineSchema({
  type: 'array',
  items: {
    type: 'record',
    name: 'File',
    fields: [
      { name: 'id', type: 'int' },
      { name: 'path', type: 'string' },
    ],
  },
})
export type Batch = Infer<typeof Batch>

/** The results of a batch; a message of the durable queue `reports`. `inWork` counts other files of the worker. */
export const Report = defineSchema({
  type: 'record',
  name: 'Report',
  fields: [
    { name: 'worker', type: 'int' },
    { name: 'attempt', type: 'int' },
    { name: 'inWork', type: 'int' },
    {
      name: 'results',
      type: {
        type: 'array',
        items: [
          {
            type: 'record',
            name: 'Hashed',
            fields: [
              { name: 'id', type: 'int' },
              { name: 'bytes', type: 'long' },
              { name: 'sha256', type: sha256 },
            ],
          },
          {
            type: 'record',
            name: 'Unreadable',
            fields: [
              { name: 'id', type: 'int' },
              { name: 'code', type: 'string' },
            ],
          },
        ],
      },
    },
  ],
})
export type Report = Infer<typeof Report>
export type Result = Report['results'][number]

/** What a worker does now, as a text; a message of the transient queue, which may be lost. */
export const Activity = defineSchema('string')

/** The state of a durable queue, in messages; on the topic `queue.<name>`. */
export const QueueFigures = defineSchema({
  type: 'record',
  name: 'QueueFigures',
  fields: [
    { name: 'depth', type: 'int' },
    { name: 'leased', type: 'int' },
  ],
})
export type QueueFigures = Infer<typeof QueueFigures>

/** A figure of this machine, a share from 0 to 1; on the topics `machine.cpu.<core>` and `machine.memory`. */
export const Usage = defineSchema('double')

/** A report is confirmed before its batch is acknowledged, so no kill loses it; a batch whose worker dies is delivered again. */
const settings: QueueOptions = { leaseMs: 2000, maxAttempts: Number.POSITIVE_INFINITY }
export const queues: Readonly<Record<'files' | 'reports', QueueOptions>> = { files: settings, reports: settings }

/** The service of the catalogue: takes hashes as a stream, answers questions, and reports its progress as a stream. */
export const Catalogue = defineService({
  protocol: 'Catalogue',
  namespace: 'demo',
  types: [
    sha256,
    {
      type: 'record',
      name: 'Totals',
      fields: [
        { name: 'files', type: 'int' },
        { name: 'bytes', type: 'long' },
        { name: 'contents', type: 'int', doc: 'different ones' },
        { name: 'latest', type: ['null', 'string'], doc: 'the path that was entered last' },
        { name: 'complete', type: 'boolean', doc: 'whether no more files will be entered' },
      ],
    },
    {
      type: 'record',
      name: 'Copies',
      fields: [
        { name: 'files', type: 'int' },
        { name: 'paths', type: { type: 'array', items: 'string' }, doc: 'of the first of them' },
      ],
    },
    {
      type: 'record',
      name: 'Cancelled',
      fields: [
        { name: 'sent', type: 'int', doc: 'figures that the handler has sent' },
        { name: 'reason', type: 'string', doc: 'the error code that stopped it' },
      ],
    },
    { type: 'error', name: 'UnknownFile', fields: [{ name: 'path', type: 'string' }] },
  ],
  messages: {
    enter: {
      request: [
        { name: 'path', type: 'string' },
        { name: 'bytes', type: 'long' },
        { name: 'sha256', type: 'Sha256' },
      ],
      response: 'Totals',
      'x-stream': 'client',
    },
    hashOf: {
      request: [{ name: 'path', type: 'string' }],
      response: 'Sha256',
      errors: ['UnknownFile'],
      'x-idempotent': true,
    },
    copiesOf: { request: [{ name: 'sha256', type: 'Sha256' }], response: 'Copies', 'x-idempotent': true },
    totals: { request: [], response: 'Totals', 'x-idempotent': true },
    follow: { request: [{ name: 'everyMs', type: 'int' }], response: 'Totals', 'x-stream': 'server' },
    whenCancelled: { request: [], response: 'Cancelled' },
  },
})
export type Entry = RequestOf<typeof Catalogue, 'enter'>
export type Totals = ResponseOf<typeof Catalogue, 'totals'>
export type Copies = ResponseOf<typeof Catalogue, 'copiesOf'>
export type Cancelled = ResponseOf<typeof Catalogue, 'whenCancelled'>
