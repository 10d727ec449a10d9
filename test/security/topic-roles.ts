/** Pairs of resources of topics under a policy, with links, or with a hub between: for the matrix of all roles. */
import { createHub, createPublisher, createSubscriber, type Hub } from '../../patterns/pubsub/index.js'
import { maxTopicRequestBytes, TopicLinkSet } from '../../patterns/pubsub/topic-links.js'
import { TopicsService } from '../../patterns/pubsub/topics-wire.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { Policy, SecurityOptions } from '../../src/index.js'
import type { Role } from './roles.js'

/** What alice may do. */
const policy: Policy = [{ identity: 'alice', action: ['subscribe', 'publish'], target: 'ticks.#' }]

/** The same options with a policy, if they have security at all. */
function policed<Options extends { readonly security?: SecurityOptions }>(options: Options): Options {
  const { security } = options
  return security === undefined ? options : { ...options, security: { ...security, policy } }
}

let count = 0

/** A side of a hub that nobody uses. */
const aside = () => ({ bind: `inproc://aside-${++count}` })

/** A hub as a resource at the endpoint of its subscribers' side. */
function atSubscribers(hub: Hub) {
  return {
    errors: hub.errors,
    securityEvents: hub.securityEvents,
    whenConnected: hub.whenConnected.bind(hub),
    close: hub.close.bind(hub),
    get endpoint() {
      return hub.subscribers.endpoint
    },
    get connected() {
      return hub.connected
    },
  }
}

/** The pairs by their names. */
export const topicRoles: Readonly<Record<string, Role>> = {
  'publisher with a policy, subscriber': {
    bind: (options) => createPublisher(policed(options)),
    connect: createSubscriber,
  },
  'publisher with a policy and history, subscriber': {
    bind: (options) => createPublisher({ ...policed(options), history: {} }),
    connect: createSubscriber,
  },
  'subscriber with a policy, publisher': {
    bind: (options) => createSubscriber(policed(options)),
    connect: createPublisher,
  },
  'publisher with a policy, hub': {
    bind: (options) => createPublisher(policed(options)),
    connect: ({ runtime, ...publishers }) => createHub({ publishers, subscribers: aside(), runtime }),
  },
  'hub, publisher': {
    bind: ({ runtime, ...publishers }) => createHub({ publishers, subscribers: aside(), runtime }),
    connect: createPublisher,
  },
  'hub with a policy, publisher': {
    bind: ({ runtime, ...publishers }) => createHub({ publishers: policed(publishers), subscribers: aside(), runtime }),
    connect: createPublisher,
  },
  'hub, subscriber': {
    bind: async ({ runtime, ...subscribers }) =>
      atSubscribers(await createHub({ publishers: aside(), subscribers, runtime })),
    connect: createSubscriber,
  },
  'hub with a policy, subscriber': {
    bind: async ({ runtime, ...subscribers }) =>
      atSubscribers(await createHub({ publishers: aside(), subscribers: policed(subscribers), runtime })),
    connect: createSubscriber,
  },
  'subscriber, hub': {
    bind: createSubscriber,
    connect: ({ runtime, ...subscribers }) => createHub({ publishers: aside(), subscribers, runtime }),
  },
  'links of topics': {
    bind: ({ runtime, bind, security }) =>
      TopicLinkSet.open(
        { runtime, bind: [bind], security, insecure: false, maxItemBytes: maxTopicRequestBytes },
        { adopt() {}, release() {}, report() {} },
        [],
      ),
    connect: (options) => createRpcClient(TopicsService, options),
  },
}
