/**
 * The model of a publisher with history and its subscribers: each stream begins where `since` says, and from there on shows each
 * message once, in order, or names it as missing, for a reason that holds.
 *
 * Values are retained and cleared, subscribers come and go, streams are left and continued at cursors, the publisher restarts.
 */
import {
  createPublisher,
  createSubscriber,
  type Publisher,
  type PublisherOptions,
  type Since,
  type TopicSubscriber,
} from '../../patterns/pubsub/index.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import {
  type Beginning,
  type Continued,
  drawStream,
  HistoryReader,
  type Keeping,
  Life,
  Lives,
  type Reading,
  readings,
  type StreamPlan,
  sinceOf,
} from './history-reader.js'
import type { Lab } from './lab.js'
import { defineModel, stepsOf } from './model.js'
import { sometimes } from './push-world.js'

/** Few enough that calls meet. */
const topics = ['a', 'a.b', 'b.b'] as const

/** The messages that a publisher keeps that keeps few. */
const few = 20

/** Nothing is unavailable because time passes that the machine does not have. */
const repairTimeoutMs = 3_600_000

interface Setup {
  readonly keeping: Keeping
  readonly publisher: Omit<PublisherOptions, 'bind' | 'connect' | 'runtime' | 'history'>
  readonly subscriber: { readonly highWaterMark?: number; readonly heldBytes?: number }
  readonly first: StreamPlan
}

interface Reader {
  readonly key: string
  readonly reader: HistoryReader
  readonly subscriber: TopicSubscriber
}

interface World {
  readonly lab: Lab
  readonly setup: Setup
  readonly lives: Lives
  readonly subscribers: TopicSubscriber[]
  readonly readers: Reader[]
  readonly place: { readonly bind: string }
  readonly way: string
  readonly options: PublisherOptions
  publisher: Publisher
  life: Life
  closing: boolean
}

const step = stepsOf<World>()

function publish(
  { lab, lives, life, publisher }: World,
  name: string,
  count: number,
  isRetained: boolean,
  bytes = 0,
): void {
  if (publisher.status !== 'open') return
  const topic = publisher.topic(name, Job)
  for (let left = count; left > 0; left--) {
    const id = lives.give(life, name, isRetained)
    const job = { id, note: 'n'.repeat(bytes) }
    const send = () => (isRetained ? topic.retain(job) : topic.send(job))
    const outcome = lab.call('send', send, { rejects: ['RIVULET_CLOSED'] })
    lab.whenSettled(outcome, () => {
      const messages = life.topics.get(name) ?? []
      if (outcome.error === undefined) life.settled.set(name, (life.settled.get(name) ?? 0) + 1)
      else messages.splice(messages.findIndex((one) => one.id === id))
    })
  }
}

async function join({
  lab,
  setup,
  way,
  subscribers,
}: Pick<World, 'lab' | 'setup' | 'way' | 'subscribers'>): Promise<void> {
  const options = { runtime: lab.runtime, connect: way, repairTimeoutMs, ...setup.subscriber }
  subscribers.push(lab.watch(await createSubscriber(options)))
}

/** Follows a pattern, or takes the stream that there is already; resolves when the publisher has answered, if that is asked for. */
async function follow(
  world: World,
  subscriber: TopicSubscriber,
  plan: {
    readonly pattern: string
    readonly beginning: Beginning
    readonly since: Since
    readonly continued?: Continued
  },
  reading: Reading,
  waits: boolean,
): Promise<void> {
  const { lab, lives, readers } = world
  if (subscriber.status !== 'open') return
  const { pattern, since } = plan
  const key = `${world.subscribers.indexOf(subscriber)} ${pattern} ${JSON.stringify(since)}`
  const known = readers.find((one) => one.key === key)
  const beside = readers.filter((one) => one.subscriber === subscriber).map((one) => one.reader)
  const reader =
    known?.reader ?? new HistoryReader(lab, lives, subscriber.events(pattern, Job, { since }), plan, beside)
  if (!known) readers.push({ key, reader, subscriber })
  reader.read(reading)
  if (!waits || known || world.publisher.status !== 'open') return
  const begun = lab.clock.now()
  await lab.within(subscriber.whenReady({ publishers: 1 }), 'the publisher answers')
  reader.isSure = lab.clock.now() - begun < 500
}

