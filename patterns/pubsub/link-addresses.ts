/**
 * Where the links of a topic socket are: which addresses they bind, how peers name them, and which of them can be reached.
 *
 * It opens nothing.
 */
import type { Endpoint } from '../../src/discovery/index.js'
import { type ParsedEndpoint, parseEndpoint } from '../../src/net/index.js'
import type { ConnectEndpoint } from '../../src/socket/index.js'
import { followExtension, linksExtension, TopicFollow, TopicLinks } from './topics-wire.js'

/** The most addresses of one request or answer that are read, and the most characters of one. */
const maxAddresses = 16
const maxAddressCharacters = 512

const tcpEndpoint = /^tcp:\/\/(.+):([^:]+)$/

/** The endpoints to bind for links, from those that the topic socket has bound. */
export function linkBinds(endpoints: readonly string[]): string[] {
  return endpoints.map((endpoint) => {
    const [, host] = tcpEndpoint.exec(endpoint) ?? []
    return host === undefined ? `${endpoint}.links` : `tcp://${host}:*`
  })
}

/**
 * Writes the extension of a request or an answer that names these addresses.
 *
 * @param maxBytes - What the addresses may take together; those that find no room are left out.
 */
export function writeLinks(addresses: readonly string[], maxBytes = Number.POSITIVE_INFINITY): Record<string, Buffer> {
  const named: string[] = []
  let bytes = 0
  for (const address of addresses.slice(0, maxAddresses)) {
    bytes += Buffer.byteLength(address) + 2
    if (bytes > maxBytes) break
    named.push(address)
  }
  return { [linksExtension]: TopicLinks.encode({ addresses: named }) }
}

/** Reads that extension: `undefined` if there is none, or if it is malformed. */
export function readLinks(extensions: Readonly<Record<string, Uint8Array>>): readonly string[] | undefined {
  return readAddresses(TopicLinks, extensions[linksExtension])
}

/** Writes the extension that says that messages come over links alone. */
export function writeFollow(addresses: readonly string[]): Record<string, Buffer> {
  return { [followExtension]: TopicFollow.encode({ addresses: addresses.slice(0, maxAddresses) }) }
}

/** Reads that extension: `undefined` if there is none, or if it is malformed. */
export function readFollow(extensions: Readonly<Record<string, Uint8Array>>): readonly string[] | undefined {
  return readAddresses(TopicFollow, extensions[followExtension])
}

/** Whether a request asks to dial the links that it names, since its subscriber takes messages over them alone. */
export function isFollowing(extensions: Readonly<Record<string, Uint8Array>>): boolean {
  return readFollow(extensions) !== undefined
}

function readAddresses(
  schema: { decode(bytes: Uint8Array): { readonly addresses: readonly string[] } },
  bytes: Uint8Array | undefined,
): readonly string[] | undefined {
  if (bytes === undefined) return undefined
  try {
    const { addresses } = schema.decode(bytes)
    return addresses.slice(0, maxAddresses).filter(({ length }) => length <= maxAddressCharacters)
  } catch {
    return undefined
  }
}

/**
 * The endpoints by which a side reaches the links of a peer, with the keys that may answer there.
 *
 * Of the transports of the topic socket alone, and where a host is one that it connects to, of such hosts alone. A wildcard
 * for a host stands for each host that it connects to.
 *
 * @param connect - Where the topic socket connects.
 */
export function reachableLinks(addresses: readonly string[], connect: readonly ConnectEndpoint[]): Endpoint[] {
  if (addresses.length === 0) return []
  const ways = connect.map((endpoint) => ({ host: hostOf(endpoint.address), ...endpoint }))
  const transports = new Set(ways.map(({ address }) => transportOf(address)))
  const keys = new Set(ways.flatMap(({ serverKeys }) => serverKeys))
  const found: { readonly endpoint: Endpoint; readonly isSameHost: boolean }[] = []
  for (const text of addresses) {
    const address = parsed(text)
    if (address === undefined || !transports.has(address.transport)) continue
    const host = hostOf(text)
    if (address.transport !== 'tcp' || host === undefined) {
      found.push({ endpoint: withKeys(text, keys), isSameHost: true })
      continue
    }
    for (const one of isWildcard(host) ? hostsOf(ways) : [host]) {
      const same = ways.filter((way) => way.host === one)
      const theirs = new Set(same.flatMap(({ serverKeys }) => serverKeys))
      const endpoint = withKeys(text.replace(tcpEndpoint, `tcp://${one}:$2`), same.length > 0 ? theirs : keys)
      found.push({ endpoint, isSameHost: same.length > 0 })
    }
  }
  const isAnySame = found.some(({ endpoint, isSameHost }) => isSameHost && endpoint.address.startsWith('tcp:'))
  const wanted = found.filter(({ endpoint, isSameHost }) => isSameHost || !isAnySame || !isTcp(endpoint.address))
  return [...new Map(wanted.map(({ endpoint }) => [endpoint.address, endpoint])).values()]
}

function isTcp(address: string): boolean {
  return address.startsWith('tcp:')
}

function hostOf(address: string): string | undefined {
  return tcpEndpoint.exec(address)?.[1]
}

function hostsOf(ways: readonly { readonly host: string | undefined }[]): Set<string> {
  return new Set(ways.flatMap(({ host }) => (host === undefined ? [] : [host])))
}

function transportOf(address: string): string {
  return address.slice(0, address.indexOf(':'))
}

function isWildcard(host: string): boolean {
  return host === '*' || host === '0.0.0.0' || host === '[::]'
}

/** An address of a peer, which may have a wildcard for its host, but not for its port. */
function parsed(text: string): ParsedEndpoint | undefined {
  try {
    const host = hostOf(text)
    return parseEndpoint(host === '*' ? text.replace(tcpEndpoint, 'tcp://0.0.0.0:$2') : text, 'connect')
  } catch {
    return undefined
  }
}

function withKeys(address: string, keys: ReadonlySet<string>): Endpoint {
  return keys.size === 0 ? { address } : { address, serverKey: [...keys] }
}
