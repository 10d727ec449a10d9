/** Leased consumption: what a consumer holds of a host, hands out, and says about it, over any conversation. */
export type { Delivery, MessagePeer, NackOptions } from './delivery.js'
export { DeliveryStream, type ProcessDelivery } from './delivery-stream.js'
export type { HeldLease } from './held-lease.js'
export { checksPerLease } from './loop-lag.js'
export { Prefetch, type PrefetchPorts } from './prefetch.js'
export {
  type DeliveredExtras,
  deliveryTypes,
  type Fate,
  type LeasedMessages,
  maxDelayMs,
  maxLeaseMs,
  maxReasonCharacters,
  maxStackCharacters,
  minLeaseMs,
  type RangeOutcome,
  type SettledRange,
} from './protocol.js'
