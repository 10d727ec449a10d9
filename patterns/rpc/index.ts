/**
 * Remote procedure calls: functions of another process, by value, promise or stream, with cancellation and deadlines.
 *
 * @module rivulet/rpc
 */

export type {
  CallClientStats,
  CallContext,
  CallHeaders,
  CallOptions,
  CallServerStats,
  Executed,
} from '../../src/call/index.js'
export type { PeerInfo } from '../../src/session/index.js'
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
  ResponseSource,
  Responses,
  RpcCalls,
  RpcClient,
  RpcClientBase,
  RpcClientStats,
  RpcPromises,
  StreamParameters,
} from './method-types.js'
export type { RpcClientOptions, RpcServerOptions } from './options.js'
export { createRpcClient } from './rpc-client.js'
export { createRpcServer, type RpcServer, type RpcServerStats } from './rpc-server.js'
