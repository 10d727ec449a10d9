/**
 * Endpoints of datagrams as text: `udp://host:port`, with an IPv6 address in brackets.
 *
 * It resolves no names and opens nothing.
 */
import { isIP } from 'node:net'
import { RivuletError } from '../errors/index.js'
import { describe } from '../options/index.js'

/** The version of the Internet Protocol. */
export type IpFamily = 4 | 6

/** An endpoint of datagrams, taken apart. */
export interface UdpEndpoint {
  /** `udp://host:port`. */
  readonly address: string
  /** Without brackets; for any address of this machine, `0.0.0.0` or `::`. */
  readonly host: string
  /** 0 for one that the system chooses. */
  readonly port: number
  /** `undefined` for a name. */
  readonly family: IpFamily | undefined
  /** Whether only this machine can reach it. */
  readonly local: boolean
  /** Whether it is a group of receivers. */
  readonly multicast: boolean
}

/**
 * Takes an endpoint of datagrams apart.
 *
 * @throws RIVULET_INVALID_ENDPOINT
 */
export function parseUdpEndpoint(text: string, side: 'bind' | 'send'): UdpEndpoint {
  const [, bracketed, plain, portText] = /^udp:\/\/(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\*|\d{1,5})$/.exec(text) ?? []
  const given = bracketed ?? plain
  if (given === undefined || portText === undefined) throw invalid(text, side, 'is not udp://host:port')
  if (bracketed !== undefined && isIP(bracketed) !== 6) throw invalid(text, side, 'has no IPv6 address in its brackets')
  const port = portText === '*' ? 0 : Number(portText)
  if (port > 65_535) throw invalid(text, side, 'has a port above 65535')
  if (side === 'send' && (given === '*' || port === 0)) throw invalid(text, side, 'has a wildcard, which only binds')
  const host = boundHost(given, side)
  const family = isIP(host) as IpFamily | 0
  if (side === 'bind' && family === 0) throw invalid(text, side, 'names a host; give its address')
  const multicast = isMulticast(host, family)
  if (side === 'bind' && multicast) throw invalid(text, side, 'is a group; give it as multicast.group')
  const address = udpAddress(host, portText === '0' ? '*' : portText)
  return { address, host, port, family: family === 0 ? undefined : family, local: isLoopback(host, family), multicast }
}

/** Returns the endpoint of an address and a port. */
export function udpAddress(host: string, port: number | string): string {
  return host.includes(':') ? `udp://[${host}]:${port}` : `udp://${host}:${port}`
}

function boundHost(host: string, side: 'bind' | 'send'): string {
  if (side === 'send') return host
  return host === '*' ? '0.0.0.0' : host === 'localhost' ? '127.0.0.1' : host
}

/** RFC 5771 for IPv4, RFC 4291 §2.7 for IPv6. */
function isMulticast(host: string, family: number): boolean {
  if (family === 6) return /^ff/i.test(host)
  const [first] = host.split('.')
  return family === 4 && Number(first) >= 224 && Number(first) < 240
}

function isLoopback(host: string, family: number): boolean {
  return host === 'localhost' || host === '::1' || (family === 4 && host.startsWith('127.'))
}

function invalid(text: string, side: string, problem: string): RivuletError {
  const action = side === 'bind' ? 'cannot bind' : 'cannot send to'
  return new RivuletError('RIVULET_INVALID_ENDPOINT', `${action} ${describe(text)}: it ${problem}`)
}
