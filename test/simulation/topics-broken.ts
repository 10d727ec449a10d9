/**
 * Machines of topics that are broken on purpose, each in one way, by which it is known that the simulation finds such faults.
 *
 * They are those of the package with one method replaced.
 */
import { CursorJournal } from '../../patterns/pubsub/cursor-journal.js'
import { LogGates } from '../../patterns/pubsub/log-gates.js'
import { PublisherHistory } from '../../patterns/pubsub/publisher-history.js'
import { ReplayPart } from '../../patterns/pubsub/replay-part.js'
import { SubscriberCore } from '../../patterns/pubsub/subscriber-core.js'
import { TopicBeacons } from '../../patterns/pubsub/topic-beacons.js'
import { TopicOrder } from '../../patterns/pubsub/topic-order.js'
import { replace } from './broken-machines.js'
import type { BrokenPart } from './queue-broken-engines.js'

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
