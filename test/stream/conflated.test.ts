/**
 * Conflation: a slow consumer gets the newest message of each key, in bounded memory; one that keeps up gets all of them.
 */
import fc from 'fast-check'
import t from 'tap'
import { decodeFailure } from '../../src/avro/decode-failure.js'
import { RivuletError } from '../../src/errors/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import { type Conflation, Inbound } from '../../src/stream/index.js'
import { turn } from '../support/events.js'
import { ArraySupply, unreadable } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** A message: its key before the colon; one that begins with `!` has none, since the function throws. */
type Text = string

/** A conflated way in, fed by hand. */
class Conflating {
  readonly errors: RivuletError[] = []
  readonly failures: [cause: unknown, messages: number][] = []
  readonly exceeded: number[] = []
  readonly keyed: Text[] = []
  readonly inbound: Inbound<Text>

  constructor(maxKeys = 1000) {
    const conflation: Conflation<Text> = {
      maxKeys,
      keyOf: (text) => {
        this.keyed.push(text)
        if (text.startsWith('!')) throw new Error(text)
        return text.split(':')[0]
      },
      keyFailed: (cause, messages) => void this.failures.push([cause, messages]),
      exceeded: (messages) => void this.exceeded.push(messages),
    }
    this.inbound = new Inbound<Text>({
      name: () => 'conflating',
      changed: () => {},
      unreadable: (cause) => decodeFailure(cause, 'a message of the test'),
      report: (error) => void this.errors.push(error),
      conflation,
    })
  }

  frame(...values: (Text | typeof unreadable)[]): void {
    this.inbound.push(new ArraySupply(values))
  }

  get dropped(): Readonly<Record<string, number>> {
    return this.inbound.dropped.snapshot()
  }

  get unaccounted(): number {
    const { received, delivered, dropped, pending } = this.inbound
    return received - delivered - dropped.total - pending
  }
}

/** Takes messages one by one, as a slow consumer does. */
class Slow {
  readonly got: Text[]
  readonly #iterator: AsyncIterator<Text>

  constructor({ inbound }: Conflating, got: Text[] = []) {
    this.got = got
    this.#iterator = inbound.stream[Symbol.asyncIterator]()
  }

  async take(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { value, done } = await this.#iterator.next()
      if (done) return
      this.got.push(value)
    }
  }

  leave(): void {
    void this.#iterator.return?.()
  }
}

t.test('a consumer that keeps up gets every message, and no key is asked for', async (t) => {
  const feed = new Conflating()
  const seen: Text[] = []
  feed.inbound.stream.subscribe((text) => seen.push(text))
  feed.frame('a:1', 'a:2', 'b:1')
  feed.frame('a:3')
  t.strictSame(seen, ['a:1', 'a:2', 'b:1', 'a:3'])
  t.strictSame(feed.keyed, [])
  t.strictSame(feed.dropped, {})
  t.equal(feed.unaccounted, 0)
})

t.test('of what a slow consumer leaves, the newest of each key waits, in the place of the first', async (t) => {
  const feed = new Conflating()
  const slow = new Slow(feed)
  const first = slow.take()
  feed.frame('a:1', 'a:2', 'b:1', 'a:3')
  await first
  t.equal(feed.inbound.backlogged, false, 'it holds up nothing')
  t.equal(feed.inbound.busy, true)
  feed.frame('c:1', 'b:2', 'c:2')
  t.equal(feed.inbound.pending, 3)
  t.strictSame(feed.dropped, { conflated: 3 })
  t.equal(feed.unaccounted, 0)
  await slow.take(3)
  t.strictSame(slow.got, ['a:1', 'a:3', 'b:2', 'c:2'])
  t.equal(feed.inbound.busy, false)
  feed.frame('b:3', 'b:4')
  await slow.take(1)
  t.strictSame(slow.got.slice(4), ['b:4'], 'nothing of the past replaces or is replaced')
  t.match(feed.inbound, { received: 9, delivered: 5, pending: 0 })
})

t.test('a key that was taken waits again behind the others', async (t) => {
  const feed = new Conflating()
  feed.frame('a:1', 'b:1')
  const slow = new Slow(feed)
  await slow.take()
  feed.frame('a:2')
  await slow.take(2)
  t.strictSame(slow.got, ['a:1', 'b:1', 'a:2'])
})

