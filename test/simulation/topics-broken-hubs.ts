/**
 * Machines of hubs that are broken on purpose, each in one way: those of the package with one method replaced.
 */
import { FeedReader } from '../../patterns/pubsub/feed-reader.js'
import { HubAbove } from '../../patterns/pubsub/hub-above.js'
import { HubAnswers } from '../../patterns/pubsub/hub-answers.js'
import { HubBackfill } from '../../patterns/pubsub/hub-backfill.js'
import { HubBelow } from '../../patterns/pubsub/hub-below.js'
import { HubHistory } from '../../patterns/pubsub/hub-history.js'
import { HubLoops } from '../../patterns/pubsub/hub-loops.js'
import { Outbox } from '../../src/socket/index.js'
import { all, replace } from './broken-machines.js'
import type { BrokenPart } from './queue-broken-engines.js'
import { widerFrom } from './topics-plan.js'
import { slowFrom } from './topics-policy-plan.js'

/** All hubs that are broken. */
export const brokenHubs: readonly BrokenPart[] = [
  {
    name: 'is a hub that serves what it has, and fetches nothing of publishers',
    from: widerFrom,
    breakIt: () =>
      replace(HubBackfill.prototype, 'complete', () => {
        return (_source, _ranges, done) => {
          done()
          return () => {}
        }
      }),
  },
  {
    name: 'is a hub that keeps nothing of what it forwards, and says that it does',
    from: widerFrom,
    breakIt: () => replace(HubHistory.prototype, 'keep', () => () => true),
  },
  {
    name: 'is a hub that answers for publishers that have left',
    from: widerFrom,
    breakIt: () => replace(HubAnswers.prototype, 'lost', () => () => {}),
  },
  {
    name: 'is a hub that does not answer for publishers that it keeps',
    from: widerFrom,
    breakIt: () =>
      replace(HubBelow.prototype, 'answer', (answer) => {
        return function (this: HubBelow, one) {
          if (one.role !== 'kept') answer.call(this, one)
        }
      }),
  },
  {
    name: 'is a hub that does not answer for a kept publisher that is back',
    from: widerFrom + 1200,
    breakIt: () =>
      replace(HubAnswers.prototype, 'served', (served) => {
        return function (this: HubAnswers, link, source, position, upTo, ...rest) {
          if (upTo > (link.answered.get(source)?.upTo ?? 0)) served.call(this, link, source, position, upTo, ...rest)
        }
      }),
  },
  {
    name: 'is a hub that does not look where requests have been, and so finds no ring',
    from: widerFrom + 221,
    breakIt: () => replace(HubLoops.prototype, 'take', () => () => {}),
  },
  {
    name: 'is a hub that reports a ring, and ends none of its connections',
    from: widerFrom + 221,
    breakIt: () => replace(HubAbove.prototype, 'cut', () => () => ''),
  },
  {
    name: 'is a hub that reads nothing any more once its outbox was full',
    from: slowFrom + 7,
    breakIt: () => replace(Outbox.prototype, 'whenRoom', () => () => new Promise(() => {})),
  },
  {
    name: 'is a hub that keeps nothing of what comes while its outbox is full, and says that it does',
    from: slowFrom + 450,
    breakIt: () => {
      const full = new WeakSet<HubHistory>()
      return all(
        replace(HubBelow.prototype, 'forward', (forward) => {
          return function (this: HubBelow, ...frame) {
            forward.apply(this, frame)
            const { history, outbox } = this
            if (history && outbox.isFull()) full.add(history)
            else if (history) full.delete(history)
          }
        }),
        replace(HubHistory.prototype, 'keep', (keep) => {
          return function (this: HubHistory, ...frame) {
            return full.has(this) || keep.apply(this, frame)
          }
        }),
      )
    },
  },
  {
    name: 'serves a link that has no room for a frame, and drops what comes later as well',
    from: slowFrom + 48,
    breakIt: () => {
      const full = new WeakSet<FeedReader>()
      return replace(FeedReader.prototype, 'push', (push) => {
        return function (this: FeedReader, frame) {
          if (this.isFull) full.add(this)
          if (!full.has(this)) push.call(this, frame)
        }
      })
    },
  },
]
