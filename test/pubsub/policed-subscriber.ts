/** Subscribers with a policy for tests, and their publishers. */
import {
  createPublisher,
  createSubscriber,
  type PublisherOptions,
  type SubscriberOptions,
} from '../../patterns/pubsub/index.js'
import type { Policy } from '../../src/index.js'
import type { Place } from '../support/transports.js'
import { everybody, keys, server } from './policed.js'

/** What they may publish. */
export const policy: Policy = [
  { identity: 'alice', action: 'publish', target: 'ticks.#' },
  { identity: 'bob', action: 'publish', target: 'ticks.*' },
  { identity: 'bob', action: 'publish', target: 'news' },
]

/** A subscriber with a policy. */
export function subscriberAt({ runtime, bind }: Place, options: Partial<SubscriberOptions> & { policy?: Policy } = {}) {
  const { policy: rules = policy, ...others } = options
  return createSubscriber({ bind, runtime, security: { keyPair: server, allow: everybody, policy: rules }, ...others })
}

/** A publisher with the key of a name. */
export function publisherOf(
  { runtime }: Place,
  subscriber: { readonly endpoint: string },
  name: keyof typeof keys,
  options: Partial<PublisherOptions> = {},
) {
  const security = { keyPair: keys[name], serverKey: server.publicKey }
  return createPublisher({ connect: subscriber.endpoint, runtime, security, ...options })
}

/** The options of a plain socket with the key of a name. */
export function curveOf(name: keyof typeof keys) {
  const { publicKey, secretKey } = keys[name]
  return { curveServerKey: server.publicKey, curvePublicKey: publicKey, curveSecretKey: secretKey }
}