t.test('notices keep their place and are never replaced', async (t) => {
  const feed = new Conflating()
  feed.frame('a:1')
  feed.inbound.note('gap 1')
  feed.frame('b:1', 'a:2')
  feed.inbound.note('gap 2')
  feed.inbound.note('gap 2')
  feed.frame('c:1', 'b:2')
  t.match(feed.inbound, { received: 5, pending: 3 })
  const slow = new Slow(feed)
  await slow.take(6)
  t.strictSame(slow.got, ['a:2', 'gap 1', 'b:2', 'gap 2', 'gap 2', 'c:1'])
  t.match(feed.inbound, { delivered: 3, pending: 0 })
  t.equal(feed.unaccounted, 0)
  feed.inbound.note('gap 3')
  await slow.take()
  t.equal(slow.got.at(-1), 'gap 3')
})

t.test('beyond the bound what has waited longest is dropped, and reported once for each frame', async (t) => {
  const feed = new Conflating(3)
  feed.frame('a:1', 'b:1', 'c:1', 'd:1', 'e:1')
  feed.frame('c:2')
  t.strictSame(feed.dropped, { 'too-many-keys': 2, conflated: 1 })
  t.strictSame(feed.exceeded, [2])
  feed.inbound.note('gap')
  t.strictSame(feed.exceeded, [2, 1])
  const slow = new Slow(feed)
  await slow.take()
  t.strictSame(slow.got, ['d:1'])
  feed.frame('x:1', 'y:1', 'z:1')
  t.strictSame(feed.exceeded, [2, 1, 1], 'e and the notice went; the notice is no message')
  await slow.take(3)
  t.strictSame(slow.got, ['d:1', 'x:1', 'y:1', 'z:1'])
  t.match(feed.inbound, { received: 9, delivered: 4, pending: 0 })
  t.equal(feed.unaccounted, 0)
  feed.frame('a:2', 'a:3')
  t.match(feed.inbound, { pending: 1 }, 'what was dropped is not replaced')
})

t.test('a function that throws harms nothing: the message waits without a key', async (t) => {
  const feed = new Conflating()
  feed.frame('!a', '!a', 'b:1', 'b:2')
  feed.frame('!a')
  t.strictSame(
    feed.failures.map(([cause, messages]) => [(cause as Error).message, messages]),
    [
      ['!a', 2],
      ['!a', 1],
    ],
  )
  const slow = new Slow(feed)
  await slow.take(4)
  t.strictSame(slow.got, ['!a', '!a', 'b:2', '!a'])
  t.equal(feed.unaccounted, 0)
})

t.test('what cannot be read is dropped, also where it is taken apart', async (t) => {
  const feed = new Conflating()
  feed.frame('a:1', unreadable, 'a:2', unreadable, 'b:1')
  t.strictSame(feed.dropped, { undecodable: 2, conflated: 1 })
  t.equal(feed.errors.length, 2)
  const seen: Text[] = []
  feed.inbound.stream.subscribe((text) => seen.push(text))
  feed.frame('c:1', unreadable, 'c:2')
  t.strictSame(seen, ['a:2', 'b:1', 'c:1', 'c:2'])
  t.strictSame(feed.dropped, { undecodable: 3, conflated: 1 })
  t.equal(feed.unaccounted, 0)
})

t.test('bytes behind the last message are reported, whoever takes it', async (t) => {
  const feed = new Conflating()
  const broken = (text: string, ...values: Text[]) => {
    const supply = new ArraySupply(values)
    const trailing = () => new RivuletError('RIVULET_CORRUPT_FRAME', text)
    feed.inbound.push(Object.assign(supply, { trailing: trailing as never }))
  }
  broken('taken apart', 'a:1', 'a:2')
  t.match(feed.errors, [{ message: 'taken apart' }])
  feed.inbound.stream.subscribe()
  broken('delivered', 'a:3', 'b:1')
  t.match(feed.errors, [{ message: 'taken apart' }, { message: 'delivered' }])
  t.equal(feed.errors.length, 2)
})

t.test('where the turn has no time left, a consumer without a bound is slow, too', async (t) => {
  const feed = new Conflating()
  const seen: Text[] = []
  feed.inbound.stream.subscribe((text) => seen.push(text))
  while (!turnBudget.isSpent) turnBudget.spend(64)
  feed.frame('a:1', 'a:2', 'b:1')
  t.strictSame(seen, [])
  t.equal(feed.inbound.pending, 2)
  await turn()
  await turn()
  t.strictSame(seen, ['a:2', 'b:1'])
  t.equal(feed.unaccounted, 0)
})

