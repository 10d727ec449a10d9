/**
 * Typed sockets: byte streams over TCP and Unix-domain sockets, for applications that manage connections themselves.
 *
 * @module rivulet/socket
 */
export * from './stream/index.js'
