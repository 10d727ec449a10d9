/**
 * Machines of topics that are broken on purpose, each in one way, by which it is known that the simulation finds such faults.
 *
 * They are those of the package with one method replaced.
 */
import { CursorJournal } from '../../patterns/pubsub/cursor-journal.js'
import { DialedLinks } from '../../patterns/pubsub/dialed-links.js'
import type { FollowedFrame } from '../../patterns/pubsub/followed-frame.js'
import { FollowedSource } from '../../patterns/pubsub/followed-source.js'
import { HistoryServer } from '../../patterns/pubsub/history-server.js'
import { LogGates } from '../../patterns/pubsub/log-gates.js'
import { PublisherHistory } from '../../patterns/pubsub/publisher-history.js'
import { ReplayPart } from '../../patterns/pubsub/replay-part.js'
import { SubscriberCore } from '../../patterns/pubsub/subscriber-core.js'
import { TopicBeacons } from '../../patterns/pubsub/topic-beacons.js'
import { TopicFollower } from '../../patterns/pubsub/topic-follower.js'
import { TopicOrder } from '../../patterns/pubsub/topic-order.js'
import { all, replace } from './broken-machines.js'
import type { BrokenPart } from './queue-broken-engines.js'
import { widerFrom } from './topics-plan.js'

/** Of each follower, where it was first served by each publisher. */
const firstServed = new WeakMap<object, Map<string, number>>()

/** The follower that is coming into force again. */
let resuming: object | undefined

/** Replaces what followers do with each publisher when they come into force again. */
function onResume(make: (source: FollowedSource<FollowedFrame>, before: number | undefined) => boolean): () => void {
  return all(
    replace(TopicFollower.prototype, 'resume', (resume) => {
      return function (this: TopicFollower<FollowedFrame>) {
        resuming = this
        resume.call(this)
        resuming = undefined
      }
    }),
    replace(TopicFollower.prototype, 'served', (served) => {
      return function (this: TopicFollower<FollowedFrame>, id, position, epoch) {
        const first = firstServed.get(this) ?? new Map<string, number>()
        firstServed.set(this, first)
        if (!first.has(id)) first.set(id, position)
        served.call(this, id, position, epoch)
      }
    }),
    replace(FollowedSource.prototype, 'topics', (topics) => {
      return function (this: FollowedSource<FollowedFrame>) {
        const isUnchanged = resuming !== undefined && make(this, firstServed.get(resuming)?.get(this.id))
        return isUnchanged ? [] : topics.call(this)
      }
    }),
  )
}

