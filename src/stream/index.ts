/** Streams and sinks: the Rx side of every pattern. */

export type { Conflation } from './conflated.js'
export type { Consumer, Consumers } from './consumer.js'
export { FallibleObservable, failSubscriber } from './fallible-observable.js'
export { Inbound } from './inbound.js'
export { type Intake, offerWhenRoom, type Refusal, roomAfter, shed } from './intake.js'
export { MessageIterator } from './message-iterator.js'
export { concurrencyOf, MessageStream } from './message-stream.js'
export {
  Outgoing,
  type OutgoingPorts,
  type OverflowPolicy,
  overflowPolicies,
  type Queue,
  type Writer,
} from './outgoing.js'
export { type Handler, isAsynchronous } from './process.js'
export { RejectedFrames } from './rejected-frames.js'
export { type SendAllOptions, type SendAllResult, type SendAllSource, sendAll } from './send-all.js'
export { MessageSink, type Sink } from './sink.js'
export type { CheckedSupply, StreamOwner, Supply } from './source.js'
export type { Reasons, ReceiverStats, SenderStats } from './stats.js'
export type { ProcessOptions, Stream } from './stream.js'
export { SubscriberConsumer, teardownFailed } from './subscriber-consumer.js'
export { ValueStream } from './value-stream.js'
export { WaitingOffers } from './waiting-offers.js'
