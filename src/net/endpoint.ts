/**
 * Endpoints as text: what may be bound, what may be connected, and what only this machine can reach.
 *
 * It resolves no names and opens nothing.
 */

import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { RivuletError } from '../errors/index.js'
import { describe } from '../options/index.js'

/** The longest path of a Unix-domain socket on Linux and macOS alike, in bytes. */
const maxIpcPathBytes = 103

/** The longest inproc name that libzmq takes, in bytes. */
const maxInprocNameBytes = 255

/** An endpoint, taken apart. */
export interface ParsedEndpoint {
  readonly transport: 'tcp' | 'ipc' | 'inproc'
  /** As the native library wants it. */
  readonly address: string
  /** Whether only this machine can reach it. */
  readonly local: boolean
  /** Whether it names an IPv6 address. */
  readonly ipv6: boolean
}

/**
 * Takes an endpoint apart.
 *
 * @throws RIVULET_INVALID_ENDPOINT
 */
export function parseEndpoint(text: string, side: 'bind' | 'connect'): ParsedEndpoint {
  const [, transport, rest] = /^([a-z]+):\/\/(.+)$/s.exec(text) ?? []
  if (transport === undefined || rest === undefined || rest.includes('\0'))
    throw invalid(text, side, 'is not transport://address')
  if (transport === 'tcp') return parseTcp(text, rest, side)
  const bytes = Buffer.byteLength(rest)
  if (transport === 'ipc') {
    if (bytes > maxIpcPathBytes)
      throw invalid(text, side, `has a path of ${bytes} bytes; at most ${maxIpcPathBytes} work`)
    if (rest === '*' && side === 'connect') throw invalid(text, side, 'has a wildcard, which only binds')
    return { transport, address: text, local: true, ipv6: false }
  }
  if (transport === 'inproc') {
    if (bytes > maxInprocNameBytes)
      throw invalid(text, side, `has a name of ${bytes} bytes; at most ${maxInprocNameBytes} work`)
    return { transport, address: text, local: true, ipv6: false }
  }
  throw invalid(text, side, `has the transport '${transport}'; tcp, ipc and inproc work`)
}

function parseTcp(text: string, rest: string, side: 'bind' | 'connect'): ParsedEndpoint {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\*|\d{1,5})$/.exec(rest) ?? []
  const host = bracketed ?? plain
  if (host === undefined || port === undefined) throw invalid(text, side, 'is not tcp://host:port')
  if (bracketed !== undefined && isIP(bracketed.split('%')[0] ?? '') !== 6)
    throw invalid(text, side, 'has no IPv6 address in its brackets')
  const ipv6 = bracketed !== undefined
  if (side === 'connect' && (host === '*' || port === '*' || Number(port) === 0)) {
    throw invalid(text, side, 'has a wildcard, which only binds')
  }
  if (port !== '*' && Number(port) > 65_535) throw invalid(text, side, 'has a port above 65535')
  // libzmq looks up no names when it binds: only this one is sure to mean the loopback address.
  const bound = side === 'bind' && host === 'localhost' ? '127.0.0.1' : host
  const address = `tcp://${ipv6 ? `[${bound}]` : bound}:${port === '0' ? '*' : port}`
  return { transport: 'tcp', address, local: isLoopback(bound), ipv6 }
}

/**
 * Checks what is bound without security.
 *
 * @throws RIVULET_INSECURE_BIND if other machines can reach an endpoint.
 */
export function mustBeLocal(subject: string, endpoints: readonly ParsedEndpoint[]): void {
  const exposed = endpoints.find(({ local }) => !local)
  if (exposed === undefined) return
  const remedy = 'give it security, bind to 127.0.0.1, or say insecure: true'
  const text = `${subject}: ${exposed.address} can be reached from other machines; ${remedy}`
  throw new RivuletError('RIVULET_INSECURE_BIND', text)
}

/** Whether a connection to one endpoint of this process reaches another that is bound by it; both resolved. */
export function reaches(connected: string, bound: string): boolean {
  if (connected === bound) return true
  const [from, to] = [connected, bound].map((text) => /^tcp:\/\/(.+):(\d+)$/.exec(text))
  if (!from || !to || from[2] !== to[2]) return false
  return from[1] === to[1] || (isHere(from[1] as string) && isHere(to[1] as string))
}

/** Whether a host is this machine, as far as its text tells. */
function isHere(text: string): boolean {
  const host = text.replace(/^\[(.+)\]$/, '$1')
  if (isLoopback(host) || host === '0.0.0.0' || host === '::' || host === hostname()) return true
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === host))
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function invalid(text: string, side: string, problem: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_ENDPOINT', `cannot ${side} ${describe(text)}: it ${problem}`)
}
