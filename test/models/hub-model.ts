/**
 * The model of hubs: what is published above a chain of hubs comes out below, in order, and each stream shows what it misses.
 *
 * Publishers and subscribers join, leave and restart, and so do the hubs between them; some peers send frames that are none.
 */
import { createHub, createPublisher, type Hub, type HubOptions, type Publisher } from '../../patterns/pubsub/index.js'
import type { Random } from '../simulation/random.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import { defineModel, stepsOf } from './model.js'
import { sometimes } from './push-world.js'
import { drawStream, Listener, Published, type StreamPlan, topics } from './topic-readers.js'

interface Setup {
  readonly hubs: readonly Options[]
  readonly first: StreamPlan
}

/** What is drawn of a hub. */
interface Options {
  readonly history?: HubOptions['history']
  readonly publishers: { readonly highWaterMark?: number }
  readonly subscribers: { readonly highWaterMark?: number; readonly slowSubscribers?: 'wait' }
}

/** One hub after the other at one place of the chain. */
interface HubPlace {
  readonly options: Options
  readonly publishers: { readonly bind: string; readonly connect?: string }
  readonly subscribers: { readonly bind: string }
  hub: Hub
  /** The ways to its sides. */
  readonly above: string
  readonly below: string
}

interface Source {
  publisher: Publisher
  number: number
}

interface World {
  readonly lab: Lab
  readonly published: Published
  /** From the top of the chain on. */
  readonly hubs: HubPlace[]
  readonly listeners: Listener[]
  readonly sources: Source[]
  publishers: number
}

const step = stepsOf<World>()

function drawHub(random: Random): Options {
  return {
    ...sometimes(random, 'history', [false, { maxMessages: 10 }] as const),
    publishers: sometimes(random, 'highWaterMark', [1, 4]),
    subscribers: {
      ...sometimes(random, 'highWaterMark', [1, 4]),
      ...sometimes(random, 'slowSubscribers', ['wait'] as const),
    },
  }
}

async function openHub(lab: Lab, { options, publishers, subscribers }: Omit<HubPlace, 'hub' | 'above' | 'below'>) {
  const { history } = options
  return lab.watch(
    await createHub({
      ...(history !== undefined && { history }),
      publishers: { ...publishers, ...options.publishers },
      subscribers: { ...subscribers, ...options.subscribers },
      runtime: lab.runtime,
    }),
  )
}

async function openPlace(lab: Lab, options: Options, upper: HubPlace | undefined): Promise<HubPlace> {
  const ends = { publishers: { bind: lab.endpoint() }, subscribers: { bind: lab.endpoint() } }
  const connect = upper && { connect: upper.below }
  const hub = await openHub(lab, { options, ...ends, publishers: { ...ends.publishers, ...connect } })
  return {
    options,
    publishers: { bind: hub.publishers.endpoint, ...connect },
    subscribers: { bind: hub.subscribers.endpoint },
    hub,
    above: await lab.way(hub.publishers.endpoint),
    below: await lab.way(hub.subscribers.endpoint),
  }
}

/** A publisher at any hub of the chain. */
async function join(world: World, at: number): Promise<void> {
  const { lab, hubs, sources } = world
  const connect = hubs[at % hubs.length]?.above as string
  const publisher = lab.watch(await createPublisher({ runtime: lab.runtime, connect }))
  sources.push({ publisher, number: world.publishers++ })
}

function bottom({ hubs }: World): HubPlace {
  return hubs.at(-1) as HubPlace
}

