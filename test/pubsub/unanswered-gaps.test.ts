/** Gaps of a publisher that has not answered yet: they wait for what its answer says of history, for so long. */
import t from 'tap'
import { Following, Kept } from './follower-world.js'

const idP = '00000000000000aa'
const idQ = '00000000000000bb'

/** A subscriber that has a gap before the first answer: a1 and a4 came, a2 and a3 did not. */
function gapped({ holdBytes = 1_000_000, publishers = 1 } = {}) {
  const [p, q] = [new Kept(idP), new Kept(idQ)]
  const all = new Following([p, q].slice(0, publishers), 'now', '#', holdBytes)
  all.withHistory.clear()
  all.follower.frame(idP, p.publish('a', 1))
  p.publish('a', 2)
  all.follower.frame(idP, p.publish('a', 1))
  return { p, q, all }
}

t.test('the answer offers history: the gap is repaired', async (t) => {
  const { p, all } = gapped()
  all.follower.frame(idP, p.publish('b', 1))
  t.strictSame(all.texts(), ['a1', 'b1'], 'other topics do not wait')
  t.equal(all.replays.length, 0)
  t.equal(all.watchedAt, 1000)
  t.equal(all.follower.heldMessages, 1)
  all.withHistory.add(idP)
  all.follower.served(idP, p.position, 1)
  t.match(all.replays[0]?.fetch, { purpose: 'repair', pattern: 'a', after: 1, upTo: 3 })
  all.follower.frame(idP, p.publish('a', 1))
  all.settle()
  t.strictSame(all.texts(), ['a1', 'b1', 'a2', 'a3', 'a4', 'a5'])
  t.equal(all.budget.bytes, 0)
})

t.test('the answer offers none: the messages are lost', async (t) => {
  const { p, all } = gapped()
  all.follower.served(idP, p.position, 1)
  t.strictSame(all.texts(), ['a1', 'gap a2-3 lost', 'a4'])
  p.publish('a', 1)
  all.follower.frame(idP, p.publish('a', 1))
  t.strictSame(all.texts().slice(3), ['gap a5-5 lost', 'a6'], 'at once')
  t.equal(all.budget.bytes, 0)
})

t.test('it never answers: after a second, and from then on at once', async (t) => {
  const { p, all } = gapped()
  all.now = 600
  all.unreadMs = 500
  all.follower.frame(idP, p.publish('c', 1))
  p.publish('c', 1)
  all.follower.frame(idP, p.publish('c', 1))
  all.now = 1000
  all.follower.unanswered(all.now)
  t.strictSame(all.texts(), ['a1', 'c1'], 'the time in which nothing is read does not count')
  t.equal(all.watchedAt, 1500)
  all.now = 1500
  all.follower.unanswered(all.now)
  t.strictSame(all.texts(), ['a1', 'c1', 'gap a2-3 lost', 'a4', 'gap c2-2 lost', 'c3'])
  p.publish('a', 1)
  all.follower.frame(idP, p.publish('a', 1))
  t.strictSame(all.texts().slice(6), ['gap a5-5 lost', 'a6'])
})

t.test('what waits is bounded: what finds no room is delivered, and what waited is lost', async (t) => {
  const { p, all } = gapped({ holdBytes: 500 })
  all.follower.frame(idP, p.publish('a', 1))
  t.strictSame(all.texts(), ['a1'])
  all.follower.frame(idP, p.publish('a', 1))
  t.strictSame(all.texts(), ['a1', 'gap a2-3 lost', 'a4', 'a5', 'a6'])
  t.equal(all.budget.bytes, 0)
  const none = gapped({ holdBytes: 1 })
  t.strictSame(none.all.texts(), ['a1', 'gap a2-3 lost', 'a4'], 'nothing waits where there is no room at all')
})

t.test('it has left and comes back: its next answer counts', async (t) => {
  const { p, all } = gapped()
  all.follower.served(idP, p.position, 1)
  all.follower.left(idP)
  p.publish('a', 1)
  all.follower.frame(idP, p.publish('a', 1))
  t.equal(all.follower.heldMessages, 1)
  all.withHistory.add(idP)
  all.follower.served(idP, p.position, 2)
  all.settle()
  t.strictSame(all.texts().slice(3), ['a5', 'a6'])
})

t.test('nobody was subscribed for a while: the next answer counts', async (t) => {
  const { p, all } = gapped()
  all.follower.served(idP, p.position, 1)
  all.follower.stop()
  all.follower.resume()
  all.follower.frame(idP, p.publish('a', 1))
  p.publish('a', 1)
  all.follower.frame(idP, p.publish('a', 1))
  all.withHistory.add(idP)
  all.follower.served(idP, p.position, 1)
  all.settle()
  t.strictSame(all.texts().slice(3), ['a5', 'a6', 'a7'])
})

t.test('the stream is left meanwhile: the gap is named', async (t) => {
  const { all } = gapped()
  all.follower.stop()
  t.strictSame(all.texts(), ['a1', 'gap a2-3 unavailable', 'a4'])
  t.equal(all.budget.bytes, 0)
})

t.test('each publisher is waited for as long, however many begin meanwhile', async (t) => {
  const { q, all } = gapped({ publishers: 2 })
  all.now = 900
  all.follower.frame(idQ, q.publish('b', 1))
  q.publish('b', 1)
  all.follower.frame(idQ, q.publish('b', 1))
  t.equal(all.watchedAt, 1000)
  all.now = 1000
  all.follower.unanswered(all.now)
  t.strictSame(all.texts(), ['a1', 'b1', 'gap a2-3 lost', 'a4'])
  t.equal(all.watchedAt, 1900)
  all.now = 1900
  all.follower.unanswered(all.now)
  t.strictSame(all.texts().slice(4), ['gap b2-2 lost', 'b3'])
})

t.test('a publisher is forgotten while gaps of it are repaired: nothing is held for it any more', async (t) => {
  const { p, all } = gapped()
  all.withHistory.add(idP)
  all.follower.served(idP, p.position, 1)
  p.publish('a', 1)
  all.follower.frame(idP, p.publish('a', 1))
  t.equal(all.follower.heldMessages, 2)
  for (let other = 0; other < 1024; other++) all.follower.frame(String(other), new Kept(String(other)).publish('b', 1))
  t.equal(all.replays.length, 0)
  t.equal(all.follower.heldMessages, 0)
  t.strictSame(
    all.texts().filter((text) => text !== 'b1'),
    ['a1', 'gap a2-3 unavailable', 'a4', 'gap a5-5 unavailable', 'a6'],
  )
})