/** All that is broken. */
export const brokenTopics: readonly BrokenPart[] = [
  {
    name: 'skips a repair',
    breakIt: () =>
      replace(TopicOrder.prototype, 'take', (take) => {
        return function (this: object, source, topic, frame, way, settled) {
          const { sequence } = frame.place
          if (way === 'live' && !topic.interrupted && topic.repair === undefined && sequence > topic.next)
            topic.next = sequence
          take.call(this as never, source, topic, frame, way, settled)
        }
      }),
  },
  {
    name: 'delivers what follows before the repair',
    breakIt: () =>
      replace(TopicOrder.prototype, 'take', (take) => {
        return function (this: object, source, topic, frame, way, settled) {
          const { repair, next } = topic
          if (repair === undefined || way !== 'live' || frame.place.sequence <= next) {
            take.call(this as never, source, topic, frame, way, settled)
            return
          }
          topic.repair = undefined
          topic.next = frame.place.sequence
          take.call(this as never, source, topic, frame, way, settled)
          Object.assign(topic, { repair, next })
        }
      }),
  },
  {
    name: 'does not trim a frame that was fetched',
    breakIt: () =>
      replace(TopicOrder.prototype, 'take', (take) => {
        return function (this: object, source, topic, frame, way, settled) {
          const { sequence, count } = frame.place
          if (way !== 'live' && sequence < topic.next && sequence + count > topic.next) topic.next = sequence
          take.call(this as never, source, topic, frame, way, settled)
        }
      }),
  },
  {
    name: 'has a cursor one message too late',
    breakIt: () => shiftCursors(1),
  },
  {
    name: 'has a cursor one message too early',
    breakIt: () => shiftCursors(-1),
  },
  {
    name: 'names a gap twice',
    breakIt: () =>
      replace(TopicOrder.prototype, 'miss', (miss) => {
        return function (this: object, ...missed) {
          miss.apply(this as never, missed)
          miss.apply(this as never, missed)
        }
      }),
  },
  {
    name: 'sends frames that its disk has not confirmed, and so gives their numbers again',
    breakIt: () =>
      replace(LogGates.prototype, 'through', () => {
        return (append) => {
          append()?.catch(() => {})
          return undefined
        }
      }),
  },
  {
    name: 'never sends a beacon',
    breakIt: () => replace(TopicBeacons.prototype, 'used', () => () => {}),
  },
  {
    name: 'does not ask again over another connection',
    breakIt: () => replace(SubscriberCore.prototype, 'linked', () => () => {}),
  },
  {
    name: 'takes another connection for the same one',
    breakIt: () =>
      replace(SubscriberCore.prototype, 'linked', () => {
        return function (this: SubscriberCore) {
          this.readiness.linked()
        }
      }),
  },
  {
    name: 'does not notice that a connection has ended',
    breakIt: () => replace(SubscriberCore.prototype, 'unlinked', () => () => {}),
  },
  {
    name: 'keeps nothing of what it publishes',
    breakIt: () => replace(PublisherHistory.prototype, 'keep', () => () => undefined),
  },
  {
    name: 'has flushed before its disk has',
    from: 140,
    breakIt: () => replace(PublisherHistory.prototype, 'flush', () => () => Promise.resolve()),
  },
  {
    name: 'does not remove a retained value',
    from: 140,
    breakIt: () => replace(PublisherHistory.prototype, 'clear', () => () => undefined),
  },
  {
    name: 'comes back with the answer from before it was left',
    from: widerFrom,
    breakIt: () =>
      onResume((source, before) => {
        source.servedFrom = before
        return false
      }),
  },
  {
    name: 'takes what nobody wanted for missing',
    from: widerFrom,
    breakIt: () => onResume(() => true),
  },
  {
    name: 'forgets what it has held when it is left',
    from: widerFrom,
    breakIt: () =>
      replace(TopicOrder.prototype, 'conclude', (conclude) => {
        return function (this: TopicOrder<FollowedFrame>, source, topic, reason) {
          const { repair } = topic
          if (!this.stopped || repair === undefined) {
            conclude.call(this, source, topic, reason)
            return
          }
          topic.repair = undefined
          source.repaired.delete(topic)
          for (const { place } of this.release(repair.held)) topic.next = place.sequence + place.count
        }
      }),
  },
  {
    name: 'does not dial the links that subscribers name',
    from: widerFrom,
    breakIt: () => replace(HistoryServer.prototype, 'requested', () => () => {}),
  },
  {
    name: 'dials the links of its first subscriber alone',
    from: widerFrom,
    breakIt: () => {
      const named = new WeakSet<DialedLinks>()
      return replace(DialedLinks.prototype, 'named', (original) => {
        return function (this: DialedLinks, ...links) {
          if (!named.has(this)) original.apply(this, links)
          named.add(this)
        }
      })
    },
  },
  {
    name: 'leaves frames out of replays',
    breakIt: () => {
      let frames = 0
      return replace(ReplayPart.prototype, 'addFrame', (addFrame) => {
        return function (this: ReplayPart, ...frame) {
          frames += 1
          if (frames % 5 > 0) addFrame.apply(this, frame)
        }
      })
    },
  },
]

function shiftCursors(by: number): () => void {
  return replace(CursorJournal.prototype, 'moved', (moved) => {
    return function (this: CursorJournal, source, topic, sequence, position) {
      moved.call(this, source, topic, sequence + by, position + by)
    }
  })
}