t.test('what waits is kept for the next consumer, and counts when the stream ends', async (t) => {
  const feed = new Conflating()
  const slow = new Slow(feed)
  const first = slow.take()
  feed.frame('a:1', 'a:2', 'b:1', 'b:2')
  await first
  slow.leave()
  t.equal(feed.inbound.wanted, false)
  const next = new Slow(feed)
  await next.take()
  t.strictSame(next.got, ['a:2'])
  feed.inbound.note('gap')
  t.equal(feed.inbound.complete(), 1)
  t.strictSame(feed.dropped, { conflated: 1, closed: 1 })
  t.equal(feed.unaccounted, 0)
  t.equal(feed.inbound.pending, 0)
})

t.test('a function that ends the stream, or feeds it, leaves the counts right', async (t) => {
  for (const act of ['complete', 'frame'] as const) {
    let acted = false
    const feed: Conflating = new Conflating()
    const { keyed } = feed
    feed.keyed.push = (...texts) => {
      if (!acted) {
        acted = true
        if (act === 'complete') feed.inbound.complete()
        else feed.frame('a:9', 'z:1')
      }
      return Array.prototype.push.apply(keyed, texts)
    }
    feed.frame('a:1', 'b:1', 'a:2')
    t.equal(feed.unaccounted, 0, act)
    t.equal(feed.inbound.pending, act === 'complete' ? 0 : 3)
    const seen: Text[] = []
    feed.inbound.stream.subscribe((text) => seen.push(text))
    t.strictSame(seen, act === 'complete' ? [] : ['a:9', 'b:1', 'z:1'])
  }
})

t.test('a consumer that feeds the stream while it is given a frame', async (t) => {
  const feed = new Conflating()
  const seen: Text[] = []
  feed.inbound.stream.subscribe((text) => {
    seen.push(text)
    if (text === 'a:1') feed.frame('a:3')
  })
  feed.frame('a:1', 'a:2')
  t.strictSame(seen, ['a:1', 'a:2', 'a:3'])
  t.equal(feed.inbound.busy, false)
  t.equal(feed.unaccounted, 0)
})

/** What should wait: the newest of each key where the first of it stood, and notices. */
class Expected {
  waiting: { key: string | undefined; text: Text }[] = []
  conflated = 0
  evicted = 0
  readonly #maxKeys: number

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  add(text: Text): void {
    const key = /^[!#]/.test(text) ? undefined : text.split(':')[0]
    const same = key === undefined ? undefined : this.waiting.find((one) => one.key === key)
    if (same) {
      same.text = text
      this.conflated += 1
      return
    }
    this.waiting.push({ key, text })
    if (this.waiting.length > this.#maxKeys && !this.waiting.shift()?.text.startsWith('#')) this.evicted += 1
  }
}

t.test('agrees with a simple model after every step of any course of events', async (t) => {
  const text = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', '!x'), fc.nat()).map(([key, n]) => `${key}:${n}`)
  const step = fc.oneof(
    fc.record({ do: fc.constant('frame' as const), texts: fc.array(text, { minLength: 1, maxLength: 6 }) }),
    fc.record({ do: fc.constant('note' as const) }),
    fc.record({ do: fc.constant('take' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('all' as const) }),
  )
  let conflated = 0
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 15, maxLength: 40 }),
    fc.integer({ min: 1, max: 6 }),
    async (steps, maxKeys) => {
      const feed = new Conflating(maxKeys)
      const expected = new Expected(maxKeys)
      const seen: Text[] = []
      let slow = new Slow(feed, seen)
      const got: Text[] = []
      for (const [index, step] of steps.entries()) {
        if (step.do === 'frame') {
          feed.frame(...step.texts)
          for (const one of step.texts) expected.add(one)
        } else if (step.do === 'note') {
          feed.inbound.note(`#${index}`)
          expected.add(`#${index}`)
        } else if (step.do === 'take') {
          const count = Math.min(step.count, expected.waiting.length)
          await slow.take(count)
          got.push(...expected.waiting.splice(0, count).map(({ text }) => text))
        } else {
          slow.leave()
          await turn()
          feed.inbound.stream.subscribe((one) => seen.push(one)).unsubscribe()
          slow = new Slow(feed, seen)
          got.push(...expected.waiting.splice(0).map(({ text }) => text))
        }
        const pending = expected.waiting.filter(({ text }) => !text.startsWith('#')).length
        if (feed.unaccounted !== 0 || feed.inbound.pending !== pending || feed.inbound.backlogged) return false
        if ((feed.dropped.conflated ?? 0) !== expected.conflated) return false
        if ((feed.dropped['too-many-keys'] ?? 0) !== expected.evicted) return false
      }
      conflated += expected.conflated
      return JSON.stringify(seen) === JSON.stringify(got)
    },
  )
  await fc.assert(property, { numRuns: 500 })
  t.ok(conflated > 1000, `${conflated} were conflated`)
})
