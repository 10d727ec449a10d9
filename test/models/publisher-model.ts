/**
 * The model of a publisher: each subscriber gets what is published on its topics, in order, and sees what it missed.
 *
 * Subscribers join, leave, read or do not, have other schemas; others subscribe to more than the publisher allows, or send
 * what is no subscription. The publisher restarts.
 */
import { Observable } from 'rxjs'
import { total } from '../support/events.js'
import { expectReleased } from './collect-garbage.js'
import { defineModel, stepsOf } from './model.js'
import { close, codes, open, rawSubscriber, type Setup, send, sink, smallLimit, type World } from './publisher-world.js'
import { sometimes } from './push-world.js'
import { drawStream, Listener, Published, topics } from './topic-readers.js'
import { versions } from './transient-workers.js'

const step = stepsOf<World>()

const steps = [
  step(
    'send',
    10,
    (random) => ({
      topic: random.pick(topics),
      count: random.pick([1, 1, 2, 20, 100]),
      bytes: random.pick([0, 0, 100, 30_000]),
    }),
    (world, { topic, count, bytes }) => void send(world, topic, Math.min(count, bytes > 1000 ? 5 : count), bytes),
  ),
  step(
    'next',
    4,
    (random) => ({ topic: random.pick(topics), count: random.pick([1, 3, 100]) }),
    (world, { topic, count }) => {
      const to = sink(world, topic)
      if (!to) return
      world.published.ordered = false
      world.offered += count
      for (let at = 0; at < count; at++) to.next({ id: world.published.give(topic, world.restarts) })
    },
  ),
  step(
    'sendAll',
    2,
    (random) => ({ topic: random.pick(topics), count: random.pick([1, 10, 100]), fails: random.chance(0.3) }),
    (world, { topic, count, fails }) => {
      const to = sink(world, topic)
      if (!to) return
      world.published.ordered = false
      world.countable = false
      const { lab, published, restarts } = world
      const source = new Observable<{ id: number }>((subscriber) => {
        for (let at = 0; at < count; at++) subscriber.next({ id: published.give(topic, restarts) })
        if (fails) subscriber.error(new Error('as it was told to'))
        else subscriber.complete()
      })
      lab.call('sendAll', () => to.sendAll(source), { rejects: ['RIVULET_CLOSED', 'RIVULET_SOURCE_FAILED'] })
    },
  ),
  step(
    'sendBad',
    1,
    (random) => ({ topic: random.pick(topics), large: random.chance(0.5) }),
    (world, { topic, large }) => {
      const to = sink(world, topic)
      if (!to) return
      world.offered += 1
      const value = large ? { id: 1, note: 'x'.repeat(1_100_000) } : { id: 'one' as unknown as number }
      const rejects = [...codes(world), 'RIVULET_INVALID_MESSAGE', 'RIVULET_MESSAGE_TOO_LARGE'] as const
      world.lab.call('send (bad)', () => to.send(value), { rejects })
    },
  ),
  step(
    'topic',
    1,
    (random) => ({ topic: random.pick(topics) }),
    (world, { topic }) => {
      const to = sink(world, topic)
      if (!to) return
      world.lab.expect(to === sink(world, topic), 'another sink for the same topic')
      let code: unknown
      try {
        world.publisher.topic(topic, versions.other as never)
      } catch (error) {
        code = (error as { code?: unknown }).code
      }
      world.lab.expect(code === 'RIVULET_INVALID_OPTION', `a topic with another schema: ${code}`)
    },
  ),
  step(
    'past topic',
    1,
    (random) => ({ topic: `past.${random.below(3)}`, isReleased: random.chance(0.1) }),
    (world, { topic, isReleased }) => {
      send(world, topic, 1, 0)
      const to = sink(world, topic)
      if (to && isReleased) world.past.push(new WeakRef(to))
    },
  ),
  step('join', 3, drawStream, async ({ lab, setup, published, listeners, address }, plan) => {
    if (!setup.binds) return
    const listener = await Listener.open(lab, published, { connect: address })
    listener.listen(plan)
    listeners.push(listener)
  }),
  step(
    'listen',
    10,
    (random) => ({ listener: random.below(8), ...drawStream(random) }),
    ({ listeners }, { listener, ...plan }) => listeners[listener % listeners.length]?.listen(plan),
  ),
  step(
    'leave',
    3,
    (random) => ({ listener: random.below(8), drain: random.chance(0.5) }),
    ({ setup, listeners }, { listener, drain }) => {
      if (setup.binds) listeners[listener % listeners.length]?.close(drain)
    },
  ),
  step(
    'ready',
    3,
    (random) => ({ listener: random.below(8), timeoutMs: random.pick([0, 20, 1e9]) }),
    ({ lab, listeners }, { listener, timeoutMs }) => {
      const one = listeners[listener % listeners.length]
      const rejects = ['RIVULET_TIMEOUT', 'RIVULET_CLOSED'] as const
      if (one) lab.call('whenReady', () => one.subscriber.whenReady({ timeoutMs }), { rejects })
    },
  ),
  step(
    'untrusted',
    2,
    (random) => ({ frames: random.between(1, 6), reads: random.below(3) }),
    async (world, { frames, reads }) => {
      const { lab, setup } = world
      if (!setup.binds) return
      const raw = await rawSubscriber(world, lab.random.chance(0.5) ? ['', 'a.'] : [])
      for (let at = 0; at < frames; at++) {
        const parts = Array.from({ length: lab.random.between(1, 3) }, () => lab.random.bytes(lab.random.below(80)))
        // none that subscribes or cancels
        for (const part of parts) if (part.length > 0) part[0] = 2 + lab.random.below(254)
        await raw.send(parts).catch(() => {})
      }
      const read = async (): Promise<void> => {
        for (let at = 0; at < reads; at++) await raw.receive()
      }
      // it reads no more when it is closed
      read().catch(() => {})
    },
  ),
  step(
    'greedy',
    2,
    (random) => ({ prefixes: random.pick([10, 150, 400]), stays: random.chance(0.5) }),
    async (world, { prefixes, stays }) => {
      const { lab, setup } = world
      if (!setup.binds) return
      const names = Array.from({ length: prefixes }, (_, id) => `greedy.${lab.random.below(1e9)}.${id}.`)
      const raw = await rawSubscriber(world, names)
      if (!stays) raw.close()
      if (setup.options.subscriptionBytes !== smallLimit || prefixes < 400 || !stays || world.closing) return
      // they cost more than is allowed
      const { publisher } = world
      const before = publisher.stats().subscriptionResets
      const isBounded = () => publisher.stats().subscriptionResets > before || publisher.status !== 'open'
      await lab.until(isBounded, 'subscriptions without bound')
    },
  ),
  step(
    'restart',
    1,
    (random) => ({ drain: random.chance(0.5) }),
    async (world, { drain }) => {
      const { lab, setup, place, publisher } = world
      if (world.closing) return
      close(world, { drain, timeoutMs: 50 })
      await lab.within(publisher.whenClosed, 'a publisher closes')
      world.restarts += 1
      Object.assign(world, await open(lab, setup, place), { past: [], offered: 0, countable: true, closing: false })
      if (setup.binds) world.address = await lab.way(world.publisher.endpoint)
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
  name: 'publisher',
  draw: (random) => ({
    binds: random.chance(0.8),
    first: random.chance(0.8) ? drawStream(random) : undefined,
    options: {
      ...sometimes(random, 'slowSubscribers', ['wait']),
      ...sometimes(random, 'overflow', ['block', 'error', 'drop-oldest', 'drop-newest']),
      ...sometimes(random, 'outboxBytes', [1, 300, 50_000]),
      ...sometimes(random, 'maxBatchMessages', [1, 2, 10]),
      ...sometimes(random, 'highWaterMark', [1, 4]),
      ...sometimes(random, 'subscriptionBytes', [smallLimit]),
    },
  }),

  async open(lab, setup) {
    const published = new Published()
    const bind = lab.endpoint()
    const bound = setup.binds ? undefined : await Listener.open(lab, published, { bind })
    const place = bound ? { connect: await lab.way(bound.subscriber.endpoint) } : { bind }
    const opened = await open(lab, setup, place)
    const address = bound ? '' : await lab.way(opened.publisher.endpoint)
    const first = bound ?? (await Listener.open(lab, published, { connect: address }))
    if (setup.first) first.listen(setup.first)
    return {
      lab,
      setup,
      published,
      listeners: [first],
      raws: [],
      place: bound ? place : { bind: opened.publisher.endpoint },
      address,
      ...opened,
      restarts: 0,
      past: [],
      offered: 0,
      countable: true,
      closing: false,
    }
  },

  steps,

  always({ lab, publisher, listeners, offered, countable }) {
    const stats = publisher.stats()
    const { accepted, sent, pending, dropped, refused } = stats
    lab.expect(accepted === sent + pending + total(dropped), () => `a publisher: ${JSON.stringify(stats)}`)
    const most = () => `offered ${offered}: ${JSON.stringify(stats)}`
    lab.expect(!countable || accepted + total(refused) <= offered, most)
    for (const one of listeners) one.check()
  },

  async end(world) {
    const { lab, published, publisher, listeners, raws } = world
    for (const raw of raws) if (!raw.closed) raw.close()
    const present = listeners.filter(({ closing }) => !closing)
    for (const { readers } of present) for (const reader of readers) reader.read('subscribe')
    if (!world.closing) {
      for (const { subscriber } of present) await lab.within(subscriber.ready, 'subscribers are ready')
      await lab.until(() => publisher.stats().pending === 0, 'the outbox empties')
      if (world.past.length > 0) await expectReleased(lab, world.past, 'topics')
      for (const topic of [...topics, 'past.0']) {
        await lab.until(() => publisher.stats().pending === 0, 'the outbox empties')
        const id = published.give(topic, world.restarts)
        world.offered += 1
        await lab.within(sink(world, topic)?.send({ id }) as Promise<unknown>, 'the last message is taken')
        const readers = present.flatMap(({ readers }) => readers).filter((reader) => reader.isFor(topic))
        await lab.until(
          () => readers.every((reader) => reader.hasSeen(id)),
          () => `the last message on ${topic} comes to ${readers.map(({ plan }) => JSON.stringify(plan))}`,
        )
      }
    }
    for (const one of present) one.close(true)
    await lab.until(() => present.every(({ subscriber }) => subscriber.closed), 'subscribers close')
    if (!world.closing) {
      const left = () => `nobody has left anything, but there is ${JSON.stringify([...world.known])}`
      await lab.until(() => world.known.size === 0, left)
      for (const topic of topics) lab.expect(sink(world, topic)?.subscribed === false, `${topic} is subscribed`)
      close(world, {})
    }
    await lab.settled()
    for (const one of listeners) one.checkAtRest()
    const { pending } = publisher.stats()
    lab.expect(pending === 0, `${pending} messages are pending after the end`)
  },
})
