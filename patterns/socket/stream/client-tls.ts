/** TLS of the connecting side of byte streams, which is loaded when it is asked for. */
import type { RivuletError } from '../../../src/errors/index.js'
import type { StreamTls } from '../../../src/net/index.js'
import { resolveTls, TlsDialer } from '../../../src/net/tls.js'
import { mustBeTcp, streamEndpoint } from './endpoint-check.js'
import type { ResolvedConnectOptions } from './options.js'

/**
 * Returns the TLS of a client.
 *
 * @param report - Takes what is wrong with files that have changed. Default: nobody, of a client that connects once.
 * @throws RIVULET_INVALID_OPTION, RIVULET_TLS_FILE
 */
export function clientTls(
  factory: string,
  { tls, connect }: ResolvedConnectOptions,
  report: (error: RivuletError) => void = () => {},
): StreamTls {
  mustBeTcp(factory, [streamEndpoint(connect, 'connect')])
  return new TlsDialer(factory, resolveTls(factory, 'connect', tls), report)
}
