/**
 * The options of peers and of what they send: what a caller may say, its rules, and how it resolves.
 */
import type { Endpoint, EndpointInput } from '../../src/discovery/index.js'
import { type HasPeerDirectory, peerDirectory } from '../../src/discovery/index.js'
import {
  defaults,
  flag,
  instance,
  integer,
  milliseconds,
  oneOf,
  type Rule,
  required,
  signal,
} from '../../src/options/index.js'
import { asEndpoint, isInput, type SocketOptions, socketRules } from '../../src/socket/index.js'
import { type MailboxOverflow, mailboxOverflows } from './mailbox.js'
import { type MessageDelivery, messageDeliveries } from './peer-send.js'

/** What a peer decides about its own messages, whatever links they go over. */
interface OwnPeerOptions {
  /** The name, 1 to 255 characters: one peer has it at a time. */
  readonly name: string
  /**
   * Whether to take the name from a peer that holds it, which then loses it.
   * @defaultValue `false`
   */
  readonly takeover?: boolean
  /**
   * Messages that the mailbox holds, 1 to 1,048,576.
   * @defaultValue `65_536`
   */
  readonly mailboxMessages?: number
  /**
   * What these messages may take together, in bytes, 1 to 1 GiB; one message more may be taken.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly mailboxBytes?: number
  /**
   * What happens when the mailbox is full: `block` holds senders back, `error` refuses.
   * @defaultValue `'block'`
   */
  readonly mailboxOverflow?: MailboxOverflow
  /**
   * Messages that wait for one receiver, in bytes, 1 to 1 GiB; each message counts 24 bytes more.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly outboxBytes?: number
  /**
   * Before the peer is open, aborting rejects the factory; afterwards it closes the peer without draining.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
}

/** Options of {@link createPeer}: with `bind`, `connect` or `directory`, or several of them; or `over` another peer. */
export interface PeerOptions extends OwnPeerOptions, Omit<SocketOptions, 'signal'> {
  /**
   * Where other peers are found, and where this one is announced if it binds: what `createDirectory` returns.
   * @defaultValue none
   */
  readonly directory?: object
  /**
   * Where others reach this process, as the directory lists it, 1 to 16: for a process behind a translated address or
   * in a container, or one that binds to all addresses of its machine.
   * @defaultValue where this process is bound, with its public key
   */
  readonly advertised?: EndpointInput | readonly EndpointInput[]
  /**
   * Another {@link Peer} of this process whose links this one shares: then nothing else is given about links.
   * @defaultValue none
   */
  readonly over?: object
}

/** How one message is sent. */
export interface PeerSendOptions {
  /**
   * How long to wait until the receiver has taken it, in milliseconds, 0 or more: 0 gives up after this turn, `Infinity` never.
   * @defaultValue `30_000`
   */
  readonly timeoutMs?: number
  /**
   * Gives up when aborted: a message that was not sent is taken back; whether one that was sent arrives stays unknown.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
  /**
   * Whether to wait for a peer of the name, as long as `timeoutMs` allows.
   * @defaultValue `true`
   */
  readonly waitForReady?: boolean
  /**
   * What happens to a message when its receiver is started again before it has confirmed it.
   *
   * `at-most-once` fails with RIVULET_UNKNOWN_OUTCOME, `at-least-once` sends it to the new one.
   *
   * @defaultValue `'at-most-once'`
   */
  readonly delivery?: MessageDelivery
}

/** How a message is sent to all. */
export interface BroadcastOptions extends Pick<PeerSendOptions, 'timeoutMs' | 'signal'> {}

const mebibyte = 1_048_576

/** The longest name of a peer, in characters. */
export const maxNameCharacters = 255

/** Whether a value can be the name of a peer. */
export function isPeerName(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= maxNameCharacters && value.isWellFormed()
}

const ownRules = {
  name: instance(`a well-formed text of 1 to ${maxNameCharacters} characters`, isPeerName, required),
  takeover: flag(defaults.takeover),
  mailboxMessages: integer({ min: 1, max: mebibyte, fallback: defaults.mailboxMessages }),
  mailboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.mailboxBytes }),
  mailboxOverflow: oneOf(mailboxOverflows, defaults.mailboxOverflow),
  outboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.outboxBytes }),
  signal,
}

/** Endpoints of one process in a directory. */
const maxAdvertised = 16

const advertisedRule: Rule<readonly Endpoint[]> = {
  expects: `1 to ${maxAdvertised} endpoints, each a text or { address, serverKey }`,
  fallback: Object.freeze([]),
  accepts: (value) =>
    isInput(value) ||
    (Array.isArray(value) && value.length > 0 && value.length <= maxAdvertised && value.every(isInput)),
  convert: (value) => Object.freeze((Array.isArray(value) ? value : [value]).map(asEndpoint)),
}

/** The rules of `PeerOptions`, `over` aside. */
export const peerRules = {
  ...socketRules,
  ...ownRules,
  directory: instance(
    'what createDirectory returns',
    (value): value is HasPeerDirectory => typeof value === 'object' && value !== null && peerDirectory in value,
    undefined,
  ),
  advertised: advertisedRule,
}

/** The same for a peer over another. */
export const sharedPeerRules = ownRules

const endless = Number.POSITIVE_INFINITY

/** The rules of `PeerSendOptions`. */
export const sendRules = {
  timeoutMs: milliseconds({ max: endless, fallback: defaults.messageTimeoutMs }),
  signal,
  waitForReady: flag(defaults.waitForReady),
  delivery: oneOf(messageDeliveries, defaults.delivery),
}

/** The rules of `BroadcastOptions`. */
export const broadcastRules = { timeoutMs: sendRules.timeoutMs, signal }

export type { Endpoint }
