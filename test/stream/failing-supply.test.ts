/** Frames with messages that cannot be read: what is lost is counted and reported, and the rest goes on. */
import { channel } from 'node:diagnostics_channel'
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { turn } from '../support/events.js'
import { ArraySupply, Feed, unreadable } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** A frame that nothing can be found in behind what could not be read. */
class Broken<T> extends ArraySupply<T> {
  override failed(): number {
    return this.discard() + 1
  }
}

/** A frame with something wrong at its end. */
class Trailing<T> extends ArraySupply<T> {
  override trailing() {
    return new RivuletError('RIVULET_DECODE_FAILED', 'more than there should be') as unknown as undefined
  }
}

/** Each way to take everything. */
const ways: Record<string, (feed: Feed<number>, seen: number[]) => void> = {
  subscribe: (feed, seen) => void feed.stream.subscribe((value) => seen.push(value)),
  'two subscribers': (feed, seen) => {
    feed.stream.subscribe()
    feed.stream.subscribe((value) => seen.push(value))
  },
  process: (feed, seen) => void feed.stream.process((value) => seen.push(value)).subscribe(),
  'for await': (feed, seen) =>
    void (async () => {
      for await (const value of feed.stream) seen.push(value)
    })(),
}

for (const [way, take] of Object.entries(ways)) {
  t.test(`${way}: one message that cannot be read costs itself`, async (t) => {
    const feed = new Feed<number>()
    const seen: number[] = []
    take(feed, seen)
    feed.frame(1, unreadable, 3)
    feed.frame(unreadable)
    feed.frame(4)
    await turn()
    t.strictSame(seen, [1, 3, 4])
    t.match(feed.inbound, { received: 5, delivered: 3, pending: 0 })
    t.strictSame(feed.inbound.dropped.snapshot(), { undecodable: 2 })
    t.equal(feed.unaccounted, 0)
    t.strictSame(
      feed.errors.map(({ code, messages, cause }) => [code, messages, (cause as Error).message]),
      Array(2).fill(['RIVULET_DECODE_FAILED', 1, 'unreadable']),
    )
  })

  t.test(`${way}: where nothing can be found behind it, the rest of the frame is lost with it`, async (t) => {
    const feed = new Feed<number>()
    const seen: number[] = []
    take(feed, seen)
    feed.inbound.push(new Broken<number>([1, unreadable, 3, 4]))
    feed.frame(5)
    await turn()
    t.strictSame(seen, [1, 5])
    t.strictSame(feed.inbound.dropped.snapshot(), { undecodable: 3 })
    t.equal(feed.unaccounted, 0)
    const [error] = feed.errors
    t.equal(error?.messages, 3)
    t.match(error?.message, /2 messages behind it are lost with it$/)
    t.equal(feed.errors.length, 1)
  })
}

t.test('what cannot be read takes no demand', async (t) => {
  const feed = new Feed<number>()
  const begun: number[] = []
  feed.frame(unreadable, unreadable, 1, 2)
  feed.stream
    .process((value) => {
      begun.push(value)
      return new Promise(() => {})
    })
    .subscribe()
  t.strictSame(begun, [1])
  t.match(feed.inbound, { delivered: 1, pending: 1 })
})

t.test('what cannot be read is not touched before somebody wants it', async (t) => {
  const feed = new Feed<number>()
  feed.frame(unreadable)
  t.strictSame(feed.errors, [])
  t.equal(feed.inbound.pending, 1)
})

t.test('something wrong behind the last message is reported once, and costs nothing', async (t) => {
  const feed = new Feed<number>()
  const seen: number[] = []
  feed.stream.subscribe((value) => seen.push(value))
  feed.inbound.push(new Trailing([1, 2]))
  feed.frame(3)
  t.strictSame(seen, [1, 2, 3])
  t.strictSame(
    feed.errors.map(({ message }) => message),
    ['more than there should be'],
  )
  t.match(feed.inbound, { received: 3, delivered: 3 })
})

t.test('it is not looked for while messages are left', async (t) => {
  const feed = new Feed<number>()
  feed.inbound.push(new Trailing([1, 2]))
  const iterator = feed.stream[Symbol.asyncIterator]()
  await iterator.next()
  t.strictSame(feed.errors, [])
  await iterator.next()
  t.equal(feed.errors.length, 1)
})

t.test('each drop is told on the diagnostics channel', async (t) => {
  const feed = new Feed<number>()
  const drops: unknown[] = []
  const listener = (message: unknown) => drops.push(message)
  channel('rivulet:drop').subscribe(listener)
  t.teardown(() => channel('rivulet:drop').unsubscribe(listener))
  feed.stream.subscribe()
  feed.inbound.push(new Broken<number>([unreadable, 2]))
  feed.inbound.lose('unknown-schema', 7)
  t.strictSame(drops, [
    { resource: 'feed', reason: 'undecodable', messages: 2 },
    { resource: 'feed', reason: 'unknown-schema', messages: 7 },
  ])
})
