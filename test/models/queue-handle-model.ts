/**
 * The model of a queue handle: its counts add up, and `peek`, `purge` and `redrive` do what they say to what is there.
 *
 * Queues have limits of length, bytes and age; messages have ids, keys, delays and times to live.
 */
import type { QueueStats } from '../../patterns/queue/index.js'
import { total } from '../support/events.js'
import { defineModel, stepsOf } from './model.js'
import { clockJumps } from './passing-clock.js'
import { sometimes } from './push-world.js'
import { checkContents, checkIds, checkSums } from './queue-handle-promises.js'
import { type OneQueue, queueNames, type Setup, World } from './queue-handle-world.js'

const step = stepsOf<World>()
const kinds = ['plain', 'plain', 'id', 'id', 'key', 'delay', 'life', 'brief'] as const
const words = ['ack', 'ack', 'nack', 'reject', 'reject'] as const

const steps = [
  step(
    'send',
    10,
    (random) => ({
      queue: random.below(queueNames.length),
      messages: Array.from({ length: random.pick([1, 2, 6, 15]) }, () => ({
        kind: random.pick(kinds),
        id: random.below(5),
        bytes: random.pick([0, 0, 100, 3000]),
      })),
    }),
    (world, { queue, messages }) => {
      for (const { kind, id, bytes } of messages) {
        const own = {
          ...(kind === 'id' && { id: `id${id}` }),
          ...(kind === 'key' && { key: `key${id}` }),
          ...(kind === 'delay' && { delayMs: 700 * (id + 1) }),
          ...(kind === 'life' && { ttlMs: 3_600_000 }),
          ...(kind === 'brief' && { ttlMs: 1 + 300 * id }),
        }
        world.send(world.queueAt(queue), own, bytes)
      }
    },
  ),
  step(
    'consume',
    5,
    (random) => ({
      queue: random.below(queueNames.length),
      count: random.pick([0, 1, 3, 10]),
      word: random.pick(words),
    }),
    (world, { queue, count, word }) => world.consume(world.queueAt(queue), count, word),
  ),
  step(
    'peek',
    4,
    (random) => ({
      queue: random.below(queueNames.length),
      isDead: random.chance(0.3),
      limit: random.pick([1, 3, 50]),
    }),
    (world, { queue, isDead, limit }) => {
      const { handle, dead } = world.queueAt(queue)
      world.look(isDead ? dead : handle, limit)
    },
  ),
  step(
    'purge',
    1,
    (random) => ({ queue: random.below(queueNames.length), isDead: random.chance(0.4) }),
    (world, { queue, isDead }) => {
      const one = world.queueAt(queue)
      const purged = isDead ? one.purgedDead : one.purged
      const handle = isDead ? one.dead : one.handle
      purged.pending += 1
      const purging = () =>
        handle.purge().then((count) => {
          purged.pending -= 1
          purged.count += count
        })
      world.lab.call('purge', purging)
    },
  ),
  step(
    'redrive',
    3,
    (random) => ({ queue: random.below(queueNames.length), limit: random.pick([undefined, 1, 4]) }),
    (world, { queue, limit }) => {
      const { redriven, handle } = world.queueAt(queue)
      redriven.pending += 1
      const redriving = () =>
        handle.redrive(limit).then((count) => {
          redriven.pending -= 1
          redriven.count += count
          world.lab.expect(count <= (limit ?? Number.POSITIVE_INFINITY), `${count} redriven of ${limit}`)
        })
      world.lab.call('redrive', redriving)
    },
  ),
  step(
    'redriveDead',
    1,
    (random) => random.below(queueNames.length),
    (world, queue) => {
      const { dead } = world.queueAt(queue)
      const redriving = () =>
        dead.redrive().then((count) => world.lab.expect(count === 0, `${count} dead letters of dead letters`))
      world.lab.call('redrive', redriving)
    },
  ),
  step(
    'watch',
    2,
    (random) => random.below(queueNames.length),
    (world, queue) => world.watch(world.queueAt(queue)),
  ),
  step(
    'unwatch',
    1,
    (random) => random.below(10),
    ({ watches }, at) => {
      watches.splice(at % Math.max(1, watches.length), 1)[0]?.watched.unsubscribe()
    },
  ),
  step(
    'setClock',
    1,
    (random) => random.pick(clockJumps),
    ({ lab }, ms) => lab.clock.jumpWall(ms),
  ),
  step(
    'unknown',
    1,
    () => undefined,
    ({ lab, host }) => {
      lab.call('queue', async () => host.queue('nobody made it'), { rejects: ['RIVULET_UNKNOWN_QUEUE'] })
    },
  ),
]

/** The model. */
export const model = defineModel<Setup, World>({
  name: 'queue-handle',

  draw: (random) => ({
    isOnDisk: random.chance(0.05),
    queues: queueNames.map(() => ({
      ...sometimes(random, 'maxLength', [1, 5, 20]),
      ...sometimes(random, 'maxBytes', [10, 4000]),
      ...sometimes(random, 'maxAgeMs', [0, 1000]),
      ...sometimes(random, 'overflow', ['drop-oldest' as const]),
      ...sometimes(random, 'dedupeMs', [0, 1000]),
      ...sometimes(random, 'maxAttempts', [1, 2]),
      ...sometimes(random, 'keyOrder', [true]),
      backoff: { initialMs: random.pick([0, 0, 500]), factor: 1 },
    })),
  }),

  open: (lab, setup) => World.open(lab, setup),

  steps,

  always(world) {
    for (const one of world.queues) checkSums(world, one)
    world.checkHost()
  },

  async end(world) {
    const { lab, host, queues, watches } = world
    const isSettled = () => [...lab.open].every(({ label }) => !['send', 'purge', 'redrive', 'peek'].includes(label))
    await lab.until(isSettled, 'calls that settle')
    for (const { consumer } of queues)
      lab.close(consumer, lab.random.chance(0.5) ? { drain: false } : { timeoutMs: 10 })
    await lab.until(() => queues.every(({ consumer }) => consumer.closed), 'consumers that close')
    await lab.until(() => queues.every(({ handle }) => handle.stats().leased === 0), 'leases that end')
    await lab.until(
      () => watches.every(({ one, watched }) => isSame(one, watched.values.at(-1))),
      () => `changes that are told: ${JSON.stringify(watches.map(({ watched }) => watched.values.at(-1)))}`,
    )
    for (const one of queues) {
      checkIds(world, one)
      await checkContents(world, one)
    }
    for (const { producer } of queues) lab.close(producer)
    lab.close(host)
    await lab.settled()
    for (const { handle } of queues) {
      const rejects = ['RIVULET_CLOSED'] as const
      for (const call of ['peek', 'purge', 'redrive'] as const) {
        const outcome = lab.call(call, (): Promise<unknown> => handle[call](), { rejects })
        await lab.settled()
        lab.expect(outcome.error?.code === 'RIVULET_CLOSED', `${call} of a closed host resolved`)
      }
    }
  },
})

/** What was told last is how it is, but for what time alone changes. */
function isSame({ handle }: OneQueue, told: QueueStats | undefined): boolean {
  const { depth, leased, stored, acked, nacked, deadLettered, dropped } = handle.stats()
  if (told === undefined) return false
  const counts = [depth, leased, stored, acked, nacked, deadLettered, total(dropped)]
  const before = [told.depth, told.leased, told.stored, told.acked, told.nacked, told.deadLettered, total(told.dropped)]
  return counts.every((count, at) => count === before[at])
}
