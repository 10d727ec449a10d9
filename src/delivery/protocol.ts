/**
 * What a consumer and its host say of messages under leases: the records, which the service of a host takes up, and bounds.
 */
import { array, enumeration, type InferIn, record } from '../avro/index.js'
import { items, optional } from '../wire/index.js'

/** Characters of a reason, and of a stack, that are kept of a failure: a consumer sends no more, a host stores no more. */
export const maxReasonCharacters = 1000
export const maxStackCharacters = 4096

/** The longest delay of a message, in milliseconds: ten years. */
export const maxDelayMs = 315_360_000_000

/** The bounds of the time of a lease, in milliseconds: up to a day. */
export const minLeaseMs = 100
export const maxLeaseMs = 86_400_000

/** The records of a host's answers, and of what a consumer says of its messages. */
export const deliveryTypes = [
  enumeration('SettlementKind', ['ack', 'nack', 'reject', 'release']),
  record('SettledRange', {
    lease: 'long',
    index: 'int',
    count: 'int',
    kind: 'SettlementKind',
    delayMs: optional('long'),
    reason: optional('string'),
    stack: optional('string'),
    unreadable: { schema: 'boolean', default: false },
  }),
  record('ConsumerOpened', {
    epoch: 'string',
    leaseMs: 'long',
    lost: items('long'),
    setsAside: { schema: 'boolean', default: false },
  }),
  record('DeliveredExtras', {
    index: 'int',
    attempt: { schema: 'int', default: 1 },
    id: optional('string'),
    key: optional('string'),
  }),
  // the sender of the messages from this index on, up to the next record; empty texts if it is not known
  record('MessageSender', { index: 'int', name: 'string', publicKey: 'string' }),
  record('LeasedMessages', {
    lease: 'long',
    position: 'long',
    positions: items('long'),
    time: 'long',
    times: items('long'),
    schemaId: 'bytes',
    schema: optional('string'),
    lengths: array('int'),
    checks: 'bytes',
    bodies: 'bytes',
    extras: items('DeliveredExtras'),
    senders: items('MessageSender'),
  }),
  record('RangeOutcome', { settled: 'int', stale: 'int', code: optional('string'), message: optional('string') }),
  record('SettledRequest', { number: 'long', outcomes: array('RangeOutcome') }),
  record('ConsumeAnswer', {
    opened: optional('ConsumerOpened'),
    leased: optional('LeasedMessages'),
    settled: items('SettledRequest'),
    extended: items('long'),
    lost: items('long'),
  }),
] as const

type Named<Name extends string> = InferIn<Name, number, (typeof deliveryTypes)[number]>

/** The answers, and the messages. */
export type DeliveryAnswer = Named<'ConsumeAnswer'>

/** How its stream begins. */
export type DeliveryOpened = Named<'ConsumerOpened'>

/** What became of messages that are side by side under one lease. */
export type SettledRange = Named<'SettledRange'>

/** What becomes of messages, without their place. */
export type Fate = Pick<SettledRange, 'kind' | 'delayMs' | 'reason' | 'stack' | 'unreadable'>

/** Messages under a lease. */
export type LeasedMessages = Named<'LeasedMessages'>

/** What some of them have. */
export type DeliveredExtras = Named<'DeliveredExtras'>

/** What became of a settlement. */
export type RangeOutcome = Named<'RangeOutcome'>

/** What a consumer says: how it begins, for how many messages it has room, and what became of those that it had. */
export interface DeliveryRequest<Open> {
  open?: Open | null | undefined
  number?: number | undefined
  credit?: number | undefined
  settlements?: SettledRange[] | undefined
  extend?: number[] | undefined
  unreadable?: Buffer[] | undefined
}
