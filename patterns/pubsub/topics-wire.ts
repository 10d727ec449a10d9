/**
 * The wire of history: a service that publishers and hubs serve over links, and how requests and answers name those links.
 *
 * `docs/protocol/topics.avpr` is the same protocol. Frames are passed on as they were sent; a reader checks them as those that
 * come from a socket.
 */
import {
  array,
  defineSchema,
  defineService,
  fixed,
  nullable,
  type RequestInputOf,
  type ResponseInputOf,
  record,
  timestamp,
} from '../../src/avro/index.js'
import { Refusals } from '../../src/call/index.js'
import { items, protocolRecord } from '../../src/wire/index.js'

/** The service that serves history, and topics as they are published. */
export const TopicsService = defineService({
  protocol: 'Topics',
  namespace: 'rivulet.topics',
  types: [
    { ...record('TopicsRefused', { code: 'string', message: 'string' }), type: 'error' },
    fixed('Source', 8),
    fixed('SchemaId', 16),
    /** A publisher whose messages are kept, and the position of its last one. */
    record('KeptSource', { source: 'Source', position: 'long' }),
    record('SourcesChange', { present: items('KeptSource'), gone: items('Source') }),
    /**
     * What is wanted of the topics that fit a pattern: messages with a position above `after`, and up to `upTo` if that is
     * not 0. Of these, with `last` above 0 only the last so many of each topic, and with `since` only those whose frame left
     * then or later. With `retained` nothing but the retained value of each topic.
     */
    record('Range', {
      pattern: 'string',
      after: { schema: 'long', default: 0 },
      upTo: { schema: 'long', default: 0 },
      last: { schema: 'long', default: 0 },
      since: { schema: nullable(timestamp()), default: null },
      retained: { schema: 'boolean', default: false },
    }),
    /** The text of a schema that frames behind it name. */
    record('KeptSchema', { schemaId: 'SchemaId', text: 'string' }),
    /** A frame as it was sent; `topic` is the topic's name, without the last dot. */
    record('KeptFrame', { topic: 'string', frame: 'bytes' }),
    /** Messages of a topic that were asked for and are not kept any more: those up to this number and position. */
    record('Expired', { topic: 'string', sequence: 'long', position: 'long' }),
    record('ReplayPart', {
      schemas: items('KeptSchema'),
      expired: items('Expired'),
      frames: items('KeptFrame'),
      /** Everything that was asked for up to this position has been said. */
      position: 'long',
    }),
    /** Where a topic stands: the number of its next message, and the position of its last one. */
    record('Head', { topic: 'string', next: 'long', previous: 'long' }),
    record('HeadsPart', { heads: items('Head'), position: 'long' }),
    /** A pattern that is not followed, or a topic that is not taken, and why. */
    record('Unfollowed', { pattern: 'string', code: 'string', message: 'string' }),
    record('FollowPart', {
      /** Who serves, as the source of its answers; in the first part alone. */
      server: { schema: nullable('Source'), default: null },
      refused: items('Unfollowed'),
      schemas: items('KeptSchema'),
      frames: items('KeptFrame'),
      /** Answers to requests, as a socket sends them to an inbox; they come behind the frames. */
      answers: items('bytes'),
    }),
  ],
  messages: {
    /** Whose messages are kept: all at once, then each change, until the link ends. */
    sources: { request: [], response: 'SourcesChange', errors: ['TopicsRefused'], 'x-stream': 'server' },
    /**
     * Frames of one source in the order of their positions, each once. A frame may hold messages beside those that were asked
     * for; the reader drops them by their numbers. The stream completes at `upTo`, or at the last message that there is.
     */
    replay: {
      request: [
        { name: 'source', type: 'Source' },
        { name: 'ranges', type: array('Range') },
      ],
      response: 'ReplayPart',
      errors: ['TopicsRefused'],
      'x-stream': 'server',
    },
    /** The topics that fit one of the patterns, and whose last message has a position above `after`. */
    heads: {
      request: [
        { name: 'source', type: 'Source' },
        { name: 'patterns', type: array('string') },
        { name: 'after', type: 'long' },
      ],
      response: 'HeadsPart',
      errors: ['TopicsRefused'],
      'x-stream': 'server',
    },
    /**
     * What a topic socket would carry, over a link: frames of the topics that fit the patterns that are followed, as they leave,
     * each once and in order. Frames that find no room are left out; the numbers of the next show it. `requests` are those that a
     * socket sends: an answer proves that the patterns of this item and of those before are in force, or were refused. `denied` are
     * topics that this side does not take of the other.
     */
    follow: {
      request: [
        { name: 'follow', type: array('string'), default: [] },
        { name: 'leave', type: array('string'), default: [] },
        { name: 'requests', type: array('bytes'), default: [] },
        { name: 'denied', type: array('Unfollowed'), default: [] },
      ],
      response: 'FollowPart',
      errors: ['TopicsRefused'],
      'x-stream': 'duplex',
    },
    /** A subscriber has missed so many messages of a source within the last seconds. */
    missed: {
      request: [
        { name: 'source', type: 'Source' },
        { name: 'messages', type: 'long' },
      ],
      'one-way': true,
    },
  },
})

