/** The wire: frames as bytes. */
export { Batch } from './batch.js'
export { BatchWriter, type CutFrame } from './batch-writer.js'
export { type DataFrame, maxHeaderBytes, openDataFrame, readRecordFrame, writeRecordFrame } from './data-frame.js'
export { Origin } from './origin.js'
export { frameKind } from './prelude.js'
export { SchemaBook } from './schema-book.js'
export { DataHeader, TopicAnswer, TopicRequest } from './schemas.js'
