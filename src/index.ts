/**
 * Rivulet: typed streams between processes. This entry holds everything; each pattern also has its own.
 *
 * @module rivulet
 */

export * from '../patterns/directory/index.js'
export * from '../patterns/messaging/index.js'
export * from '../patterns/pubsub/index.js'
export * from '../patterns/queue/index.js'
export * from '../patterns/rpc/index.js'
export * from '../patterns/socket/index.js'
export type * from './avro/index.js'
export { defineSchema, defineService, isDeclaredError, isSchema, isService } from './avro/index.js'
export type { Clock, Timer } from './clock/index.js'
export {
  type DnsResolver,
  type Endpoint,
  type EndpointInput,
  type Endpoints,
  type FromDnsOptions,
  fromDns,
  fromFile,
  type SrvRecord,
} from './discovery/index.js'
export {
  type DeliveryDetails,
  type ErrorCode,
  type ErrorCodeEntry,
  type ErrorDetails,
  errorCodes,
  type Issue,
  isRivuletError,
  RivuletError,
} from './errors/index.js'
export {
  type Closable,
  type CloseOptions,
  type CloseResult,
  closeAll,
  type Status,
  type WaitOptions,
} from './lifecycle/index.js'
export type { DropMessage, ErrorMessage, LinkMessage, SecurityMessage } from './observe/index.js'
export type { LinkChange, LinkState, Resource } from './resource/index.js'
export { createRuntime, isRuntime, type Runtime, type RuntimeOptions } from './runtime/index.js'
export type {
  Allow,
  AllowFunction,
  AllowList,
  KeyPair,
  PeerIdentity,
  Policy,
  PolicyAction,
  PolicyFunction,
  PolicyRequest,
  PolicyRule,
  SaveKeyPairOptions,
  SecurityEvent,
  SecurityOptions,
} from './security/index.js'
export {
  allowListFile,
  generateKeyPair,
  keyFingerprint,
  keyPairFromEnvironment,
  loadKeyPair,
  publicKeyOf,
  saveKeyPair,
} from './security/index.js'

export type { SocketOptions } from './socket/index.js'
export type {
  OverflowPolicy,
  ProcessOptions,
  Reasons,
  ReceiverStats,
  SendAllOptions,
  SendAllResult,
  SendAllSource,
  SenderStats,
  Sink,
  Stream,
} from './stream/index.js'
