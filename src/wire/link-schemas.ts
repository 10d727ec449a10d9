/**
 * The Avro schemas of links: the frames of the handshake, and the header and items of link frames.
 *
 * `docs/protocol/` holds the same schemas as `.avsc` files; a test keeps them equal. `connection` counts the connections
 * of one session, so that what is left of an earlier one is known for what it is. Times are milliseconds of the sender's
 * session clock.
 */
import { defineSchema, type Infer } from '../avro/index.js'

/** What one side lets the other send. */
export const LinkLimits = defineSchema({
  type: 'record',
  name: 'LinkLimits',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'itemBytes', type: 'long' },
    { name: 'windowBytes', type: 'long' },
    { name: 'streamWindowBytes', type: 'long' },
    { name: 'assemblyBytes', type: 'long' },
  ],
})

/** What one side lets the other send, read. */
export type LinkLimits = Infer<typeof LinkLimits>

/** The first frame of the connecting side on each connection. */
export const Hello = defineSchema(
  {
    type: 'record',
    name: 'Hello',
    namespace: 'rivulet.protocol',
    fields: [
      { name: 'minVersion', type: 'int' },
      { name: 'maxVersion', type: 'int' },
      { name: 'capabilities', type: { type: 'array', items: 'string' } },
      { name: 'session', type: { type: 'fixed', name: 'SessionId', size: 16 } },
      { name: 'connection', type: 'int' },
      { name: 'resume', type: 'boolean' },
      { name: 'received', type: 'long' },
      { name: 'limits', type: 'rivulet.protocol.LinkLimits' },
      { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
    ],
  },
  { types: [LinkLimits] },
)

/** A hello, read. */
export type Hello = Infer<typeof Hello>

/** The answer of the accepting side: from here on link frames go both ways. */
export const Welcome = defineSchema(
  {
    type: 'record',
    name: 'Welcome',
    namespace: 'rivulet.protocol',
    fields: [
      { name: 'version', type: 'int' },
      { name: 'capabilities', type: { type: 'array', items: 'string' } },
      { name: 'connection', type: 'int' },
      { name: 'resumed', type: 'boolean' },
      { name: 'received', type: 'long' },
      { name: 'limits', type: 'rivulet.protocol.LinkLimits' },
      { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
    ],
  },
  { types: [LinkLimits] },
)

/** A welcome, read. */
export type Welcome = Infer<typeof Welcome>

/** The other answer, at any time: this connection cannot be used, and why. */
export const Refusal = defineSchema({
  type: 'record',
  name: 'Refusal',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'connection', type: 'int' },
    { name: 'reason', type: 'string' },
    { name: 'message', type: 'string' },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** A refusal, read. */
export type Refusal = Infer<typeof Refusal>

/** The header of a link frame; an Avro array of `Item` follows it. */
export const LinkHeader = defineSchema({
  type: 'record',
  name: 'LinkHeader',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'connection', type: 'int' },
    { name: 'sequence', type: 'long' },
    { name: 'acknowledged', type: 'long' },
    { name: 'time', type: 'long' },
    { name: 'extensions', type: { type: 'map', values: 'bytes' }, default: {} },
  ],
})

/** What link frames carry. */
export const Item = defineSchema({
  type: 'record',
  name: 'Item',
  namespace: 'rivulet.protocol',
  fields: [
    { name: 'stream', type: 'long' },
    { name: 'kind', type: 'int' },
    { name: 'flags', type: 'int' },
    { name: 'body', type: 'bytes' },
  ],
})
