/**
 * The model of a consumer: each message is acknowledged once, or is there, or is a dead letter, and its attempts are counted.
 *
 * Consumers read in every way, settle in any order, leave with work in hand, and meet a host that restarts.
 */
import { Job } from '../support/job.js'
import { checkKeyOrder, checkMessages } from './consumer-promises.js'
import { type Joining, type Setup, World } from './consumer-world.js'
import { defineModel, stepsOf } from './model.js'
import { clockJumps } from './passing-clock.js'
import { sometimes } from './push-world.js'
import { type Handed, readings } from './queue-workers.js'

const step = stepsOf<World>()

const kinds = ['plain', 'plain', 'plain', 'id', 'key', 'key', 'delay', 'delayed key'] as const
/** Less than the time after which the session of a lost link ends, in milliseconds. */
const sessionMs = 12_000
const closings = [{}, { timeoutMs: 0 }, { timeoutMs: 100 }, { drain: false }] as const
const words = ['ack', 'ack', 'ack', 'nack', 'nack', 'reject', 'extend'] as const

const steps = [
  step(
    'send',
    8,
    (random) =>
      Array.from({ length: random.pick([1, 2, 5, 20]) }, () => ({
        kind: random.pick(kinds),
        bytes: random.pick([0, 0, 0, 2000]),
        key: random.below(2),
        delayMs: random.pick([1, 300, 2000]),
      })),
    (world, messages) => {
      for (const { kind, bytes, key, delayMs } of messages) {
        const isKeyed = kind === 'key' || kind === 'delayed key'
        const isDelayed = kind === 'delay' || kind === 'delayed key'
        const own = {
          ...(kind === 'id' && { id: `m${world.ids}` }),
          ...(isKeyed && { key: `k${key}` }),
          ...(isDelayed && { delayMs }),
        }
        world.send(own, bytes)
      }
    },
  ),
  step(
    'join',
    4,
    (random): Joining => ({
      isLocal: random.chance(0.7),
      version: random.pick(['same', 'same', 'same', 'later', 'later', 'other'] as const),
      reading: random.pick(readings),
      concurrency: random.pick([1, 2, 8]),
      options: { ...sometimes(random, 'prefetch', [1, 2, 10]), ...sometimes(random, 'name', ['one', 'two']) },
    }),
    (world, joining) => world.join(joining),
  ),
  step(
    'read',
    4,
    (random) => ({ worker: random.below(8), reading: random.pick(readings), concurrency: random.pick([1, 3]) }),
    ({ workers }, { worker, reading, concurrency }) => {
      const present = workers.filter(({ left }) => !left)
      present[worker % present.length]?.read(reading, concurrency)
    },
  ),
  step(
    'settle',
    12,
    (random) =>
      Array.from({ length: random.pick([1, 1, 3, 10]) }, () => ({
        which: random.below(1000),
        word: random.pick(words),
        delayMs: random.pick([undefined, 0, 50, 3000]),
        isTwice: random.chance(0.1),
      })),
    (world, said) => {
      for (const { which, word, delayMs, isTwice } of said) {
        const { inHand } = world
        const handed = inHand[which % inHand.length]
        if (!handed) return
        handed.worker.say(handed, word, delayMs)
        if (isTwice) handed.worker.say(handed, 'nack')
      }
    },
  ),
  step(
    'settleAll',
    3,
    (random) => random.pick(['ack', 'ack', 'nack'] as const),
    (world, word) => {
      for (const handed of world.inHand) handed.worker.say(handed, word, 0)
    },
  ),
  step(
    'finish',
    3,
    () => undefined,
    ({ workers }) => {
      for (const worker of workers) worker.finish()
    },
  ),
  step(
    'leave',
    2,
    (random) => ({ worker: random.below(8), options: random.pick(closings) }),
    ({ workers }, { worker, options }) => {
      const present = workers.filter(({ left }) => !left)
      present[worker % present.length]?.leave(options)
    },
  ),
  step(
    'block',
    1,
    (random) => random.pick([1000, 12_000, 40_000]),
    (world, ms) => {
      world.isDisturbed = true
      world.lab.clock.jump(ms)
    },
  ),
  step(
    'ackLate',
    2,
    () => undefined,
    async (world) => {
      const { lab, workers } = world
      const isHeld = (one: Handed) =>
        !one.worker.left &&
        !one.isWorked &&
        one.worker.consumer.status === 'open' &&
        world.sent.get(one.number)?.handed.at(-1) === one
      const late = world.inHand.filter(isHeld)
      // a short lease may have run out before, so that another one has the message
      if (late.length === 0 || lab.transport === 'tcp' || world.leaseMs < 30_000) return
      world.isDisturbed = true
      for (const worker of workers) worker.read('nothing')
      // what was not handed out goes back, and then the leases run out: nobody takes the messages
      await lab.pass(2000)
      await lab.pass(world.leaseMs + 1000)
      const said = late.filter((one) => isHeld(one) && one.said === undefined && one.attempt < world.maxAttempts)
      for (const handed of said) handed.worker.say(handed, 'ack')
      await lab.until(() => said.every(({ outcome }) => outcome !== undefined), 'late acknowledgements')
      for (const { number, outcome } of said) lab.expect(outcome === 'done', `${number}, acknowledged late: ${outcome}`)
    },
  ),
  step(
    'isolate',
    2,
    () => undefined,
    async (world) => {
      const { lab, workers, host } = world
      if (lab.transport !== 'tcp' || world.leaseMs < 30_000) return
      if (workers.some(({ left, consumer }) => left && !consumer.closed)) return
      const jobs = host.queue('jobs')
      const same = { version: 'same', reading: 'deliveries', concurrency: 1, options: { prefetch: 1000 } } as const
      // nobody else takes messages, to keep them waiting
      for (const worker of workers) worker.read('nothing')
      await world.join({ ...same, isLocal: false })
      const far = workers.at(-1)
      await world.join({ ...same, isLocal: true })
      const open = workers.filter(({ consumer }) => consumer.status === 'open').length
      await lab.until(() => jobs.stats().consumers >= open, 'consumers that come')
      const { consumers } = jobs.stats()
      const cutAt = lab.clock.now()
      lab.isolate(far?.way ?? '')
      await lab.until(() => jobs.stats().consumers < consumers, 'a host that notices a connection that is closed')
      const tookMs = lab.clock.now() - cutAt
      lab.expect(tookMs < sessionMs, `a consumer whose connection is closed counted for ${tookMs} ms`)
      const from = world.ids
      for (let count = 0; count < 5; count++) world.send({}, 0)
      const after = [...world.sent].filter(([number]) => number >= from).map(([, sent]) => sent)
      await lab.until(() => after.every(({ handed }) => handed.length > 0), 'messages that others have')
      const attempts = after.map(({ handed }) => handed[0]?.attempt)
      const isFirst = attempts.every((attempt) => attempt === 1)
      lab.expect(isFirst, `messages were dealt to a consumer that was gone: attempts ${attempts}`)
      lab.rejoin()
    },
  ),
  step(
    'setClock',
    1,
    (random) => random.pick(clockJumps),
    ({ lab }, ms) => lab.clock.jumpWall(ms),
  ),
  step(
    'restart',
    2,
    () => undefined,
    async (world) => {
      const { lab, setup, host, workers } = world
      if (!setup.isOnDisk) return
      world.isDisturbed = true
      await lab.within(host.close(), 'the host closes')
      for (const worker of workers) if (worker.consumer.status !== 'open') worker.left = true
      await world.openHost()
      await world.openProducer()
    },
  ),
]