const steps = [
  step(
    'send',
    12,
    (random) => ({
      source: random.below(4),
      topic: random.pick(topics),
      count: random.pick([1, 1, 2, 20, 100]),
      bytes: random.pick([0, 0, 0, 5000]),
    }),
    ({ lab, published, sources }, { source, topic, count, bytes }) => {
      const one = sources[source % sources.length]
      if (one?.publisher.status !== 'open') return
      const to = one.publisher.topic(topic, Job)
      for (let at = 0; at < (bytes > 0 ? Math.min(count, 20) : count); at++) {
        const id = published.give(topic, one.number)
        const job = bytes > 0 ? { id, note: 'n'.repeat(bytes) } : { id }
        lab.call('send', () => to.send(job), { rejects: ['RIVULET_CLOSED'] })
      }
    },
  ),
  step('publisher joins', 3, (random) => random.below(3), join),
  step(
    'publisher leaves',
    2,
    (random) => ({ source: random.below(4), drain: random.chance(0.6) }),
    ({ lab, sources }, { source, drain }) => {
      const one = sources[source % sources.length]
      if (one) lab.close(one.publisher, { drain, timeoutMs: 50 })
    },
  ),
  step('subscriber joins', 3, drawStream, async (world, plan) => {
    const { lab, published, listeners } = world
    const listener = await Listener.open(lab, published, { connect: bottom(world).below })
    listener.listen(plan)
    listeners.push(listener)
  }),
  step(
    'listen',
    8,
    (random) => ({ listener: random.below(4), ...drawStream(random) }),
    ({ listeners }, { listener, ...plan }) => listeners[listener % listeners.length]?.listen(plan),
  ),
  step(
    'subscriber leaves',
    2,
    (random) => ({ listener: random.below(4), drain: random.chance(0.5) }),
    ({ listeners }, { listener, drain }) => listeners[listener % listeners.length]?.close(drain),
  ),
  step(
    'ready',
    3,
    (random) => ({ ...sometimes(random, 'publishers', [1, 2, 3]), timeoutMs: random.pick([0, 20, 1000]) }),
    ({ lab, listeners }, options) => {
      const listener = listeners[0]
      if (listener)
        lab.call('whenReady', () => listener.subscriber.whenReady(options), {
          rejects: ['RIVULET_TIMEOUT', 'RIVULET_CLOSED'],
        })
    },
  ),
  step(
    'hub restarts',
    2,
    (random) => ({ at: random.below(3), drain: random.chance(0.5) }),
    async ({ lab, hubs }, { at, drain }) => {
      const place = hubs[at % hubs.length] as HubPlace
      lab.close(place.hub, { drain, timeoutMs: 50 })
      await lab.within(place.hub.whenClosed, 'a hub closes')
      place.hub = await openHub(lab, place)
    },
  ),
  step(
    'untrusted',
    2,
    (random) => ({ frames: random.between(1, 6), above: random.chance(0.5), at: random.below(3) }),
    async ({ lab, hubs }, { frames, above, at }) => {
      const place = hubs[at % hubs.length] as HubPlace
      const raw = lab.raw(above ? 'xpub' : 'xsub')
      raw.connect(above ? place.above : place.below)
      for (let frame = 0; frame < frames; frame++) {
        const parts = Array.from({ length: lab.random.between(1, 3) }, () => lab.random.bytes(lab.random.below(80)))
        await raw.send(above ? parts : (parts[0] as Buffer)).catch(() => {})
      }
      raw.close()
    },
  ),
]

export const model = defineModel<Setup, World>({
  name: 'hub',
  draw: (random) => ({
    hubs: Array.from({ length: random.pick([1, 1, 2, 3]) }, () => drawHub(random)),
    first: drawStream(random),
  }),

  async open(lab, setup) {
    const hubs: HubPlace[] = []
    for (const options of setup.hubs) hubs.push(await openPlace(lab, options, hubs.at(-1)))
    const world: World = { lab, published: new Published(), hubs, listeners: [], sources: [], publishers: 0 }
    await join(world, 0)
    const listener = await Listener.open(lab, world.published, { connect: bottom(world).below })
    listener.listen(setup.first)
    world.listeners.push(listener)
    return world
  },

  steps,

  always({ lab, hubs, listeners }) {
    for (const listener of listeners) listener.check()
    for (const { hub } of hubs) {
      const { received, forwarded, pending, dropped } = hub.stats()
      lab.expect(received === forwarded + pending + total(dropped), () => `a hub: ${JSON.stringify(hub.stats())}`)
    }
  },

  async end(world) {
    const { lab, published, hubs, listeners, sources } = world
    await lab.until(() => sources.every(({ publisher }) => publisher.status === 'open' || publisher.closed), 'leaving')
    const present = sources.filter(({ publisher }) => publisher.status === 'open')
    const open = listeners.filter(({ closing }) => !closing)
    for (const { readers } of open) for (const reader of readers) reader.read('subscribe')
    if (present.length > 0) {
      const ready = open.map(({ subscriber }) => subscriber.whenReady({ publishers: present.length }))
      await lab.within(Promise.all(ready), 'the subscribers are ready')
    }
    for (const { publisher, number } of present) {
      for (const topic of topics) {
        const id = published.give(topic, number)
        await lab.within(publisher.topic(topic, Job).send({ id }), 'the last message is taken')
        const readers = open.flatMap((listener) => listener.readers.filter((reader) => reader.isFor(topic)))
        await lab.until(
          () => readers.every((reader) => reader.hasSeen(id)),
          () => `the last message on ${topic} comes to ${readers.map(({ plan }) => JSON.stringify(plan))}`,
        )
      }
    }
    await lab.until(() => open.every(({ subscriber }) => subscriber.stats().pending === 0), 'what came is taken')
    for (const { publisher } of sources) lab.close(publisher)
    for (const { hub } of hubs) lab.close(hub)
    for (const listener of open) listener.close(true)
    await lab.settled()
    for (const listener of listeners) listener.checkAtRest()
  },
})
