/** The engine under the durable queue. */
export type {
  Attachment,
  ConsumerPorts,
  DeliveryExtras,
  EngineCapabilities,
  FailedAttempt,
  LeasedBlock,
  MessageBlock,
  MessageExtras,
  PeekedMessage,
  QueueCounts,
  QueueEngine,
  QueueSettings,
  SendOutcome,
  Settlement,
  SettleOutcome,
} from './engine.js'
