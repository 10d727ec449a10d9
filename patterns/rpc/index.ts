/**
 * Remote procedure calls: functions of another process, by value, promise or stream, with cancellation and deadlines.
 *
 * @module rivulet/rpc
 */
export type { CallClientStats, CallContext, CallHeaders, CallServerStats, Executed } from '../../src/call/index.js'
export { type Implementation, implement } from './implement.js'
export type {
  CallParameters,
  CallResult,
  Handler,
  Handlers,
  PromisedNames,
  PromisedResult,
  RequestParameters,
  Response,
  Responses,
  RpcCalls,
  RpcClient,
  RpcClientBase,
  RpcPromises,
  StreamParameters,
} from './method-types.js'
export type { CallOptions, RpcClientOptions, RpcServerOptions } from './options.js'
export { createRpcClient, type RpcClientStats } from './rpc-client.js'
export { createRpcServer, type RpcServer, type RpcServerStats } from './rpc-server.js'
