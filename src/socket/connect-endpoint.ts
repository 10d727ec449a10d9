/**
 * Endpoints to connect to, as an option takes them: a text, or a text with the key of the server that answers there.
 */
import type { Endpoint, EndpointInput } from '../discovery/index.js'
import type { Rule } from '../options/index.js'

/** An endpoint to connect to, resolved. */
export interface ConnectEndpoint {
  readonly address: string
  /** The keys that its server may have; none without security. */
  readonly serverKeys: readonly string[]
}

/** The rule of `connect`; what it resolves to has the keys of the endpoints alone. */
export const endpointInputs: Rule<readonly Endpoint[]> = {
  expects: 'an endpoint or a list of endpoints, each a text or { address, serverKey }',
  fallback: Object.freeze([]),
  accepts: (value) => isInput(value) || (Array.isArray(value) && value.length > 0 && value.every(isInput)),
  convert: (value) => Object.freeze((Array.isArray(value) ? value : [value]).map(asEndpoint)),
}

const known = new Set(['address', 'serverKey'])

function isInput(value: unknown): value is EndpointInput {
  if (isText(value)) return true
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { address, serverKey } = value as Partial<Endpoint>
  const isKey = serverKey === undefined || isText(serverKey) || (Array.isArray(serverKey) && serverKey.every(isText))
  return isText(address) && isKey && Object.keys(value).every((name) => known.has(name))
}

function asEndpoint(input: EndpointInput): Endpoint {
  if (typeof input === 'string') return Object.freeze({ address: input })
  const { address, serverKey } = input
  return Object.freeze(serverKey === undefined ? { address } : { address, serverKey })
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
