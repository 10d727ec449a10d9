/** Calls: the machine that RPC and the asks of messaging share, over sessions that somebody else drives. */
export { type CallContext, isCallContext } from './call-context.js'
export {
  defaultCallOptions,
  defaultStreamOptions,
  type ResolvedCallOptions,
} from './call-options.js'
export type { CallStream } from './call-stream.js'
export { CallClient, type CallClientPorts, type CallClientStats } from './client.js'
export type { ClientCall, OnError, OnValue } from './client-call.js'
export type { ClientMethod, ClientService } from './client-method.js'
export { type Executed, unhandledError } from './failure.js'
export { type CallHeaders, prepareHeaders } from './headers.js'
export { CallHost, type CallHostPorts, type CallServerStats, defaultCallLimits } from './host.js'
export type { CallHandler, Implementation } from './served-service.js'
export type { CallLimits } from './server.js'
