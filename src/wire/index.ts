/** The wire: frames as bytes. */
export { Batch } from './batch.js'
export { BatchWriter, type CutFrame } from './batch-writer.js'
export { CompatibleReader } from './compatible-reader.js'
export { type DataFrame, maxFrameMessages, maxHeaderBytes, readRecordFrame, writeRecordFrame } from './data-frame.js'
export { FrameReceiver } from './frame-receiver.js'
export { Origin } from './origin.js'
export { frameKind } from './prelude.js'
export { DataHeader, TopicAnswer, TopicRequest } from './schemas.js'