type Service = typeof TopicsService

/** What is asked of a replay. */
export type ReplayRequest = RequestInputOf<Service, 'replay'>
/** A part of what is wanted of it. */
export type Range = ReplayRequest['ranges'][number]
/** A part of a replay. */
export type ReplayPart = ResponseInputOf<Service, 'replay'>
/** One frame of it. */
export type KeptFrame = NonNullable<ReplayPart['frames']>[number]
/** Messages that are not kept any more. */
export type Expired = NonNullable<ReplayPart['expired']>[number]
/** Which topics are asked for. */
export type HeadsRequest = RequestInputOf<Service, 'heads'>
/** Where topics stand. */
export type HeadsPart = ResponseInputOf<Service, 'heads'>
/** Where one topic stands. */
export type Head = NonNullable<HeadsPart['heads']>[number]
/** How many messages a subscriber has missed. */
export type MissedRequest = RequestInputOf<Service, 'missed'>
/** Which patterns are followed from now on, and which not any more. */
export type FollowRequest = RequestInputOf<Service, 'follow'>
/** A part of what is followed. */
export type FollowPart = ResponseInputOf<Service, 'follow'>
/** A pattern that is not followed. */
export type Unfollowed = NonNullable<FollowPart['refused']>[number]
/** The text of a schema. */
export type KeptSchema = NonNullable<ReplayPart['schemas']>[number]
/** Whose messages are kept. */
export type SourcesChange = ResponseInputOf<Service, 'sources'>

/** What the service refuses. */
export const refusals = new Refusals<'sources' | 'replay' | 'heads' | 'follow'>(TopicsService, 'TopicsRefused')

/**
 * The value of the extension `links` of a `TopicRequest` or a `TopicAnswer`.
 *
 * In an answer: history is kept, and served at these addresses; with none, its publisher dials those of requests. In a request:
 * the subscriber takes links at these addresses. The host of an address may be a wildcard (`tcp://0.0.0.0:5000`): it stands
 * for the host by which the reader reaches the writer.
 */
export const TopicLinks = defineSchema(protocolRecord('TopicLinks', { addresses: array('string') }))

/**
 * The value of the extension `follow` of a `TopicAnswer` or a `TopicRequest`: messages come over links alone, by the call `follow`.
 *
 * In an answer: the source of the answer serves it at these addresses; with none, over the links that it dials. In a request:
 * the subscriber takes messages in no other way, over the links that `links` names.
 */
export const TopicFollow = defineSchema(protocolRecord('TopicFollow', { addresses: array('string') }))

/** The key of that extension. */
export const followExtension = 'follow'

/** Ranges with wildcards that one replay may have: each is matched with each topic of a log. */
export const maxWildRanges = 32

/** The key of the extension that names links. */
export const linksExtension = 'links'

/** The key of the extension of a `DataHeader` whose frame holds one message, the retained value of its topic. */
export const retainExtension = 'retain'
