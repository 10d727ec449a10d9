/**
 * The model of a subscriber: each stream brings what is published on its topics, in order, and shows what it misses.
 *
 * Publishers join, leave and restart; some peers send frames that are none, or topics that are none. Streams come and go,
 * and are taken in many ways.
 */
import { createPublisher, type Publisher, type PublisherOptions } from '../../patterns/pubsub/index.js'
import { topicPart } from '../../patterns/pubsub/topic-name.js'
import type { Random } from '../simulation/random.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import { expectReleased } from './collect-garbage.js'
import type { Lab } from './lab.js'
import { defineModel, stepsOf } from './model.js'
import { sometimes } from './push-world.js'
import { drawStream, Listener, Published, type StreamPlan, topics } from './topic-readers.js'

interface Setup {
  /** Whether it binds, or connects to so many publishers. */
  readonly connects: number
  readonly first: StreamPlan | undefined
  readonly publishers: Options
  readonly options: { readonly highWaterMark?: number; readonly maxMessageBytes?: number }
}

type Options = Omit<PublisherOptions, 'bind' | 'connect' | 'runtime'>

/** One publisher after the other at one place. */
interface Place {
  readonly options: Options
  readonly at: { readonly bind: string } | { readonly connect: string }
  publisher: Publisher
  /** Its number among all publishers. */
  number: number
}

interface World {
  readonly lab: Lab
  readonly setup: Setup
  readonly published: Published
  readonly listener: Listener
  readonly places: Place[]
  /** Where publishers connect to; empty if the subscriber connects. */
  readonly address: string
  /** Streams that were used and are not held. */
  readonly past: WeakRef<object>[]
  publishers: number
  closing: boolean
}

const step = stepsOf<World>()

/** Draws a publisher: some lose messages that have their numbers already. */
function drawPublisher(random: Random): Options {
  const losing = { overflow: 'drop-oldest', outboxBytes: 300, maxBatchMessages: 1 } as const
  return {
    ...sometimes(random, 'slowSubscribers', ['wait'] as const),
    ...sometimes(random, 'highWaterMark', [1, 4]),
    ...(random.chance(0.3) ? losing : {}),
  }
}

async function open(lab: Lab, at: Place['at'], options: Options): Promise<Publisher> {
  return lab.watch(await createPublisher({ runtime: lab.runtime, ...at, ...options }))
}

function send({ lab, published, places }: World, at: number, name: string, count: number, bytes: number): void {
  const place = places[at % places.length]
  if (place?.publisher.status !== 'open') return
  const topic = place.publisher.topic(name, Job)
  for (let one = 0; one < count; one++) {
    const id = published.give(name, place.number)
    const job = bytes > 0 ? { id, note: 'n'.repeat(bytes) } : { id }
    lab.call('send', () => topic.send(job), { rejects: ['RIVULET_CLOSED'] })
  }
}

function close(world: World, options: { drain?: boolean; timeoutMs?: number }): void {
  world.closing = true
  world.listener.closing = true
  world.lab.close(world.listener.subscriber, options)
}

const steps = [
  step(
    'send',
    12,
    (random) => ({
      place: random.below(4),
      topic: random.pick(topics),
      count: random.pick([1, 1, 2, 20, 100]),
      bytes: random.pick([0, 0, 0, 5000]),
    }),
    (world, { place, topic, count, bytes }) =>
      send(world, place, topic, bytes > 0 ? Math.min(count, 20) : count, bytes),
  ),
  step('listen', 8, drawStream, ({ listener }, plan) => listener.listen(plan)),
  step(
    'past stream',
    1,
    (random) => ({ pattern: `past.${random.below(3)}.#`, isReleased: random.chance(0.1) }),
    (world, { pattern, isReleased }) => {
      if (world.closing) return
      const { subscriber } = world.listener
      const stream = subscriber.topic(pattern, Job)
      stream.subscribe().unsubscribe()
      if (isReleased) world.past.push(new WeakRef(stream))
    },
  ),
  step('join', 3, drawPublisher, async (world, options) => {
    const { lab, places, address } = world
    if (address === '' || world.closing) return
    const at = { connect: address }
    places.push({ at, options, publisher: await open(lab, at, options), number: world.publishers++ })
  }),
  step(
    'leave',
    2,
    (random) => ({ place: random.below(4), drain: random.chance(0.6) }),
    ({ lab, places }, { place, drain }) => {
      const one = places[place % places.length]
      if (one) lab.close(one.publisher, { drain, timeoutMs: 50 })
    },
  ),
  step(
    'restart',
    2,
    (random) => ({ place: random.below(4), drain: random.chance(0.6) }),
    async (world, { place, drain }) => {
      const { lab, places } = world
      const one = places[place % places.length]
      if (!one || world.closing) return
      lab.close(one.publisher, { drain, timeoutMs: 50 })
      await lab.within(one.publisher.whenClosed, 'a publisher closes')
      Object.assign(one, { publisher: await open(lab, one.at, one.options), number: world.publishers++ })
    },
  ),
  step(
    'ready',
    3,
    (random) => ({ ...sometimes(random, 'publishers', [1, 2, 3]), timeoutMs: random.pick([0, 20, 1000]) }),
    ({ lab, listener }, options) => {
      lab.call('whenReady', () => listener.subscriber.whenReady(options), {
        rejects: ['RIVULET_TIMEOUT', 'RIVULET_CLOSED'],
      })
    },
  ),
  step(
    'untrusted',
    3,
    (random) => ({ frames: random.between(1, 6), named: random.chance(0.7) }),
    async ({ lab, listener, address }, { frames, named }) => {
      if (address === '' || listener.closing) return
      const raw = lab.raw('xpub')
      raw.connect(address)
      // it has no subscriptions before it has read them
      await lab.within(
        raw.receive().catch(() => {}),
        'a subscription',
      )
      for (let at = 0; at < frames; at++) {
        const parts = Array.from({ length: lab.random.between(1, 3) }, () => lab.random.bytes(lab.random.below(80)))
        if (named) parts[0] = topicPart(lab.random.pick(topics))
        await raw.send(parts).catch(() => {})
      }
      raw.close()
    },
  ),
  step(
    'close',
    1,
    (random) => random.pick([{}, { timeoutMs: 0 }, { timeoutMs: 20 }, { drain: false }]),
    (world, options) => close(world, options),
  ),
]

