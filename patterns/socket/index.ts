/**
 * Typed sockets: datagrams over UDP, and byte streams over TCP and Unix-domain sockets, for applications that manage connections
 * themselves.
 *
 * @module rivulet/socket
 */
export * from './datagram/index.js'
export * from './stream/index.js'
