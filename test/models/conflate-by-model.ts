/**
 * The model of a stream with `conflateBy`: of each key the consumer gets the newest message in the end, and nothing older after
 * something newer; what waits is bounded; a stream that continues at a cursor gets all that was not taken.
 */
import {
  createPublisher,
  createSubscriber,
  type Publisher,
  type SinceEvent,
  type TopicSubscriber,
} from '../../patterns/pubsub/index.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import { defineModel, stepsOf } from './model.js'
import { sometimes } from './push-world.js'

const topics = ['a', 'b'] as const

/** Nothing is unavailable because time passes that the machine does not have. */
const repairTimeoutMs = 3_600_000

interface Setup {
  readonly keys: number
  readonly maxKeys?: number
  readonly publisher: { readonly highWaterMark?: number; readonly maxBatchMessages?: number }
}

interface World {
  readonly lab: Lab
  readonly setup: Setup
  readonly publisher: Publisher
  readonly subscriber: TopicSubscriber
  /** What the consumer has taken. */
  readonly taken: SinceEvent<Job>[]
  /** The newest message of each key. */
  readonly newest: Map<string, number>
  /** Takes so many more. */
  take(count: number): void
  published: number
}

const step = stepsOf<World>()

const keyOf = ({ keys }: Setup, id: number, topic: string) => `${topic} ${id % keys}`

const steps = [
  step(
    'send',
    10,
    (random) => ({ topic: random.pick(topics), count: random.pick([1, 1, 2, 5, 40]) }),
    (world, { topic, count }) => {
      const { lab, publisher, newest, setup } = world
      for (let left = count; left > 0; left--) {
        const id = world.published++
        newest.set(keyOf(setup, id, topic), id)
        lab.call('send', () => publisher.topic(topic, Job).send({ id }))
      }
    },
  ),
  step(
    'take',
    8,
    (random) => ({ count: random.pick([1, 1, 2, 5]) }),
    ({ take }, { count }) => take(count),
  ),
]

export const model = defineModel<Setup, World>({
  name: 'conflate-by',
  draw: (random) => ({
    keys: random.pick([1, 2, 3, 7]),
    ...sometimes(random, 'maxKeys', [1, 3, 1000]),
    publisher: { ...sometimes(random, 'highWaterMark', [1, 4]), ...sometimes(random, 'maxBatchMessages', [1, 3]) },
  }),

  async open(lab, setup) {
    const { runtime } = lab
    const publisher = lab.watch(
      await createPublisher({ runtime, bind: lab.endpoint(), history: {}, ...setup.publisher }),
    )
    const connect = await lab.way(publisher.endpoint)
    const subscriber = lab.watch(await createSubscriber({ runtime, connect, repairTimeoutMs }))
    const { maxKeys } = setup
    const options = {
      conflateBy: ({ id }: Job, topic: string) => keyOf(setup, id, topic),
      ...(maxKeys !== undefined && { maxKeys }),
    }
    const taken: SinceEvent<Job>[] = []
    const iterator = subscriber.events('#', Job, options)[Symbol.asyncIterator]()
    let wanted = 1
    let isWaiting = false
    const pump = () => {
      if (wanted === 0 || isWaiting) return
      isWaiting = true
      wanted -= 1
      void iterator.next().then(({ done, value }) => {
        isWaiting = false
        if (done) return
        taken.push(value)
        pump()
      })
    }
    pump()
    await lab.within(subscriber.whenReady({ publishers: 1 }), 'the subscriber is ready')
    const take = (count: number) => {
      wanted += count
      pump()
    }
    return { lab, setup, publisher, subscriber, taken, newest: new Map(), take, published: 0 }
  },

  steps,

  always({ lab, subscriber, setup }) {
    const { received, delivered, pending, dropped } = subscriber.stats()
    const text = () => JSON.stringify(subscriber.stats())
    lab.expect(received === delivered + pending + total(dropped), text)
    // each key waits once; where messages are dropped, those behind them wait for their repair
    if (!lab.hasCut && setup.publisher.highWaterMark === undefined)
      lab.expect(pending <= Math.min(topics.length * setup.keys, setup.maxKeys ?? 65_536), text)
  },

  async end(world) {
    const { lab, setup, publisher, subscriber, taken, newest, take } = world
    const cursors = taken.flatMap((event, at) => (event.kind === 'message' ? [{ event, at }] : []))
    for (const topic of topics) {
      const id = world.published++
      newest.set(keyOf(setup, id, topic), id)
      await lab.within(publisher.topic(topic, Job).send({ id }), 'the last message is taken')
    }
    take(1_000_000)
    const hasCome = () => {
      const { received, pending, missed, dropped } = subscriber.stats()
      return pending === 0 && received - (dropped.duplicate ?? 0) + missed >= world.published
    }
    await lab.until(hasCome, () => `${world.published} come: ${JSON.stringify(subscriber.stats())}`)
    const latest = new Map<string, number>()
    for (const event of taken) {
      if (event.kind !== 'message') continue
      const { id } = event.value
      const key = keyOf(setup, id, event.topic)
      const before = latest.get(key) ?? -1
      lab.expect(id > before, () => `message ${id} of key ${key} after ${before}`)
      latest.set(key, id)
    }
    const { missed, dropped } = subscriber.stats()
    if (missed === 0 && dropped['too-many-keys'] === undefined) {
      for (const [key, id] of newest)
        lab.expect(latest.get(key) === id, () => `key ${key} ends with ${latest.get(key)}, not with ${id}`)
    }
    const one = cursors[lab.random.below(Math.max(1, cursors.length))]
    if (one) {
      const other = lab.watch(
        await createSubscriber({ runtime: lab.runtime, connect: await lab.way(publisher.endpoint), repairTimeoutMs }),
      )
      const seen = new Set<number>()
      let isLive = false
      other.events('#', Job, { since: one.event.cursor }).subscribe((event) => {
        if (event.kind === 'message') seen.add(event.value.id)
        isLive ||= event.kind === 'live'
      })
      const begun = lab.clock.now()
      await lab.within(other.whenReady({ publishers: 1 }), 'the publisher answers')
      // after a second without an answer, it is live without history
      const isSure = lab.clock.now() - begun < 500 && !lab.hasCut
      await lab.until(() => isLive, 'the stream that continues is live')
      for (const event of taken.slice(one.at + 1)) {
        if (event.kind === 'message' && isSure)
          lab.expect(seen.has(event.value.id), () => `the cursor behind ${one.event.value.id} passes ${event.value.id}`)
      }
      lab.close(other)
    }
    lab.close(subscriber)
    lab.close(publisher)
    await lab.settled()
  },
})