/** Continues a stream at one of the messages that it has shown. */
function continueAt(world: World, subscriber: TopicSubscriber, reader: HistoryReader, at: number, reading: Reading) {
  const found = reader.messageAt(at)
  if (!found) return undefined
  const continued = { reader, events: found.events }
  const plan = { pattern: reader.pattern, beginning: 'cursor', since: found.message.cursor, continued } as const
  return follow(world, subscriber, plan, reading, true)
}

function present({ readers }: World): readonly Reader[] {
  return readers.filter(({ subscriber }) => subscriber.status === 'open')
}

/** All streams come to a last message of each topic, and are live. */
async function complete(world: World): Promise<void> {
  const { lab, life } = world
  for (const topic of topics) {
    publish(world, topic, 1, false)
    await lab.until(() => life.settled.get(topic) === life.count(topic), 'the last message is taken')
    for (const { reader } of present(world)) {
      if (!reader.isFor(topic)) continue
      const text = () =>
        `${topic} ${life.count(topic)} comes to ${reader.pattern} since ${reader.beginning}: ${reader.text}`
      await lab.until(() => reader.hasReached(life, topic, life.count(topic)), text)
      if (reader.beginning !== 'now') await lab.until(() => reader.isLive(life), `${reader.beginning} is live`)
    }
  }
}

const steps = [
  step(
    'send',
    12,
    (random) => ({
      topic: random.pick(topics),
      count: random.pick([1, 1, 2, 20, 60]),
      bytes: random.pick([0, 0, 2000]),
    }),
    (world, { topic, count, bytes }) => publish(world, topic, count, false, bytes),
  ),
  step(
    'retain',
    4,
    (random) => ({ topic: random.pick(topics), count: random.pick([1, 1, 3]) }),
    (world, { topic, count }) => publish(world, topic, count, true),
  ),
  step(
    'clear',
    4,
    (random) => ({ topic: random.pick(topics) }),
    ({ publisher, life }, { topic }) => {
      if (publisher.status !== 'open') return
      publisher.topic(topic, Job).clear()
      life.cleared.set(topic, life.count(topic))
    },
  ),
  step(
    'flush',
    2,
    () => ({}),
    ({ lab, publisher }) => {
      if (publisher.status === 'open') lab.call('flush', () => publisher.flush(), { rejects: ['RIVULET_CLOSED'] })
    },
  ),
  step(
    'join',
    2,
    () => ({}),
    async (world) => {
      if (!world.closing) await join(world)
    },
  ),
  step(
    'listen',
    8,
    (random) => ({ subscriber: random.below(4), waits: random.chance(0.7), ...drawStream(random) }),
    (world, { subscriber, waits, reading, ...plan }) => {
      const one = world.subscribers[subscriber % world.subscribers.length]
      if (!one || world.closing) return undefined
      return follow(world, one, { ...plan, since: sinceOf(world.lab, plan.beginning) }, reading, waits)
    },
  ),
  step(
    'continue',
    6,
    (random) => ({
      subscriber: random.below(4),
      reader: random.below(8),
      at: random.below(100),
      reading: random.pick(readings),
    }),
    (world, { subscriber, reader, at, reading }) => {
      const one = world.subscribers[subscriber % world.subscribers.length]
      const from = world.readers[reader % Math.max(1, world.readers.length)]?.reader
      return one && from && !world.closing ? continueAt(world, one, from, at, reading) : undefined
    },
  ),
  step(
    'leave',
    3,
    (random) => ({ reader: random.below(8), returns: random.chance(0.6), reading: random.pick(readings) }),
    ({ lab, readers }, { reader, returns, reading }) => {
      const one = readers[reader % Math.max(1, readers.length)]
      // an iterator that is left has taken one later
      if (one?.subscriber.status !== 'open') return undefined
      one.reader.leave()
      if (!returns) return undefined
      return lab.pass(1).then(() => one.reader.read(reading))
    },
  ),
  step(
    'part',
    1,
    (random) => ({ subscriber: random.below(4), drain: random.chance(0.5) }),
    ({ lab, subscribers, readers }, { subscriber, drain }) => {
      const one = subscribers[subscriber % subscribers.length]
      if (!one) return
      for (const { reader } of readers.filter((reader) => reader.subscriber === one)) reader.hasEnded = true
      lab.close(one, { drain, timeoutMs: 50 })
    },
  ),
  step(
    'restart',
    2,
    (random) => ({ drain: random.chance(0.6) }),
    async (world, { drain }) => {
      const { lab, publisher, life, lives, setup } = world
      if (world.closing || publisher.status !== 'open') return
      await lab.within(publisher.flush(), 'the log is flushed')
      lab.close(publisher, { drain, timeoutMs: 50 })
      life.isWhole = false
      await lab.within(publisher.whenClosed, 'the publisher closes')
      await lab.until(
        () => [...life.topics].every(([name, { length }]) => (life.settled.get(name) ?? 0) === length),
        'sends settle',
      )
      if (setup.keeping !== 'disk') {
        world.life = new Life(setup.keeping)
        lives.all.push(world.life)
      }
      world.publisher = lab.watch(await createPublisher({ ...world.options, ...world.place }))
    },
  ),
]

