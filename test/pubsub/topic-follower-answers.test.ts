/**
 * Subscriptions that begin with history: publishers that answer late, and answers that reach further than what was asked.
 */
import t from 'tap'
import type { Cursor } from '../../patterns/pubsub/cursor.js'
import { Following, Kept } from './follower-world.js'

const idP = '00000000000000aa'

t.test(
  'a publisher that answers behind a backlog has history: the time does not run while nothing is read',
  async (t) => {
    const p = new Kept(idP)
    p.publish('a', 2)
    const all = new Following([p], 'all')
    all.now = 5000
    all.follower.frame(idP, p.publish('a', 1))
    all.now = 9000
    all.unreadMs = 3500
    all.follower.unanswered(9000)
    t.equal(all.watchedAt, 9500, 'half of the time is left')
    all.now = 9490
    all.unreadMs = 3500
    all.follower.unanswered(9490)
    t.equal(all.watchedAt, 9590, 'it is not called in each millisecond')
    all.follower.served(idP, p.position, 1)
    all.settle()
    t.strictSame(all.texts(), ['a1', 'a2', 'a3', 'live'])
  },
)

t.test('a publisher names more as expired than it was asked for: what is held is delivered', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 3)
  const all = new Following([p], 'all')
  all.follower.served(idP, p.position, 1)
  const fetch = all.replays[0]?.fetch
  if (fetch === undefined) throw new Error('it asks')
  const held = p.publish('a', 1)
  all.follower.frame(idP, held)
  p.trim(2)
  all.follower.expired(fetch, 'a', 4, 4)
  all.settle()
  t.strictSame(all.texts(), ['gap a1-3 expired', 'a4', 'live'])
  t.equal(all.duplicates, 0)
})

t.test('a frame that arrived before the answer is delivered, though its publisher keeps it no longer', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2)
  const all = new Following([p], 'all')
  all.follower.frame(idP, p.publish('a', 1))
  all.follower.served(idP, p.position, 1)
  p.trim(2)
  all.settle()
  t.strictSame(all.texts(), ['gap a1-2 expired', 'a3', 'live'])
  t.equal(all.duplicates, 0)
})

t.test('what was given up before a cursor is not missing behind it, though more was given up since', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 8)
  const first = new Following([], 'now')
  first.follower.served(idP, p.position, 1)
  first.follower.frame(idP, p.publish('b', 1))
  const cursor = first.shown.find((one) => one.kind === 'message')?.cursor()
  const all = new Following([p], cursor as Cursor)
  p.publish('b', 1)
  all.follower.served(idP, p.position, 1)
  all.follower.frame(idP, p.publish('a', 4))
  p.trim(4)
  all.settle()
  t.strictSame(all.texts(), ['gap b2-2 expired', 'a9', 'a10', 'a11', 'a12', 'live'])
})

t.test('a frame behind the end waits for no answer: nothing is set for a subscriber that closes', async (t) => {
  const p = new Kept(idP)
  for (const since of ['all', 'now'] as const) {
    const following = new Following([p], since)
    following.follower.stop()
    following.watchedAt = undefined
    following.follower.frame(idP, p.publish('a', 1))
    following.follower.frame(idP, p.publish('a', 1))
    t.equal(following.watchedAt, undefined)
    t.strictSame(following.texts(), [])
  }
})
