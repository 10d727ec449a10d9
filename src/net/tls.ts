/** TLS of connections, apart from the index: it is loaded, and OpenSSL's part of Node with it, where an application asks for TLS. */
export { TlsAcceptor } from './tls-acceptor.js'
export { TlsDialer } from './tls-dialer.js'
export { type ResolvedTls, resolveTls } from './tls-options.js'
