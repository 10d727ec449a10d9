/**
 * Machines that break policies of topics on purpose, each in one way: those of the package with one method replaced.
 */
import { FollowCall } from '../../patterns/pubsub/follow-call.js'
import { FollowedLinks } from '../../patterns/pubsub/followed-links.js'
import { PublisherAccess } from '../../patterns/pubsub/publisher-access.js'
import { TopicAccess } from '../../patterns/pubsub/topic-access.js'
import { Acceptor } from '../../src/session/index.js'
import { replace } from './broken-machines.js'
import type { BrokenPart } from './queue-broken-engines.js'
import { policedFrom as from } from './topics-policy-plan.js'

/** All that breaks policies, and what is followed over links. */
export const brokenPolicies: readonly BrokenPart[] = [
  {
    name: 'serves all patterns, whatever its policy says',
    from,
    breakIt: () => replace(TopicAccess.prototype, 'permits', () => () => true),
  },
  {
    name: 'serves all topics of a pattern that it permits',
    from: from + 37,
    breakIt: () => replace(TopicAccess.prototype, 'allows', () => () => true),
  },
  {
    name: 'takes all topics of a publisher, whatever its policy says',
    from: from + 4,
    breakIt: () => replace(PublisherAccess.prototype, 'admits', () => () => true),
  },
  {
    name: 'serves a key that was revoked, or has another name, as before',
    from: from + 6,
    breakIt: () => replace(Acceptor.prototype, 'revoke', () => () => 0),
  },
  {
    name: 'is denied a pattern, and does not report it',
    from: from + 2,
    breakIt: () =>
      replace(FollowCall.prototype, 'next', (next) => {
        return function (this: FollowCall, part) {
          next.call(this, { ...part, refused: [] })
        }
      }),
  },
  {
    name: 'does not take a topic, and does not tell its publisher',
    from: from + 9,
    breakIt: () => replace(FollowCall.prototype, 'deny', () => () => {}),
  },
  {
    name: 'follows nobody any more when a link has ended',
    from: from + 6,
    breakIt: () => replace(FollowedLinks.prototype, 'ended', () => () => {}),
  },
  {
    name: 'is a hub that asks all that it follows as if over each of its sockets',
    from: from + 1402,
    breakIt: () =>
      replace(FollowedLinks.prototype, 'request', (request) => {
        return function (this: FollowedLinks, frame) {
          request.call(this, frame)
        }
      }),
  },
]
