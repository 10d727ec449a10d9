/** The wire: frames as bytes. */

export { Batch, type BatchFrame, type MessageReader } from './batch.js'
export { BatchWriter, type CutFrame, type TopicNumbers } from './batch-writer.js'
export { CompatibleReader } from './compatible-reader.js'
export {
  type DataFrame,
  lengthBytes,
  maxFrameMessages,
  maxHeaderBytes,
  openDataFrame,
  readRecordFrame,
  writeIntroduction,
  writeRecordFrame,
} from './data-frame.js'
export type { HeaderInput } from './data-header.js'
export { FrameReceiver } from './frame-receiver.js'
export { FrameStart } from './frame-start.js'
export {
  type CutItems,
  copyItems,
  emptyLinkFrame,
  hasNoItems,
  type ItemCursor,
  type ItemTaker,
  itemHeaderBytes,
  type LinkNumbers,
  linkHeaderRoom,
  readItems,
  readLinkNumbers,
  sealItems,
} from './link-frame.js'
export { Challenge, Hello, Item, LinkHeader, LinkLimits, Proof, Refusal, Welcome } from './link-schemas.js'
export { type BodyWriter, LinkWriter } from './link-writer.js'
export { messageTooLarge, messageWithin } from './message-refusals.js'
export { Origin, type OriginClock, type OriginEnd } from './origin.js'
export {
  claimedKind,
  frameKind,
  matchedBytes,
  matchPrelude,
  misplaced,
  openPrelude,
  type PreludeMatch,
  preludeBytes,
  sealFrame,
} from './prelude.js'
export { items, optional, protocolRecord } from './protocol-record.js'
export { RateLimit } from './rate-limit.js'
export { type BookFrame, type Lookup, SchemaBook } from './schema-book.js'
export { SchemaRate } from './schema-rate.js'
export { DataHeader, StreamRefusal, TopicAnswer, TopicRequest } from './schemas.js'
