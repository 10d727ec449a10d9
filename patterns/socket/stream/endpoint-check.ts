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
