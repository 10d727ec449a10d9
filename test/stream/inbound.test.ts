/** The way in: what arrived is delivered, dropped or pending at every moment; notices are no messages. */
import fc from 'fast-check'
import { firstValueFrom, take } from 'rxjs'
import t from 'tap'
import { turn } from '../support/events.js'
import { Feed, unreadable } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** Whether a promise is settled once the event loop has turned. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => {
    done = true
  })
  await turn()
  return done
}

t.test('the sum holds after every step of any course of events', async (t) => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('frame' as const), size: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('note' as const) }),
    fc.record({ do: fc.constant('bad' as const) }),
    fc.record({ do: fc.constant('lose' as const), size: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant('subscribe' as const), size: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('next' as const) }),
    fc.record({ do: fc.constant('leave' as const) }),
  )
  const courses = () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const feed = new Feed<string>()
        const leaves: (() => void)[] = []
        let messages = 0
        for (const step of steps) {
          if (step.do === 'frame') feed.frame(...Array.from({ length: step.size }, () => 'message'))
          else if (step.do === 'bad') feed.frame('message', unreadable)
          else if (step.do === 'note') feed.inbound.note('notice')
          else if (step.do === 'lose') feed.inbound.lose('unknown-schema', step.size)
          else if (step.do === 'subscribe') {
            const subscription = feed.stream.pipe(take(step.size)).subscribe()
            leaves.push(() => subscription.unsubscribe())
          } else if (step.do === 'next') {
            const iterator = feed.stream[Symbol.asyncIterator]()
            void iterator.next()
            leaves.push(() => void iterator.return?.())
          } else leaves.shift()?.()
          messages += step.do === 'frame' || step.do === 'lose' ? step.size : step.do === 'bad' ? 2 : 0
          if (feed.unaccounted !== 0 || feed.inbound.received !== messages || feed.inbound.pending < 0) return false
        }
        const { pending } = feed.inbound
        return feed.inbound.complete() === pending && feed.unaccounted === 0 && feed.inbound.pending === 0
      }),
      { numRuns: 500 },
    )
  t.doesNotThrow(courses)
})

t.test('notices come in their place and count as no messages', async (t) => {
  const feed = new Feed<string>()
  const seen: string[] = []
  feed.frame('a', 'b')
  feed.inbound.note('notice')
  feed.frame('c')
  t.match(feed.inbound, { received: 3, delivered: 0, pending: 3 })
  feed.stream.subscribe((value) => seen.push(value))
  t.strictSame(seen, ['a', 'b', 'notice', 'c'])
  t.match(feed.inbound, { received: 3, delivered: 3, pending: 0 })
  feed.inbound.note('live')
  t.equal(seen.at(-1), 'live')
  t.match(feed.inbound, { received: 3, delivered: 3, pending: 0 })
})

t.test('a notice that is thrown away changes no count', async (t) => {
  const feed = new Feed<string>()
  feed.frame('a')
  t.equal(await firstValueFrom(feed.stream), 'a')
  feed.inbound.note('first')
  feed.inbound.note('second')
  t.match(feed.inbound, { received: 1, delivered: 1, pending: 0 })
  t.equal(feed.inbound.complete(), 0)
  t.match(feed.inbound, { received: 1, delivered: 1, pending: 0 })
  t.strictSame(feed.inbound.dropped.snapshot(), {})
})

t.test('what is lost on arrival counts as received and dropped, by reason', async (t) => {
  const feed = new Feed<string>()
  feed.inbound.lose('incompatible-schema', 3)
  feed.inbound.lose('unknown-schema', 2)
  feed.inbound.lose('incompatible-schema', 1)
  feed.inbound.lose('unknown-schema', 0)
  t.equal(feed.inbound.received, 6)
  t.strictSame(feed.inbound.dropped.snapshot(), { 'incompatible-schema': 4, 'unknown-schema': 2 })
  t.equal(feed.unaccounted, 0)
})

t.test('drained means that everything was taken', async (t) => {
  const feed = new Feed<number>()
  t.ok(await settled(feed.inbound.whenDrained()), 'there is nothing')
  const iterator = feed.stream[Symbol.asyncIterator]()
  void iterator.next()
  feed.frame(1, 2)
  feed.frame(3)
  const drained = feed.inbound.whenDrained()
  void iterator.next()
  t.notOk(await settled(drained), 'one frame is used up, another waits')
  void iterator.next()
  t.ok(await settled(drained))
})

t.test('drained means as well that nobody takes any more', async (t) => {
  const feed = new Feed<number>()
  feed.frame(1)
  t.ok(await settled(feed.inbound.whenDrained()), 'nobody has begun')
  const iterator = feed.stream[Symbol.asyncIterator]()
  void iterator.next()
  feed.frame(2)
  const drained = feed.inbound.whenDrained()
  t.notOk(await settled(drained))
  await iterator.return?.()
  t.ok(await settled(drained))
  t.equal(feed.inbound.pending, 1)
})

t.test('its owner is told of each change of what is wanted and of what waits', async (t) => {
  const feed = new Feed<number>()
  const subscription = feed.stream.subscribe()
  feed.frame(1)
  subscription.unsubscribe()
  const again = feed.stream.subscribe()
  again.unsubscribe()
  t.strictSame(feed.wanted, [true, false, true, false])
})

t.test('what comes behind the end is dropped, and nobody waits for it', async (t) => {
  const feed = new Feed<string>()
  const seen: string[] = []
  const subscription = feed.stream.subscribe((value) => seen.push(value))
  feed.frame('a')
  t.equal(feed.inbound.complete(), 0)
  feed.frame('b', 'c')
  feed.inbound.note('notice')
  feed.frame('d')
  t.ok(subscription.closed)
  t.strictSame(seen, ['a'])
  t.match(feed.inbound, { received: 4, delivered: 1, pending: 0, busy: false, backlogged: false })
  t.strictSame(feed.inbound.dropped.snapshot(), { closed: 3 })
})
