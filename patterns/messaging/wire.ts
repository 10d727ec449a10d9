/**
 * The wire of messaging: a service of two duplex methods, which both sides of each link serve and call.
 *
 * `docs/protocol/messaging.avpr` is the same protocol. An item of a stream is a batch, so that nothing is sent for each message.
 */
import { array, defineService, type RequestInputOf, type ResponseInputOf, record } from '../../src/avro/index.js'
import { Refusals } from '../../src/call/index.js'
import { defaults } from '../../src/options/index.js'
import { items, optional } from '../../src/wire/index.js'

/** The service that every process with peers serves. */
export const MessagingService = defineService({
  protocol: 'Messaging',
  namespace: 'rivulet.messaging',
  types: [
    { ...record('MessagingRefused', { code: 'string', message: 'string' }), type: 'error' },
    // who is at this end of the link: a node of a process, and where it is bound
    record('NodeHello', { node: 'string', endpoints: items('string') }),
    // an ask that a peer answers, by its number among the answers of this peer
    record('AnswerEntry', { ask: 'string', number: 'int' }),
    // number: by which its asks say who asks; 0 if it asks nothing
    record('PeerEntry', {
      name: 'string',
      incarnation: 'string',
      epoch: 'long',
      takeover: { schema: 'boolean', default: false },
      answers: items('AnswerEntry'),
      number: { schema: 'int', default: 0 },
    }),
    // a name that its claimer does not have, or has lost; with the epoch of the holder
    record('RefusedClaim', { incarnation: 'string', code: 'string', message: 'string', epoch: 'long' }),
    record('MeetAnswer', { accepted: items('string'), refused: items('RefusedClaim') }),
    record('DeliverFrom', { name: 'string', incarnation: 'string', epoch: 'long' }),
    record('DeliverTo', { name: 'string', incarnation: 'string' }),
    // attempt: above 0, and higher than on all streams of the pair before
    record('DeliverOpen', { attempt: 'long', from: 'DeliverFrom', to: 'DeliverTo' }),
    record('MessageBatch', {
      number: 'long',
      sequence: 'long',
      schemaId: 'bytes',
      schema: optional('string'),
      lengths: array('int'),
      bodies: 'bytes',
    }),
    // expected: the sequence of the next message from this incarnation of the sender
    record('DeliverOpened', { maxMessageBytes: 'int', expected: 'long' }),
    record('TakenBatch', { number: 'long' }),
    // a batch that was not taken, or not all of it; expected: the sequence of the first that was not
    record('RefusedMessages', { number: 'long', expected: 'long', code: 'string', message: 'string' }),
    record('DeliverAnswer', {
      opened: optional('DeliverOpened'),
      taken: items('TakenBatch'),
      refused: items('RefusedMessages'),
    }),
  ],
  messages: {
    meet: {
      request: [
        { name: 'hello', type: ['null', 'NodeHello'], default: null },
        { name: 'joined', type: { type: 'array', items: 'PeerEntry' }, default: [] },
        { name: 'left', type: { type: 'array', items: 'string' }, default: [] },
        { name: 'complete', type: 'boolean', default: false },
      ],
      response: 'MeetAnswer',
      errors: ['MessagingRefused'],
      'x-stream': 'duplex',
    },
    deliver: {
      request: [
        { name: 'open', type: ['null', 'DeliverOpen'], default: null },
        { name: 'batch', type: ['null', 'MessageBatch'], default: null },
      ],
      response: 'DeliverAnswer',
      errors: ['MessagingRefused'],
      'x-stream': 'duplex',
    },
  },
})

type Service = typeof MessagingService

/** What a node says of itself and of its peers: first what it has, then `complete`, then each change. */
export type MeetRequest = RequestInputOf<Service, 'meet'>
/** Which claims the other side has accepted, and which it has refused; an accepted one may be refused later. */
export type MeetAnswer = ResponseInputOf<Service, 'meet'>
/** A peer of a node: again when its answers change. */
export type PeerEntry = NonNullable<MeetRequest['joined']>[number]
/** A claim that was refused. */
export type RefusedClaim = NonNullable<MeetAnswer['refused']>[number]
/** What a peer says to another: how it begins, or a batch. */
export type DeliverRequest = RequestInputOf<Service, 'deliver'>
/** The answers: which batches were taken, and which were refused. */
export type DeliverAnswer = ResponseInputOf<Service, 'deliver'>
/** How a stream from one peer to another begins. */
export type DeliverOpen = NonNullable<DeliverRequest['open']>
/** Messages that are sent together. */
export type MessageBatch = NonNullable<DeliverRequest['batch']>

/** The names of its methods. */
export type MessagingMethod = 'meet' | 'deliver'

/** The largest item of a link, in bytes: a message, its schema, and what goes with a batch of small ones. */
export const maxItemBytes = defaults.maxLinkMessageBytes + 1_048_576

/** What it refuses. */
export const refusals = new Refusals<MessagingMethod>(MessagingService, 'MessagingRefused')
