/** Connections of the system without ZeroMQ: the only importer of `node:net`, `node:tls` and `node:dgram`. */
export { isIP } from 'node:net'
export { mustBeFree, restoreFolder } from './ipc-path.js'
export { mechanismAt, mechanismOf } from './zmtp-greeting.js'
