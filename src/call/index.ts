/** Calls: the machine that RPC and the asks of messaging share, over sessions that somebody else drives. */
export {
  type CallContext,
  type ContextSource,
  callerConnectionOf,
  deadlineOf,
  isCallContext,
  LazyContext,
} from './call-context.js'
export { clientItems } from './call-kinds.js'
export type { AdmissionRefusal, CallLimits } from './call-limits.js'
export {
  defaultCallOptions,
  defaultStreamOptions,
  type ResolvedCallOptions,
} from './call-options.js'
export type { CallAction, CallPolicy } from './call-policy.js'
export type { CallStream } from './call-stream.js'
export type { CallerConnection, ConnectionState } from './caller-connection.js'
export { type CallDefaults, type CallOptions, CallOptionsResolver } from './caller-options.js'
export { CallClient } from './client.js'
export { type CallKeeper, ClientCall, type OnError, type OnValue } from './client-call.js'
export type { BindOptions, ClientMethod, ClientService } from './client-method.js'
export type { CallClientPorts, CallClientStats } from './client-ports.js'
export { type Executed, unhandledError } from './failure.js'
export { type CallHeaders, prepareHeaders } from './headers.js'
export { CallHost, type CallHostPorts, type CallServerStats, defaultCallLimits } from './host.js'
export { hasLostLink } from './lost-call.js'
export { type ReadyItems, ReadySource } from './ready-source.js'
export { Refusals } from './refusals.js'
export { maxCaller } from './request-header.js'
export type { Access, CallHandler, Implementation, ServedService } from './served-service.js'
