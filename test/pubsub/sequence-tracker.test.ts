/**
 * What one subscription has seen of each topic: duplicates, gaps, restarts, and the bounds of the memory.
 */
import fc from 'fast-check'
import t from 'tap'
import { SequenceTracker, type Step } from '../../patterns/pubsub/sequence-tracker.js'

/** A publisher's frames: numbers and positions as a publisher counts them. */
function publisher() {
  let position = 1
  const topics = new Map<string, { sequence: number; previous: number }>()
  return {
    get position() {
      return position - 1
    },
    frame(topic: string, count: number) {
      const { sequence, previous } = topics.get(topic) ?? { sequence: 1, previous: 0 }
      const place = { position, sequence, previous, count }
      position += count
      if (count > 0) topics.set(topic, { sequence: sequence + count, previous: position - 1 })
      return place
    },
  }
}

const inOrder: Step = { duplicates: 0, gap: undefined }
const gap = (from: number, to: number): Step => ({ duplicates: 0, gap: { from, to } })

t.test('frames that follow each other', async (t) => {
  const tracker = new SequenceTracker()
  const source = publisher()
  tracker.served('p', source.position)
  for (const count of [1, 5, 0, 3]) t.strictSame(tracker.follow('p', 'a', source.frame('a', count)), inOrder)
})

t.test('a frame that was lost is a gap when the next one comes, once', async (t) => {
  const tracker = new SequenceTracker()
  const source = publisher()
  tracker.follow('p', 'a', source.frame('a', 2))
  source.frame('a', 3)
  source.frame('a', 1)
  t.strictSame(tracker.follow('p', 'a', source.frame('a', 4)), gap(3, 6))
  t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), inOrder)
})

t.test('a frame without messages tells a gap too', async (t) => {
  const tracker = new SequenceTracker()
  const source = publisher()
  tracker.follow('p', 'a', source.frame('a', 2))
  source.frame('a', 3)
  t.strictSame(tracker.follow('p', 'a', source.frame('a', 0)), gap(3, 5))
  t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), inOrder)
})

t.test('topics and publishers count for themselves', async (t) => {
  const tracker = new SequenceTracker()
  const first = publisher()
  const second = publisher()
  tracker.follow('p', 'a', first.frame('a', 2))
  tracker.follow('p', 'b', first.frame('b', 7))
  tracker.follow('q', 'a', second.frame('a', 5))
  t.strictSame(tracker.follow('p', 'a', first.frame('a', 1)), inOrder)
  t.strictSame(tracker.follow('p', 'b', first.frame('b', 1)), inOrder)
  t.strictSame(tracker.follow('q', 'a', second.frame('a', 1)), inOrder)
})

t.test('a publisher that starts again is another one', async (t) => {
  const tracker = new SequenceTracker()
  const before = publisher()
  tracker.follow('p', 'a', before.frame('a', 100))
  t.strictSame(tracker.follow('p2', 'a', publisher().frame('a', 1)), inOrder)
})

t.test('duplicates: whole frames, their front, and none without messages', async (t) => {
  const tracker = new SequenceTracker()
  const place = { position: 1, sequence: 1, previous: 0, count: 4 }
  tracker.follow('p', 'a', place)
  t.strictSame(tracker.follow('p', 'a', place), { duplicates: 4, gap: undefined })
  t.strictSame(tracker.follow('p', 'a', { ...place, sequence: 2, count: 1 }), { duplicates: 1, gap: undefined })
  t.strictSame(tracker.follow('p', 'a', { ...place, sequence: 3, count: 0 }), { duplicates: 0, gap: undefined })
  t.strictSame(tracker.follow('p', 'a', { ...place, sequence: 3, count: 6 }), { duplicates: 2, gap: undefined })
  t.strictSame(tracker.follow('p', 'a', { ...place, sequence: 9, count: 1 }), inOrder)
})

