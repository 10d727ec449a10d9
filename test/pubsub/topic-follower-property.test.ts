/**
 * Whatever is lost, repeated, reordered between fetches and connections, given up or unreachable: per topic in order, no
 * duplicate, and everything missing is named exactly once.
 */
import fc from 'fast-check'
import t from 'tap'
import type { Since } from '../../patterns/pubsub/since.js'
import { Following, type Frame, Kept, type Shown } from './follower-world.js'

const id = '00000000000000aa'
const topics = ['a', 'b', 'c'] as const

/** A connection: what is on it, in order. */
type OnLink = { frame: Frame } | { answer: number }

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      topic: fc.nat(2),
      count: fc.integer({ min: 0, max: 4 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('arrive' as const),
      link: fc.nat(1),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose' as const), link: fc.nat(1), at: fc.nat(5) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('serve' as const), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), frames: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), link: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** One publisher with two connections to one stream at a time. */
class World {
  readonly kept = new Kept(id)
  readonly links: OnLink[][] = [[], []]
  readonly #since: Since
  readonly #holdBytes: number
  following: Following
  #epoch = 1
  /** What each stream has shown; another one continues with a cursor of the one before. */
  readonly shown: Shown[] = []
  failed = false
  startedAt = 0
  isLeaving = false

  constructor(since: Since, holdBytes: number, published: readonly { topic: number; count: number }[]) {
    for (const { topic, count } of published) this.kept.publish(topics[topic] as string, count)
    this.startedAt = this.kept.position
    this.#since = since
    this.#holdBytes = holdBytes
    this.following = this.#newFollowing(since)
    this.#connect()
  }

  #newFollowing(since: Since): Following {
    return new Following([this.kept], since, '#', this.#holdBytes)
  }

  #connect(): void {
    for (const link of this.links) link.push({ answer: this.kept.position })
  }

  do(one: Step): void {
    const { kept, links, following } = this
    if (one.do === 'publish') {
      const frame = kept.publish(topics[one.topic] as string, one.count)
      for (const link of links) link.push({ frame })
    } else if (one.do === 'arrive') {
      for (const arrived of links[one.link]?.splice(0, one.count) ?? []) this.#arrive(arrived)
    } else if (one.do === 'lose') {
      const link = links[one.link] as OnLink[]
      const lost = link[one.at]
      if (lost && 'frame' in lost) link.splice(one.at, 1)
    } else if (one.do === 'serve') {
      following.step(one.which)
    } else if (one.do === 'refuse') {
      if (following.replays.length > 0) this.failed = true
      following.fail(one.which)
    } else if (one.do === 'trim') {
      kept.trim(one.frames)
    } else if (one.do === 'cut') {
      this.#epoch += 1
      links[one.link] = [{ answer: kept.position }]
    } else if (one.do === 'compact') {
      following.now += 10_000
      following.follower.compact(id)
    } else this.#leave()
  }

  #arrive(arrived: OnLink): void {
    const { follower } = this.following
    if ('frame' in arrived) follower.frame(id, arrived.frame)
    else follower.served(id, arrived.answer, this.#epoch)
  }

  /** The stream is left; another one continues from the cursor of its last message, wherever that was. */
  #leave(): void {
    const { shown } = this.following
    const last = shown.findLastIndex(({ kind }) => kind === 'message')
    this.following.follower.stop()
    const message = shown[last]
    if (message?.kind !== 'message') {
      this.shown.length = 0
      this.following = this.#newFollowing(this.#since)
    } else {
      this.shown.push(...shown.slice(0, last + 1))
      this.following = this.#newFollowing(message.cursor())
    }
    this.links[0] = [{ answer: this.kept.position }]
    this.links[1] = []
  }

  /** Everything arrives, and everything that is asked for is answered. */
  quiet(): void {
    for (let round = 0; round < 3; round++) {
      for (const link of this.links) {
        for (const topic of this.kept.topics.keys()) link.push({ frame: this.kept.beacon(topic) })
        for (const arrived of link.splice(0)) this.#arrive(arrived)
      }
      this.following.settle()
    }
    this.shown.push(...this.following.shown)
  }
}

/** What is wrong with what was shown. */
function fault(world: World, since: Since): string | undefined {
  const { kept, shown, following } = world
  const trimmed = kept.trimmed.length > 0
  for (const [topic, { next: end }] of kept.topics) {
    let next = since === 'now' ? undefined : 1
    for (const one of shown) {
      if (one.kind === 'live' || one.topic !== topic) continue
      const [from, to] = one.kind === 'gap' ? [one.from, one.to] : [one.sequence, one.sequence]
      if (next !== undefined && from !== next) return `${topic}: ${one.kind} from ${from} where ${next} is due`
      if (to < from) return `${topic}: an empty gap`
      next = to + 1
      if (one.kind !== 'gap') continue
      if (one.reason === 'expired' && !trimmed) return `${topic}: ${from} is said to have expired`
      if (one.reason === 'unavailable' && !world.failed) return `${topic}: ${from} is said to be unavailable`
      if (one.reason === 'lost') return `${topic}: ${from} is said to be lost`
    }
    if (next !== undefined && next !== end) return `${topic} ends at ${next}, and not at ${end}`
    if (
      next === undefined &&
      kept.topics.get(topic)?.previous !== 0 &&
      world.kept.log.some(({ topic: other, place }) => other === topic && place.position > world.startedAt)
    )
      return `${topic}: nothing was shown`
  }
  if (following.follower.heldMessages !== 0) return `${following.follower.heldMessages} messages are held`
  if (following.budget.bytes !== 0) return `${following.budget.bytes} bytes are held`
  return undefined
}

const published = fc.array(fc.record({ topic: fc.nat(2), count: fc.integer({ min: 1, max: 3 }) }), { maxLength: 8 })

for (const since of ['all', 'now'] as const) {
  t.test(`since ${since}: each message once, in order, or named once`, async (t) => {
    fc.assert(
      fc.property(
        published,
        fc.constantFrom(700, 3000, 1_000_000),
        fc.array(step, { maxLength: 120, size: 'max' }),
        (before, holdBytes, steps) => {
          const world = new World(since, holdBytes, before)
          // what is published before the first answer is not wanted with `now`
          if (since === 'now') world.do({ do: 'arrive', link: 0, count: 1 })
          for (const one of steps) if (since === 'all' || one.do !== 'leave') world.do(one)
          world.quiet()
          const found = fault(world, since)
          if (found) throw new Error(`${found}: ${world.following.texts()}`)
        },
      ),
      { numRuns: Number(process.env.RUNS ?? 1000) },
    )
    t.pass('held')
  })
}
