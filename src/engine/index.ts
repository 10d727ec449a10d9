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
  StoredMessages,
} from './engine.js'
export { LocalEngine } from './local-engine.js'
export { openLocalEngine } from './open-local-engine.js'
export { type EnginePorts, type EngineStore, type EngineWorld, portsOver } from './ports.js'
export { defaultSettings } from './queue-names.js'