t.test('the first frame of a topic', async (t) => {
  t.test('what was published before the subscription was served is not missing', async (t) => {
    const tracker = new SequenceTracker()
    const source = publisher()
    source.frame('a', 10)
    tracker.served('p', source.position)
    t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), inOrder)
  })
  t.test('what was published after that is, and its last message is named', async (t) => {
    const tracker = new SequenceTracker()
    const source = publisher()
    source.frame('a', 10)
    tracker.served('p', source.position)
    source.frame('b', 3)
    source.frame('a', 2)
    t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), gap(12, 12))
    t.strictSame(tracker.follow('p', 'c', source.frame('c', 1)), inOrder, 'a topic that is new altogether')
  })
  t.test('nothing is missing before it is known since when the subscription is served', async (t) => {
    const tracker = new SequenceTracker()
    const source = publisher()
    source.frame('a', 10)
    t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), inOrder)
  })
  t.test('the first moment that is known counts, later answers change nothing', async (t) => {
    const tracker = new SequenceTracker()
    const source = publisher()
    tracker.served('p', source.position)
    source.frame('a', 2)
    tracker.served('p', source.position)
    t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), gap(2, 2))
  })
})

t.test('after nobody was subscribed for a while', async (t) => {
  const tracker = new SequenceTracker()
  const source = publisher()
  tracker.served('p', source.position)
  const first = source.frame('a', 2)
  const second = source.frame('a', 2)
  tracker.follow('p', 'a', first)
  tracker.follow('p', 'a', second)
  tracker.resume()
  t.strictSame(tracker.follow('p', 'a', second), { duplicates: 2, gap: undefined }, 'duplicates are still known')
  tracker.resume()
  source.frame('a', 5)
  t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), inOrder, 'what was published meanwhile is not missing')
  source.frame('a', 1)
  t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), gap(11, 11), 'and then gaps are told again')
  tracker.resume()
  tracker.served('p', source.position)
  source.frame('a', 3)
  t.strictSame(tracker.follow('p', 'a', source.frame('a', 1)), gap(15, 15), 'also right after it is served')
})

t.test('more topics than are remembered: nothing is told as missing that was not', async (t) => {
  const tracker = new SequenceTracker()
  const source = publisher()
  tracker.served('p', source.position)
  const topics = 65_536 + 100
  for (let round = 0; round < 2; round++) {
    let wrong = 0
    for (let topic = 0; topic < topics; topic++) {
      const { duplicates, gap } = tracker.follow('p', String(topic), source.frame(String(topic), 1))
      if (duplicates > 0 || gap) wrong += 1
    }
    t.equal(wrong, 0)
  }
  // the latest half at least is remembered
  const recent = String(topics - 32_000)
  source.frame(recent, 2)
  t.strictSame(tracker.follow('p', recent, source.frame(recent, 1)), gap(3, 4))
})

t.test('more publishers than are remembered: the oldest is taken for a new one', async (t) => {
  const tracker = new SequenceTracker()
  const source = publisher()
  tracker.served('first', source.position)
  tracker.follow('first', 'a', source.frame('a', 1))
  for (let other = 0; other < 1024; other++) tracker.follow(String(other), 'a', publisher().frame('a', 1))
  source.frame('a', 1)
  t.strictSame(tracker.follow('first', 'a', source.frame('a', 1)), inOrder)
})

t.test('whatever is lost or repeated: each message is counted exactly once', async (t) => {
  const step = fc.record({
    topic: fc.constantFrom('a', 'b'),
    count: fc.integer({ min: 0, max: 5 }),
    fate: fc.constantFrom('arrives', 'arrives', 'lost', 'twice'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const tracker = new SequenceTracker()
      const source = publisher()
      const published = { a: 0, b: 0 }
      const fresh = { a: 0, b: 0 }
      const missed = { a: 0, b: 0 }
      const arrive = (topic: 'a' | 'b', place: ReturnType<typeof source.frame>) => {
        const { duplicates, gap } = tracker.follow('p', topic, place)
        fresh[topic] += place.count - duplicates
        if (gap) missed[topic] += gap.to - gap.from + 1
      }
      for (const topic of ['a', 'b'] as const) arrive(topic, source.frame(topic, 0))
      for (const { topic, count, fate } of steps) {
        const place = source.frame(topic, count)
        published[topic] += count
        if (fate !== 'lost') arrive(topic, place)
        if (fate === 'twice') arrive(topic, place)
      }
      for (const topic of ['a', 'b'] as const) arrive(topic, source.frame(topic, 0))
      return fresh.a + missed.a === published.a && fresh.b + missed.b === published.b
    }),
  )
  t.pass('held')
})
