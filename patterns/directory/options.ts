/**
 * The options of hosts and clients of a directory, and of announcements: what a caller may say, and its rules.
 */
import type { Endpoint, EndpointInput } from '../../src/discovery/index.js'
import { defaults, integer, milliseconds, type Rule, signal } from '../../src/options/index.js'
import { type SocketOptions, socketRules } from '../../src/socket/index.js'
import { maxMetadataBytes, maxMetadataKeys, maxPlaces, metadataFault } from './announcement-check.js'

/** Options of {@link createDirectoryHost}; it binds, and to nothing that other machines can reach unless `insecure` is true. */
export interface DirectoryHostOptions extends Omit<SocketOptions, 'connect'> {
  /**
   * How long an announcement holds when its client has lost its connection, in milliseconds, 0 to an hour.
   *
   * Less removes a process that was killed sooner; more spares one that was only disconnected.
   *
   * @defaultValue `5000`
   */
  readonly leaseMs?: number
  /**
   * How long after its start the host reports no instance as gone, in milliseconds, 0 to an hour.
   *
   * The clients of a host that restarts announce again in this time. Until it has passed, no client takes what this
   * host does not know as absent.
   *
   * @defaultValue `10_000`
   */
  readonly graceMs?: number
  /**
   * Announcements of all clients, 1 to 1,000,000.
   * @defaultValue `16_384`
   */
  readonly maxAnnouncements?: number
  /**
   * Announcements of one client, or of one key where there is security, 1 to 1,000,000.
   * @defaultValue `1024`
   */
  readonly maxClientAnnouncements?: number
  /**
   * Links at the same time, disconnected ones included, 1 to 65,536.
   * @defaultValue `1024`
   */
  readonly maxSessions?: number
}

/** Options of {@link createDirectory}; it connects. */
export interface DirectoryOptions extends Omit<SocketOptions, 'bind' | 'insecure'> {
  /**
   * How long the entries of a lost host are kept while another host does not list them, in milliseconds, 0 to an hour.
   *
   * While no host is connected, they are kept without a limit.
   *
   * @defaultValue `30_000`
   */
  readonly staleMs?: number
}

/** Options of `directory.announce`. */
export interface AnnounceOptions {
  /**
   * What clients see of this instance: texts by name, at most 64, of 4096 bytes together.
   * @defaultValue none
   */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * Where clients connect, 1 to 16 endpoints.
   *
   * Needed where the resource is bound to all addresses (`tcp://0.0.0.0:5000`), behind a translation of addresses, or
   * to `inproc://` alone. An endpoint without a `serverKey` is given the public key of the resource.
   *
   * @defaultValue the endpoints of the resource, with its public key
   */
  readonly endpoints?: EndpointInput | readonly EndpointInput[]
  /**
   * How long to wait for the first host, in milliseconds, 0 or more; `Infinity` for no limit.
   * @defaultValue `Infinity`
   */
  readonly timeoutMs?: number
  /**
   * Gives up when aborted: nothing is announced.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
}

const hourMs = 3_600_000
const endless = Number.POSITIVE_INFINITY

/** The rules of `DirectoryHostOptions`. */
export const hostRules = {
  ...socketRules,
  leaseMs: milliseconds({ max: hourMs, fallback: defaults.announcementLeaseMs }),
  graceMs: milliseconds({ max: hourMs, fallback: defaults.directoryGraceMs }),
  maxAnnouncements: integer({ min: 1, max: 1_000_000, fallback: defaults.maxAnnouncements }),
  maxClientAnnouncements: integer({ min: 1, max: 1_000_000, fallback: defaults.maxClientAnnouncements }),
  maxSessions: integer({ min: 1, max: 65_536, fallback: defaults.maxSessions }),
}

/** The rules of `DirectoryOptions`. */
export const directoryRules = {
  ...socketRules,
  staleMs: milliseconds({ max: hourMs, fallback: defaults.directoryStaleMs }),
}

const metadataRule: Rule<Readonly<Record<string, string>>> = {
  expects: `texts by name: at most ${maxMetadataKeys}, of ${maxMetadataBytes} bytes together`,
  fallback: Object.freeze({}),
  accepts: (value) => metadataFault(value) === undefined,
  convert: (value) => Object.freeze({ ...(value as Record<string, string>) }),
}

const endpointsRule: Rule<readonly Endpoint[]> = {
  expects: `1 to ${maxPlaces} endpoints, each a text or { address, serverKey }`,
  fallback: Object.freeze([]),
  accepts: (value) => isEndpoint(value) || (Array.isArray(value) && value.length > 0 && value.every(isEndpoint)),
  convert: (value) =>
    Object.freeze(
      (Array.isArray(value) ? value : [value]).map((one: EndpointInput) =>
        typeof one === 'string' ? { address: one } : one,
      ),
    ),
}

/** The rules of `AnnounceOptions`. */
export const announceRules = {
  metadata: metadataRule,
  endpoints: endpointsRule,
  timeoutMs: milliseconds({ max: endless, fallback: defaults.waitTimeoutMs }),
  signal,
}

function isEndpoint(value: unknown): value is EndpointInput {
  if (typeof value === 'string') return true
  if (typeof value !== 'object' || value === null) return false
  const { address, serverKey } = value as Partial<Endpoint>
  const isText = (one: unknown) => typeof one === 'string'
  const isKeys = serverKey === undefined || isText(serverKey) || (Array.isArray(serverKey) && serverKey.every(isText))
  return isText(address) && isKeys
}