export const model = defineModel<Setup, World>({
  name: 'history',
  draw: (random) => ({
    keeping: random.pick(['memory', 'memory', 'few', 'nowhere', 'disk'] as const),
    publisher: {
      ...sometimes(random, 'highWaterMark', [1, 4]),
      ...sometimes(random, 'maxBatchMessages', [1, 3]),
      ...sometimes(random, 'slowSubscribers', ['wait'] as const),
    },
    subscriber: { ...sometimes(random, 'highWaterMark', [1, 4]), ...sometimes(random, 'heldBytes', [1, 2000]) },
    first: drawStream(random),
  }),

  async open(lab, setup) {
    const { keeping } = setup
    const histories = { memory: {}, few: { maxMessages: few }, disk: { path: keeping === 'disk' ? lab.folder() : '' } }
    const history = keeping === 'nowhere' ? {} : { history: histories[keeping] }
    const options = { runtime: lab.runtime, ...setup.publisher, ...history } as PublisherOptions
    const publisher = lab.watch(await createPublisher({ ...options, bind: lab.endpoint() }))
    const life = new Life(keeping)
    const lives = new Lives()
    lives.all.push(life)
    const way = await lab.way(publisher.endpoint)
    const place = { bind: publisher.endpoint }
    const rest = { subscribers: [], readers: [], closing: false }
    const world: World = { lab, setup, lives, place, way, options, publisher, life, ...rest }
    await join(world)
    const { first } = setup
    const plan = { ...first, since: sinceOf(lab, first.beginning) }
    await follow(world, world.subscribers[0] as TopicSubscriber, plan, first.reading, true)
    return world
  },

  steps,

  always({ lab, subscribers, publisher }) {
    for (const subscriber of subscribers) {
      const { received, delivered, pending, dropped } = subscriber.stats()
      lab.expect(received === delivered + pending + total(dropped), () => JSON.stringify(subscriber.stats()))
    }
    const { accepted, sent, pending, dropped } = publisher.stats()
    lab.expect(accepted === sent + pending + total(dropped), () => JSON.stringify(publisher.stats()))
  },

  async end(world) {
    const { lab, subscribers, readers, publisher } = world
    for (const { reader } of present(world)) reader.read('subscribe')
    for (const one of subscribers) {
      if (one.status === 'open') await lab.within(one.whenReady({ publishers: 1 }), 'the subscriber is ready')
    }
    await complete(world)
    await join(world)
    const late = subscribers.at(-1) as TopicSubscriber
    const earlier = readers.map(({ reader }) => reader)
    for (const beginning of ['all', 'retained', 'last'] as const)
      await follow(world, late, { pattern: '#', beginning, since: sinceOf(lab, beginning) }, 'subscribe', true)
    for (const reader of earlier) await continueAt(world, late, reader, lab.random.below(1000), 'subscribe')
    await complete(world)
    for (const { reader } of readers) reader.check()
    world.closing = true
    for (const one of subscribers) lab.close(one)
    lab.close(publisher)
    await lab.settled()
  },
})
