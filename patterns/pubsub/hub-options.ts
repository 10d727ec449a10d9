/**
 * The options of hubs: what a caller may say of each side, its rules, and how it resolves.
 */
import { instance, type Resolved, required, resolveOptions } from '../../src/options/index.js'
import { checkSides, type SocketOptions, socketRules } from '../../src/socket/index.js'
import {
  type HistoryOptions,
  historyRules,
  type PublisherOptions,
  publisherRules,
  type SubscriberOptions,
  subscriberRules,
} from './options.js'
import { checkTopicPolicy } from './topic-access.js'

/** What both sides of a hub have. */
type Side = 'bind' | 'connect' | 'insecure' | 'security' | 'highWaterMark'

/** The side of a hub to which publishers are linked. At least one of `bind` and `connect`; both may be given. */
export interface HubPublishersOptions extends Pick<SubscriberOptions, Side | 'maxMessageBytes'> {}

/** The side of a hub to which subscribers are linked. At least one of `bind` and `connect`; both may be given. */
export interface HubSubscribersOptions
  extends Pick<PublisherOptions, Side | 'slowSubscribers' | 'outboxBytes' | 'subscriptionBytes'> {}

/** What a hub keeps of the messages that it forwards; the bounds hold for all publishers together. */
export interface HubHistoryOptions extends HistoryOptions {
  /**
   * A folder in which the history is kept over a restart of the hub; one hub has it at a time.
   * @defaultValue none: the history is in memory
   */
  readonly path?: string
}

/** Options of {@link createHub}. */
export interface HubOptions extends Pick<SocketOptions, 'runtime' | 'signal'> {
  /** Where publishers are, and hubs whose messages this one takes. */
  readonly publishers: HubPublishersOptions
  /** Where subscribers are, and hubs that take the messages of this one. */
  readonly subscribers: HubSubscribersOptions
  /**
   * What is kept, and served to subscribers in place of the publishers; `false` keeps nothing.
   *
   * With it, what was lost is fetched from publishers with history, and what they kept before, when subscribers ask for
   * it.
   *
   * Without a history of its own, a hub passes on where that of its publishers is.
   *
   * @defaultValue the defaults of {@link HubHistoryOptions}: 64 MiB in memory
   */
  readonly history?: HubHistoryOptions | false
}

const { bind, connect, insecure, security, runtime, signal } = socketRules
const sideRules = { bind, connect, insecure, security, highWaterMark: subscriberRules.highWaterMark }
const publishersRules = { ...sideRules, maxMessageBytes: subscriberRules.maxMessageBytes }
const { slowSubscribers, outboxBytes, subscriptionBytes } = publisherRules
const subscribersRules = { ...sideRules, slowSubscribers, outboxBytes, subscriptionBytes }

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const side = (name: string) => instance(`an object: the ${name} side, with bind or connect`, isRecord, required)

const isFalseOrRecord = (value: unknown): value is object | false => value === false || isRecord(value)

const hubRules = {
  publishers: side('publishers'),
  subscribers: side('subscribers'),
  history: instance('an object with options of history, or false', isFalseOrRecord, undefined),
  runtime,
  signal,
}

/** What is kept, resolved. */
export type ResolvedHubHistory = Resolved<typeof historyRules>

/** The publishers' side, resolved. */
export type ResolvedPublishersSide = Resolved<typeof publishersRules>
/** The subscribers' side, resolved. */
export type ResolvedSubscribersSide = Resolved<typeof subscribersRules>

/** `HubOptions`, resolved. */
export interface ResolvedHubOptions extends Pick<Resolved<typeof hubRules>, 'runtime' | 'signal'> {
  readonly publishers: ResolvedPublishersSide
  readonly subscribers: ResolvedSubscribersSide
  /** `undefined` if nothing is kept. */
  readonly history: ResolvedHubHistory | undefined
}

/** @throws RIVULET_INVALID_OPTION */
export function resolveHubOptions(options: HubOptions): ResolvedHubOptions {
  const whole = resolveOptions('createHub', options, hubRules)
  const publishers = resolveOptions('createHub: publishers', whole.publishers, publishersRules)
  const subscribers = resolveOptions('createHub: subscribers', whole.subscribers, subscribersRules)
  const { history: given = {} } = whole
  const history = given === false ? undefined : resolveOptions('createHub: history', given, historyRules)
  for (const [name, one] of Object.entries({ publishers, subscribers })) {
    checkTopicPolicy(`createHub: ${name}`, one)
    checkSides(`createHub: ${name}`, one, 'any')
  }
  return Object.freeze({ ...whole, publishers, subscribers, history })
}