/** The model. */
export const model = defineModel<Setup, World>({
  name: 'consumer',

  draw: (random) => ({
    isOnDisk: random.chance(0.1),
    queue: {
      ...sometimes(random, 'maxAttempts', [1, 2, Number.POSITIVE_INFINITY]),
      ...sometimes(random, 'leaseMs', [1000, 100_000]),
      ...(random.chance(0.6) && { backoff: { initialMs: random.pick([0, 20]), factor: 1 } }),
      ...sometimes(random, 'keyOrder', [true]),
      ...sometimes(random, 'unreadable', ['keep', 'dead-letter']),
    },
  }),

  async open(lab, setup) {
    const world = new World(lab, setup)
    await world.openHost()
    await world.openProducer()
    return world
  },

  steps,

  always: (world) => world.check(),

  async end(world) {
    const { lab, workers, host, producer } = world
    const isSent = () => [...lab.open].every(({ label }) => !label.startsWith('send'))
    await lab.until(isSent, 'sends that settle')
    for (const [at, worker] of workers.entries()) if (!worker.left) worker.leave(closings[(at + world.ids) % 4] ?? {})
    await lab.until(
      () => workers.every(({ consumer }) => consumer.closed),
      () => `consumers that close, not ${workers.map(({ consumer }) => consumer.status)}`,
    )
    const jobs = host.queue('jobs')
    const counts = () => JSON.stringify(jobs.stats())
    await lab.until(
      () => jobs.stats().leased === 0,
      () => `leases of closed consumers that end: ${counts()}`,
    )
    const present = await lab.within(jobs.peek(10_000, { schema: Job }), 'peek')
    const dead = await lab.within(host.queue('jobs.dead').peek(10_000, { schema: Job }), 'peek')
    const { depth } = jobs.stats()
    lab.expect(present.length === depth, () => `${present.length} messages are there: ${counts()}`)
    lab.expect(dead.length === host.queue('jobs.dead').stats().depth, `${dead.length} dead letters are there`)
    checkMessages(world, present, dead)
    for (const worker of workers) {
      worker.check()
      worker.checkErrors()
    }
    await drain(world, depth)
    checkKeyOrder(world)
    lab.close(producer)
    lab.close(host)
    await lab.settled()
  },
})

/** What is left can be had, all of it and nothing else. */
async function drain(world: World, depth: number): Promise<void> {
  const { lab, host, workers } = world
  const at = workers.length
  const isLocal = world.ids % 3 > 0
  await world.join({ isLocal, version: 'same', reading: 'deliveries', concurrency: 1, options: {} })
  const worker = workers[at]
  if (!worker) return
  let acked = 0
  const ackAll = () => {
    for (; acked < worker.handed.length; acked++) {
      const handed = worker.handed[acked]
      if (handed) worker.say(handed, 'ack')
    }
  }
  const jobs = host.queue('jobs')
  await lab.until(
    () => {
      ackAll()
      return jobs.stats().depth === 0
    },
    () => `everything is delivered, but ${JSON.stringify(jobs.stats())}`,
  )
  // a short lease may run out meanwhile
  const numbers = new Set(worker.handed.map(({ number }) => number))
  lab.expect(numbers.size === depth, `${numbers.size} messages are delivered of ${depth}`)
  lab.close(worker.consumer)
}
