/**
 * The Avro records of calls: the agreement on services, the head of a request, and a failure.
 *
 * `docs/protocol/` holds the same schemas as `.avsc` files for other languages; a test keeps them equal. Values of
 * methods are not here: they have the schemas of their service.
 */
import { array, defineSchema, enumeration, fixed, type Infer, map, record } from '../avro/index.js'
import { protocolRecord } from '../wire/index.js'

/** A service that the client will call. */
export const CallBind = defineSchema(
  protocolRecord('CallBind', {
    binding: 'int',
    service: 'string',
    hash: fixed('ProtocolHash', 16),
    firstMethod: 'int',
  }),
)

/** A service that the client will call, read. */
export type CallBind = Infer<typeof CallBind>

/** The client will not call the service of a binding any more. */
export const CallUnbind = defineSchema(protocolRecord('CallUnbind', { binding: 'int' }))

/** The server does not know the hash. */
export const CallNeedText = defineSchema(protocolRecord('CallNeedText', { binding: 'int' }))

/** A piece of a protocol's text, in order; a text may be longer than an item of stream 0. */
export const CallText = defineSchema(
  protocolRecord('CallText', { binding: 'int', piece: 'string', complete: 'boolean' }),
)

/** A piece of a text, read. */
export type CallText = Infer<typeof CallText>

/** A method that cannot be called; an empty name stands for all of the service. */
export const CallRefusal = defineSchema(
  protocolRecord('CallRefusal', {
    binding: 'int',
    method: 'string',
    code: 'string',
    message: 'string',
    issues: array(record('CallIssue', { path: 'string', message: 'string' })),
  }),
)

/** A refusal, read. */
export type CallRefusal = Infer<typeof CallRefusal>

/** The service may be called; its text came before if the hash is not the client's. */
export const CallBound = defineSchema(protocolRecord('CallBound', { binding: 'int', hash: fixed('ProtocolHash', 16) }))

/** What a request begins with; the request of the method follows, if it is not a stream. */
export const CallRequest = defineSchema(
  protocolRecord('CallRequest', { method: 'int', deadline: 'long', headers: map('string') }),
)

/** Why a call failed, other than by an error that its method declares. */
export const CallFailure = defineSchema(
  protocolRecord('CallFailure', {
    code: 'string',
    message: 'string',
    executed: enumeration('CallExecuted', ['no', 'maybe']),
  }),
)

/** A failure, read. */
export type CallFailure = Infer<typeof CallFailure>
