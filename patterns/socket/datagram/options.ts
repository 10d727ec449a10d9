/**
 * The options of datagrams: what a caller may say, its rules, and how it resolves.
 */
import { isSchema } from '../../../src/avro/codec.js'
import type { Schema } from '../../../src/avro/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { maxUdpPayloadBytes, parseUdpEndpoint, type UdpEndpoint } from '../../../src/net/index.js'
import {
  defaults,
  flag,
  instance,
  integer,
  invalidOption,
  oneOf,
  type Resolved,
  type Rule,
  required,
  resolveOptions,
  signal,
  texts,
} from '../../../src/options/index.js'
import { isRuntime, type Runtime } from '../../../src/runtime/index.js'
import { type OverflowPolicy, overflowPolicies } from '../../../src/stream/index.js'

/** A group of receivers: the option `multicast` of {@link createDatagram}. */
export interface MulticastOptions {
  /** The group and its port: `udp://239.1.2.3:5000`, `udp://[ff15::1]:5000`. */
  readonly group: string
  /**
   * Names or addresses of the interfaces to join on: `eth0`, `192.168.1.5`.
   *
   * What this side sends to groups leaves by the first of them that is up; by default, by the interface that the system
   * chooses.
   *
   * @defaultValue each interface that can
   */
  readonly interfaces?: string | readonly string[]
  /**
   * Routers that messages may pass, plus one, 0 to 255; 0 stays on this machine.
   * @defaultValue `1`: this network
   */
  readonly ttl?: number
  /**
   * Whether sockets of this machine receive what this side sends to groups, itself included.
   * @defaultValue `true`
   */
  readonly loopback?: boolean
}

