/**
 * The option `security` of a resource with sockets, together with the endpoints that carry keys: checked and resolved.
 */

import type { Endpoint } from '../discovery/index.js'
import { RivuletError } from '../errors/index.js'
import { checkServerKeys, type ResolvedSecurity, resolveSecurity, type SecurityOptions } from '../security/index.js'
import type { ConnectEndpoint } from './connect-endpoint.js'

/** What is secured. */
export interface SecuredEndpoints {
  readonly bind: readonly string[]
  readonly connect: readonly Endpoint[]
  readonly security?: SecurityOptions | undefined
}

/** The security of a resource, and the endpoints that it connects to with the keys of their servers. */
export interface ResolvedSocketSecurity {
  readonly security: ResolvedSecurity | undefined
  readonly connect: readonly ConnectEndpoint[]
}

/**
 * Resolves `security` and the keys of endpoints.
 *
 * @param subject - Who takes the options, for messages: `createPush`.
 * @throws RIVULET_INVALID_OPTION
 */
export function resolveSocketSecurity(subject: string, options: SecuredEndpoints): ResolvedSocketSecurity {
  const { bind, connect } = options
  const withKeys = connect.filter(({ serverKey }) => serverKey !== undefined)
  const security = resolveSecurity(subject, options.security, {
    binds: bind.length > 0,
    connects: connect.length > 0,
    endpointsHaveKeys: withKeys.length === connect.length,
  })
  if (security === undefined && withKeys.length > 0) {
    const text = `${subject}: security must be given where an endpoint of connect has a serverKey`
    throw new RivuletError('RIVULET_INVALID_OPTION', text)
  }
  const resolve = ({ address, serverKey }: Endpoint, at: number): ConnectEndpoint => {
    const own = serverKey === undefined ? undefined : checkServerKeys(`${subject}: connect[${at}].serverKey`, serverKey)
    return Object.freeze({ address, serverKeys: own ?? security?.serverKeys ?? [] })
  }
  return { security, connect: Object.freeze(connect.map(resolve)) }
}
