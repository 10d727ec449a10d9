/** Calls: the machine that RPC and the asks of messaging share, over sessions that somebody else drives. */
export { type CallContext, callerConnectionOf, deadlineOf, isCallContext } from './call-context.js'
export type { CallLimits } from './call-limits.js'
export {
  defaultCallOptions,
  defaultStreamOptions,
  type ResolvedCallOptions,
} from './call-options.js'
export type { CallPolicy } from './call-policy.js'
export type { CallStream } from './call-stream.js'
export type { CallerConnection, ConnectionState } from './caller-connection.js'
export { CallClient, type CallClientPorts, type CallClientStats } from './client.js'
export type { ClientCall, OnError, OnValue } from './client-call.js'
export type { ClientMethod, ClientService } from './client-method.js'
export { type Executed, unhandledError } from './failure.js'
export { type CallHeaders, prepareHeaders } from './headers.js'
export { CallHost, type CallHostPorts, type CallServerStats, defaultCallLimits } from './host.js'
export type { CallHandler, Implementation } from './served-service.js'
