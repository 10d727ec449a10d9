/**
 * The option `security` of a resource with sockets, together with the endpoints that carry keys: checked and resolved.
 */

import type { Endpoint } from '../discovery/index.js'
import { RivuletError } from '../errors/index.js'
import { parseEndpoint } from '../net/index.js'
import { describe } from '../options/index.js'
import { checkServerKeys, type ResolvedSecurity, resolveSecurity, type SecurityOptions } from '../security/index.js'
import { type ConnectEndpoint, type ConnectOption, connects, isFollowed } from './connect-endpoint.js'

/** What is secured. */
export interface SecuredEndpoints {
  readonly bind: readonly string[]
  readonly connect: ConnectOption
  readonly security?: SecurityOptions | undefined
}

/** The security of a resource, and the endpoints that it connects to with the keys of their servers. */
export interface ResolvedSocketSecurity {
  readonly security: ResolvedSecurity | undefined
  readonly connect: readonly ConnectEndpoint[]
  /**
   * Resolves an endpoint of an observable, to its address as the library takes it.
   *
   * @throws RIVULET_INVALID_ENDPOINT, RIVULET_INVALID_OPTION
   */
  resolve(endpoint: Endpoint): ConnectEndpoint
}

/**
 * Resolves `security` and the keys of endpoints.
 *
 * @param subject - Who takes the options, for messages: `createPush`.
 * @throws RIVULET_INVALID_OPTION
 */
export function resolveSocketSecurity(subject: string, options: SecuredEndpoints): ResolvedSocketSecurity {
  const { bind } = options
  const connect = isFollowed(options.connect) ? [] : options.connect
  const withKeys = connect.filter(({ serverKey }) => serverKey !== undefined)
  const security = resolveSecurity(subject, options.security, {
    binds: bind.length > 0,
    connects: connects(options.connect),
    // those of an observable are looked at when they come
    endpointsHaveKeys: withKeys.length === connect.length,
  })
  const unsecured = 'security must be given where an endpoint of connect has a serverKey'
  if (security === undefined && withKeys.length > 0) {
    throw new RivuletError('RIVULET_INVALID_OPTION', `${subject}: ${unsecured}`)
  }
  const resolve = (place: string, { address, serverKey }: Endpoint): ConnectEndpoint => {
    const own = serverKey === undefined ? undefined : checkServerKeys(`${place}.serverKey`, serverKey)
    return Object.freeze({ address, serverKeys: own ?? security?.serverKeys ?? [] })
  }
  const resolveLater = (endpoint: Endpoint) => {
    const place = `${subject}: the endpoint ${describe(endpoint.address)}`
    const resolved = resolve(place, { ...endpoint, address: parseEndpoint(endpoint.address, 'connect').address })
    if (security === undefined && endpoint.serverKey !== undefined) {
      throw new RivuletError('RIVULET_INVALID_ENDPOINT', `${place} has a serverKey, but the resource has no security`)
    }
    if (security !== undefined && resolved.serverKeys.length === 0) {
      throw new RivuletError('RIVULET_INVALID_ENDPOINT', `${place} has no serverKey, and neither has security`)
    }
    return resolved
  }
  const fixed = connect.map((endpoint, at) => resolve(`${subject}: connect[${at}]`, endpoint))
  return { security, connect: Object.freeze(fixed), resolve: resolveLater }
}
