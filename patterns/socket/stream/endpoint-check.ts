/** Endpoints of byte streams: those of ZeroMQ, but for names within a process. */
import { RivuletError } from '../../../src/errors/index.js'
import { type ParsedEndpoint, parseEndpoint } from '../../../src/net/index.js'

/**
 * Takes an endpoint apart.
 *
 * @throws RIVULET_INVALID_ENDPOINT
 */
export function streamEndpoint(text: string, side: 'bind' | 'connect'): ParsedEndpoint {
  const endpoint = parseEndpoint(text, side)
  if (endpoint.transport !== 'inproc') return endpoint
  throw new RivuletError('RIVULET_INVALID_ENDPOINT', `cannot ${side} '${text}': byte streams use tcp and ipc`)
}

/**
 * TLS is for TCP: what is at a path stays on this machine.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function mustBeTcp(factory: string, endpoints: readonly ParsedEndpoint[]): void {
  const other = endpoints.find(({ transport }) => transport !== 'tcp')
  if (other === undefined) return
  const message = `${factory}: tls must be left out for ${other.address}: permissions of its folder protect a Unix-domain socket`
  throw new RivuletError('RIVULET_INVALID_OPTION', message)
}
