/** Resources that make or serve calls over links: what RPC and the durable queue have in common. */
export { CallClientResource, type CallClientResourceOptions } from './call-client-resource.js'
export { CallServerResource, type CallServerResourceOptions, type ServedCalls } from './call-server-resource.js'
