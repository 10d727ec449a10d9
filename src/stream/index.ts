/** Streams and sinks: the Rx side of every pattern. */
export { type CheckedSupply, Inbound } from './inbound.js'
export type { Intake } from './intake.js'
export { Outgoing, type OverflowPolicy, overflowPolicies } from './outgoing.js'
export { RejectedFrames } from './rejected-frames.js'
export type { SendAllOptions, SendAllResult, SendAllSource } from './send-all.js'
export { MessageSink, type Sink } from './sink.js'
export type { Reasons, ReceiverStats, SenderStats } from './stats.js'
export type { ProcessOptions, Stream } from './stream.js'
