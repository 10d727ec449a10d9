/** Publishers with a policy for tests, and their subscribers. */
import {
  createPublisher,
  createSubscriber,
  type Publisher,
  type PublisherOptions,
  type SinceEvent,
} from '../../patterns/pubsub/index.js'
import { type AllowList, generateKeyPair, type Policy, type SecurityOptions } from '../../src/index.js'
import type { Job } from '../support/job.js'
import type { Place } from '../support/transports.js'
import type { Seen } from './seen.js'

/** The keys of publishers. */
export const server = generateKeyPair()
/** Those of subscribers. */
export const keys = { alice: generateKeyPair(), bob: generateKeyPair() }
/** Who is admitted. */
export const everybody: AllowList = { alice: keys.alice.publicKey, bob: keys.bob.publicKey }

/** What they may have. */
export const policy: Policy = [
  { identity: 'alice', action: 'subscribe', target: 'ticks.#' },
  { identity: 'bob', action: 'subscribe', target: 'ticks.*' },
  { identity: 'bob', action: 'subscribe', target: 'news' },
]

/** A publisher with a policy. */
export function publisherAt({ runtime, bind }: Place, options: Partial<PublisherOptions> & { policy?: Policy } = {}) {
  const { policy: rules = policy, ...others } = options
  const security = { keyPair: server, allow: everybody, policy: rules }
  return createPublisher({ bind, runtime, security, ...others })
}

/** A subscriber with the key of a name. */
export function subscriberOf({ runtime }: Place, publisher: Publisher, name: keyof typeof keys, options = {}) {
  const security: SecurityOptions = { keyPair: keys[name], serverKey: server.publicKey }
  return createSubscriber({ connect: publisher.endpoint, runtime, security, ...options })
}

/** The ids of what was seen. */
export const ids = (seen: Seen<Job>) => seen.values.map(({ id }) => id)

/** Events as texts: `a1`, `gap a2-3 lost`, `live`. */
export const texts = (events: readonly SinceEvent<Job>[]) =>
  events.map((event) => {
    if (event.kind === 'live') return 'live'
    if (event.kind === 'gap') return `gap ${event.topic}${event.from}-${event.to} ${event.reason}`
    return `${event.topic}${event.sequence}`
  })
