/**
 * What the catalogue's process serves: the protocol that its callers share with it, and nothing else.
 *
 * The types of requests, answers and errors are inferred from it, at both sides.
 */
import { defineService, type RequestOf, type ResponseOf } from 'rivulet/avro'

export const Catalogue = defineService({
  protocol: 'Catalogue',
  namespace: 'demo',
  types: [
    { type: 'fixed', name: 'Hash', size: 32, doc: 'SHA-256' },
    {
      type: 'record',
      name: 'Totals',
      fields: [
        { name: 'files', type: 'int' },
        { name: 'bytes', type: 'long' },
        { name: 'contents', type: 'int', doc: 'different ones' },
        { name: 'latest', type: ['null', 'string'], doc: 'the path that was entered last' },
        { name: 'complete', type: 'boolean', doc: 'whether nothing more will be entered' },
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
      name: 'Parting',
      fields: [
        { name: 'figures', type: 'int', doc: 'how many the follower was sent' },
        { name: 'reason', type: 'string', doc: 'the code of the error that stopped the handler' },
      ],
    },
    { type: 'error', name: 'UnknownFile', fields: [{ name: 'path', type: 'string' }] },
  ],
  messages: {
    enter: {
      doc: 'Takes files that were hashed, and answers when there are no more.',
      request: [
        { name: 'path', type: 'string' },
        { name: 'bytes', type: 'long' },
        { name: 'sha256', type: 'Hash' },
      ],
      response: 'Totals',
      'x-stream': 'client',
    },
    hashOf: {
      request: [{ name: 'path', type: 'string' }],
      response: 'Hash',
      errors: ['UnknownFile'],
      'x-idempotent': true,
    },
    copiesOf: { request: [{ name: 'sha256', type: 'Hash' }], response: 'Copies', 'x-idempotent': true },
    totals: { request: [], response: 'Totals', 'x-idempotent': true },
    follow: {
      doc: 'The totals now, and whenever they have changed; it has no end.',
      request: [{ name: 'everyMs', type: 'int', doc: 'the shortest time between two' }],
      response: 'Totals',
      'x-stream': 'server',
    },
    whenLeft: { doc: 'Answers when a follower has left.', request: [], response: 'Parting' },
  },
})

export type Entry = RequestOf<typeof Catalogue, 'enter'>
export type Totals = ResponseOf<typeof Catalogue, 'totals'>
export type Copies = ResponseOf<typeof Catalogue, 'copiesOf'>
export type Parting = ResponseOf<typeof Catalogue, 'whenLeft'>
