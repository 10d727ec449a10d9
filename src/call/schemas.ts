/**
 * The Avro records of calls: the agreement on services, the head of a request, and a failure.
 *
 * `docs/protocol/` holds the same schemas as `.avsc` files for other languages; a test keeps them equal. Values of
 * methods are not here: they have the schemas of their service.
 */
import { defineSchema, type Infer } from '../avro/index.js'

/** A service that the client will call. */
export const CallBind = defineSchema({
  type: 'record',
  name: 'CallBind',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'binding', type: 'int' },
    { name: 'service', type: 'string' },
    { name: 'hash', type: { type: 'fixed', name: 'ProtocolHash', size: 16 } },
    { name: 'firstMethod', type: 'int' },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** A service that the client will call, read. */
export type CallBind = Infer<typeof CallBind>

/** The server does not know the hash. */
export const CallNeedText = defineSchema({
  type: 'record',
  name: 'CallNeedText',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'binding', type: 'int' },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** A piece of a protocol's text, in order; a text may be longer than an item of stream 0. */
export const CallText = defineSchema({
  type: 'record',
  name: 'CallText',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'binding', type: 'int' },
    { name: 'piece', type: 'string' },
    { name: 'complete', type: 'boolean' },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** A piece of a text, read. */
export type CallText = Infer<typeof CallText>

/** A method that cannot be called; an empty name stands for all of the service. */
export const CallRefusal = defineSchema({
  type: 'record',
  name: 'CallRefusal',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'binding', type: 'int' },
    { name: 'method', type: 'string' },
    { name: 'code', type: 'string' },
    { name: 'message', type: 'string' },
    {
      name: 'issues',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'CallIssue',
          fields: [
            { name: 'path', type: 'string' },
            { name: 'message', type: 'string' },
          ],
        },
      },
    },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** A refusal, read. */
export type CallRefusal = Infer<typeof CallRefusal>

/** The service may be called; its text came before if the hash is not the client's. */
export const CallBound = defineSchema({
  type: 'record',
  name: 'CallBound',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'binding', type: 'int' },
    { name: 'hash', type: { type: 'fixed', name: 'ProtocolHash', size: 16 } },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** What a request begins with; the request of the method follows, if it is not a stream. */
export const CallRequest = defineSchema({
  type: 'record',
  name: 'CallRequest',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'method', type: 'int' },
    { name: 'deadline', type: 'long' },
    { name: 'headers', type: { type: 'map', values: 'string' } },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** Why a call failed, other than by an error that its method declares. */
export const CallFailure = defineSchema({
  type: 'record',
  name: 'CallFailure',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'code', type: 'string' },
    { name: 'message', type: 'string' },
    { name: 'executed', type: { type: 'enum', name: 'CallExecuted', symbols: ['no', 'maybe'] } },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** A failure, read. */
export type CallFailure = Infer<typeof CallFailure>
