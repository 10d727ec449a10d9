/**
 * The model of a host: what it has confirmed outlives it, whatever its next life is like, and all that it serves close well.
 *
 * Hosts of one folder come one after the other, with other queues and options each time; a second one is refused.
 */
import { createQueueHost } from '../../patterns/queue/index.js'
import { closeAll } from '../../src/index.js'
import type { Random } from '../simulation/random.js'
import { HostWorld, names, type Place, type Setup } from './host-world.js'
import { defineModel, stepsOf } from './model.js'
import { sometimes } from './push-world.js'

const step = stepsOf<HostWorld>()

const closings = [{}, {}, { timeoutMs: 0 }, { timeoutMs: 20 }, { drain: false }] as const

/** Draws what a host is opened with. */
function drawHost(random: Random) {
  const queue = () => ({
    ...sometimes(random, 'maxAttempts', [1, 3]),
    ...sometimes(random, 'leaseMs', [1000]),
    ...sometimes(random, 'keyOrder', [true]),
    backoff: { initialMs: random.pick([0, 100]) },
  })
  return {
    queues: { [names[0]]: queue(), ...(random.chance(0.5) && { [names[1]]: queue() }) },
    ...sometimes(random, 'defaults', [{ maxAttempts: 2 }]),
    ...(random.chance(0.5) && { autoCreate: true }),
    ...sometimes(random, 'maxQueues', [1, 2, 3]),
    ...sometimes(random, 'outboxBytes', [1000]),
    isBound: random.chance(0.8),
  }
}

function drawPlace(random: Random): Place {
  return { queue: random.pick(names), isLocal: random.chance(0.6) }
}

const steps = [
  step(
    'send',
    10,
    (random) => ({ ...drawPlace(random), count: random.pick([1, 2, 10]), bytes: random.pick([0, 0, 5000]) }),
    (world, { count, bytes, ...place }) => world.send(place, count, bytes),
  ),
  step(
    'work',
    5,
    (random) => ({
      ...drawPlace(random),
      count: random.pick([0, 1, 5]),
      word: random.pick(['ack', 'ack', 'nack', 'reject'] as const),
    }),
    (world, { count, word, ...place }) => world.work(place, count, word),
  ),
  step(
    'close',
    2,
    (random) => random.pick(closings),
    (world, options) => world.close(options),
  ),
  step(
    'reopen',
    4,
    (random) => drawHost(random),
    (world, options) => world.reopen(options),
  ),
  step(
    'closeTogether',
    1,
    (random) => ({ isHostFirst: random.chance(0.5) }),
    (world, { isHostFirst }) => {
      const { lab, host } = world
      const clients = world.clients.filter(({ status }) => status === 'open')
      const all = isHostFirst ? [host, ...clients] : [...clients, host]
      world.isOpen = false
      lab.call('closeAll', () => closeAll(all))
    },
  ),
  step(
    'second',
    1,
    () => undefined,
    ({ lab, setup, host, path }) => {
      if (!setup.isOnDisk || host.status !== 'open') return
      const opening = () => createQueueHost({ runtime: lab.runtime, path })
      const refused = lab.call('second', opening, { rejects: ['RIVULET_STORE_LOCKED'] })
      lab.atEnd(() => lab.expect(refused.error !== undefined, 'a second host has the folder'))
      return lab.until(() => refused.settled, 'a second host is refused')
    },
  ),
  step(
    'aborted',
    1,
    (random) => random.pick(['before', 'now', 'turn'] as const),
    ({ lab }, when) => {
      const abort = new AbortController()
      if (when === 'before') abort.abort()
      const path = `${lab.folder()}/other`
      const opening = () => createQueueHost({ runtime: lab.runtime, path, signal: abort.signal })
      const opened = lab.call('aborted', opening, { rejects: ['RIVULET_ABORTED', 'RIVULET_STORE_LOCKED'] })
      if (when === 'now') abort.abort()
      if (when === 'turn') setImmediate(() => abort.abort())
      return lab.until(() => opened.settled && (opened.value?.closed ?? true), 'a host that was aborted closes')
    },
  ),
  step(
    'untrusted',
    2,
    (random) => ({ frames: random.between(1, 5) }),
    async ({ lab, host, way }, { frames }) => {
      if (host.status !== 'open' || way === '') return
      const raw = lab.raw('dealer')
      raw.connect(way)
      for (let at = 0; at < frames; at++) {
        const parts = Array.from({ length: lab.random.between(1, 3) }, () => lab.random.bytes(lab.random.below(60)))
        await raw.send(parts).catch(() => {})
      }
    },
  ),
]

/** The model. */
export const model = defineModel<Setup, HostWorld>({
  name: 'host',

  draw: (random) => ({ isOnDisk: random.chance(0.6), host: drawHost(random) }),

  async open(lab, setup) {
    const world = new HostWorld(lab, setup)
    await world.open(setup.host)
    return world
  },

  steps,

  always: (world) => world.check(),

  async end(world) {
    const { lab } = world
    if (world.isOpen) await world.settleSends()
    const clients = world.clients.filter(({ status }) => status === 'open')
    const closing = lab.call('closeAll', () => closeAll([...clients, world.host], { timeoutMs: 30_000 }))
    await lab.until(() => closing.settled && world.host.closed, 'all close')
    await lab.settled()
    if (!world.setup.isOnDisk) return
    await world.open({ isBound: false, queues: {}, autoCreate: false })
    await world.checkContents()
    lab.close(world.host)
    await lab.settled()
  },
})