/** Options of {@link createDatagram} that do not depend on the type of the messages. */
export interface DatagramSettings {
  /**
   * Endpoints to bind: `udp://127.0.0.1:*`, `udp://[::1]:9000`.
   * @defaultValue a port of the system, on every address
   */
  readonly bind?: string | readonly string[]
  /**
   * Allows `bind` where other machines can reach it: datagrams have no security.
   * @defaultValue `false`
   */
  readonly insecure?: boolean
  /**
   * Where `send` and `next` send: `udp://host:port`.
   * @defaultValue the group of `multicast`
   */
  readonly to?: string
  /**
   * A group to join, and to send to.
   * @defaultValue none
   */
  readonly multicast?: MulticastOptions
  /**
   * Whether messages may be sent to the address of all hosts of a network. IPv4 only.
   * @defaultValue `false`
   */
  readonly broadcast?: boolean
  /**
   * The most bytes of one datagram, header included, 128 to 65,507.
   *
   * Larger datagrams than the smallest MTU of the path minus 28 are cut into pieces by routers: one lost piece loses
   * the whole datagram.
   *
   * @defaultValue `1200`
   */
  readonly maxPayloadBytes?: number
  /**
   * Whether messages of one turn to one destination share datagrams, up to 1024 messages each.
   * @defaultValue `false`
   */
  readonly batch?: boolean
  /**
   * Sources whose numbers are remembered, 1 to 65,536; each takes about 2 KiB.
   * @defaultValue `1024`
   */
  readonly sourceLimit?: number
  /**
   * What happens when the outbox is full: see {@link OverflowPolicy}.
   * @defaultValue `'block'`
   */
  readonly overflow?: OverflowPolicy
  /**
   * Messages that wait to be sent, in bytes, 1 to 1 GiB; one datagram more may be gathered.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly outboxBytes?: number
  /**
   * Received datagrams that wait to be consumed, in bytes, 1024 to 1 GiB; each counts as its bytes and 512 more.
   * Further ones are dropped and counted.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly inboxBytes?: number
  /**
   * The buffer of the system for incoming datagrams, in bytes, 1024 to 1 GiB; `stats()` shows what the system gave.
   * @defaultValue `1_048_576` (1 MiB)
   */
  readonly receiveBufferBytes?: number
  /**
   * The buffer of the system for outgoing datagrams, in bytes, 1024 to 1 GiB.
   * @defaultValue the size that the system chooses
   */
  readonly sendBufferBytes?: number
  /**
   * The {@link Runtime} that the socket belongs to: it closes with it.
   * @defaultValue the runtime of this thread
   */
  readonly runtime?: Runtime
  /**
   * Before the socket is open, aborting rejects the factory; afterwards it closes the socket without draining.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
}

/** Options of {@link createDatagram} with messages of a schema. */
export interface DatagramOptions<In, Out = In> extends DatagramSettings {
  /** The schema of the messages in both directions; senders may have an older or newer one. */
  readonly schema: Schema<In, Out>
  /**
   * Left out: messages have a header.
   * @defaultValue none
   */
  readonly raw?: undefined
}

/** Options of {@link createDatagram} for peers that are not Rivulet: messages without a header. */
export interface RawDatagramOptions<In, Out = In> extends DatagramSettings {
  /**
   * Left out: `raw` says what datagrams hold.
   * @defaultValue none
   */
  readonly schema?: undefined
  /** One bare Avro value in each datagram, of this schema on both sides: there are no numbers, no checksum and no versions. */
  readonly raw: {
    /** The schema of the values. */
    readonly schema: Schema<In, Out>
  }
}

/** Options of {@link createDatagram} for bytes. */
export interface ByteDatagramOptions extends DatagramSettings {
  /**
   * Left out: `raw` says what datagrams hold.
   * @defaultValue none
   */
  readonly schema?: undefined
  /** The bytes of each datagram as they are. */
  readonly raw: true
}

const kibibyte = 1024
const gibibyte = 2 ** 30

/** In place of a size: the system has one. */
const ofSystem = 0

const multicastRules = {
  group: text('an endpoint', required),
  interfaces: texts('the name or address of an interface, or a list of them'),
  ttl: integer({ min: 0, max: 255, fallback: defaults.multicastHops }),
  loopback: flag(defaults.multicastLoopback),
}

const rules = {
  schema: instance('a schema of defineSchema', isSchema, undefined),
  raw: instance('true or { schema }', isRaw, undefined),
  bind: texts('an endpoint or a list of endpoints'),
  insecure: flag(defaults.insecure),
  to: text('an endpoint', undefined),
  multicast: instance('an object with a group', isObject, undefined),
  broadcast: flag(defaults.broadcast),
  maxPayloadBytes: integer({ min: 128, max: maxUdpPayloadBytes, fallback: defaults.maxPayloadBytes }),
  batch: flag(defaults.batch),
  sourceLimit: integer({ min: 1, max: 65_536, fallback: defaults.maxSources }),
  overflow: oneOf(overflowPolicies, defaults.overflow),
  outboxBytes: integer({ min: 1, max: gibibyte, fallback: defaults.outboxBytes }),
  inboxBytes: integer({ min: kibibyte, max: gibibyte, fallback: defaults.inboxBytes }),
  receiveBufferBytes: integer({ min: kibibyte, max: gibibyte, fallback: defaults.receiveBufferBytes }),
  sendBufferBytes: integer({ min: kibibyte, max: gibibyte, fallback: ofSystem }),
  runtime: instance('a runtime of createRuntime', isRuntime, undefined),
  signal,
}

/** A group, resolved. */
export interface ResolvedMulticast {
  readonly group: UdpEndpoint
  readonly interfaces: readonly string[]
  readonly ttl: number
  readonly loopback: boolean
}

/** The options, resolved. */
export interface ResolvedDatagramOptions
  extends Omit<Resolved<typeof rules>, 'schema' | 'raw' | 'bind' | 'to' | 'multicast' | 'sendBufferBytes'> {
  /** Of values; `undefined` for bytes. */
  readonly schema: Schema<unknown, unknown> | undefined
  /** Whether messages have no header. */
  readonly isRaw: boolean
  readonly bind: readonly UdpEndpoint[]
  readonly to: UdpEndpoint | undefined
  readonly multicast: ResolvedMulticast | undefined
  /** `undefined` for that of the system. */
  readonly sendBufferBytes: number | undefined
}

const factory = 'createDatagram'

/**
 * Resolves the options.
 *
 * @throws RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND
 */
export function resolveDatagramOptions(options: unknown): ResolvedDatagramOptions {
  const given = resolveOptions(factory, options, rules)
  const { schema, raw, batch, insecure } = given
  if ((schema === undefined) === (raw === undefined)) {
    throw new RivuletError('RIVULET_INVALID_OPTION', `${factory}: give either schema or raw`)
  }
  if (raw !== undefined && batch) throw invalidOption(factory, 'batch', 'left out with raw', batch)
  if (insecure && given.bind.length === 0) {
    throw invalidOption(factory, 'insecure', 'left out where nothing is bound', insecure)
  }
  const bind = given.bind.map((one) => parseUdpEndpoint(one, 'bind'))
  const exposed = bind.find(({ local }) => !local)
  if (exposed !== undefined && !insecure) {
    const remedy = 'bind to 127.0.0.1, or say insecure: true: datagrams have no security'
    const problem = `${exposed.address} can be reached from other machines`
    throw new RivuletError('RIVULET_INSECURE_BIND', `${factory}: ${problem}; ${remedy}`)
  }
  const multicast = given.multicast && resolveMulticast(given.multicast)
  const to = given.to === undefined ? multicast?.group : parseUdpEndpoint(given.to, 'send')
  const sendBufferBytes = given.sendBufferBytes === ofSystem ? undefined : given.sendBufferBytes
  const ofValues = schema ?? (raw === true ? undefined : raw?.schema)
  return Object.freeze({ ...given, schema: ofValues, isRaw: raw !== undefined, bind, to, multicast, sendBufferBytes })
}

function resolveMulticast(options: object): ResolvedMulticast {
  const resolved = resolveOptions(`${factory}: multicast`, options, multicastRules)
  const group = parseUdpEndpoint(resolved.group, 'send')
  if (group.multicast) return Object.freeze({ ...resolved, group })
  const text = `${factory}: multicast.group ${resolved.group} is no group: 224.0.0.0 to 239.255.255.255, or ff00::/8`
  throw new RivuletError('RIVULET_INVALID_ENDPOINT', text)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isRaw(value: unknown): value is true | { readonly schema: Schema<unknown, unknown> } {
  return (
    value === true ||
    (isObject(value) && Object.keys(value).join() === 'schema' && isSchema((value as { schema: unknown }).schema))
  )
}

function text<Fallback extends undefined | typeof required>(expects: string, fallback: Fallback) {
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
  return instance(expects, isText, fallback) as Rule<Fallback extends undefined ? string | undefined : string>
}