export const model = defineModel<Setup, World>({
  name: 'subscriber',
  draw: (random) => ({
    connects: random.pick([0, 0, 1, 2]),
    first: random.chance(0.8) ? drawStream(random) : undefined,
    publishers: drawPublisher(random),
    options: {
      ...sometimes(random, 'highWaterMark', [1, 4]),
      ...sometimes(random, 'maxMessageBytes', [100_000]),
    },
  }),

  async open(lab, setup) {
    const published = new Published()
    const options = setup.publishers
    const places: Place[] = []
    const ways: string[] = []
    for (let number = 0; number < setup.connects; number++) {
      const publisher = await open(lab, { bind: lab.endpoint() }, options)
      places.push({ at: { bind: publisher.endpoint }, options, publisher, number })
      ways.push(await lab.way(publisher.endpoint))
    }
    const place = setup.connects > 0 ? { connect: ways } : { bind: lab.endpoint() }
    const listener = await Listener.open(lab, published, { ...setup.options, ...place })
    const address = setup.connects > 0 ? '' : await lab.way(listener.subscriber.endpoint)
    if (address !== '') {
      const at = { connect: address }
      places.push({ at, options, publisher: await open(lab, at, options), number: 0 })
    }
    if (setup.first) listener.listen(setup.first)
    return { lab, setup, published, listener, places, address, past: [], publishers: places.length, closing: false }
  },

  steps,

  always({ lab, listener, places }) {
    listener.check()
    for (const { publisher } of places) {
      const { accepted, sent, pending, dropped } = publisher.stats()
      lab.expect(
        accepted === sent + pending + total(dropped),
        () => `a publisher: ${JSON.stringify(publisher.stats())}`,
      )
    }
  },

  async end(world) {
    const { lab, published, listener, places, past } = world
    const present = places.filter(({ publisher }) => publisher.status === 'open')
    if (!world.closing) {
      for (const reader of listener.readers) reader.read('subscribe')
      // those that have left answer nobody
      await lab.until(() => places.every(({ publisher }) => publisher.status === 'open' || publisher.closed), 'leaving')
      const waiting = () => listener.subscriber.whenReady({ publishers: present.length })
      if (present.length > 0) await lab.within(waiting(), 'the subscriber is ready')
      if (past.length > 0) await expectReleased(lab, past, 'streams')
      for (const { publisher, number } of present) {
        for (const topic of topics) {
          await lab.until(() => publisher.stats().pending === 0, 'the outbox empties')
          const id = published.give(topic, number)
          await lab.within(publisher.topic(topic, Job).send({ id }), 'the last message is taken')
          const readers = listener.readers.filter((reader) => reader.isFor(topic))
          await lab.until(
            () => readers.every((reader) => reader.hasSeen(id)),
            () => `the last message on ${topic} comes to ${readers.map(({ plan }) => JSON.stringify(plan))}`,
          )
        }
      }
      await lab.until(() => listener.subscriber.stats().pending === 0, 'what came is taken')
      close(world, {})
    }
    for (const { publisher } of places) lab.close(publisher)
    await lab.settled()
    listener.checkAtRest()
  },
})
