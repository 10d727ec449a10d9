/**
 * The model of a pull: each message comes once, in the order of its producer, however often readers come and go.
 *
 * Producers join, leave and send; some connections send frames that are none.
 */
import { createPull, createPush, type Pull, type Push } from '../../patterns/queue/index.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import { defineModel, stepsOf } from './model.js'
import { sometimes } from './push-world.js'
import { readings, versions, Worker } from './transient-workers.js'

interface Setup {
  readonly version: keyof typeof versions
  readonly options: { readonly socketBufferBytes?: number; readonly maxMessageBytes?: number }
}

interface World {
  readonly lab: Lab
  readonly worker: Worker
  readonly pull: Pull<unknown>
  readonly way: string
  readonly producers: Push<{ id: number; note?: string }>[]
  /** Whether every message that was sent must have come in the end. */
  lossless: boolean
  closing: boolean
  ids: number
}

/** Ids of one producer begin at a multiple of this. */
const idsEach = 100_000

const step = stepsOf<World>()

function close(world: World, options: { drain?: boolean; timeoutMs?: number }): void {
  world.closing = true
  world.lossless = false
  world.lab.close(world.pull, options)
}

const steps = [
  step(
    'joins',
    4,
    (random) => ({ ...sometimes(random, 'maxBatchMessages', [1, 3]) }),
    async (world, options) => {
      const { lab, producers, way } = world
      const push = await createPush({ runtime: lab.runtime, schema: Job, connect: way, ...options })
      producers.push(lab.watch(push))
    },
  ),
  step(
    'send',
    8,
    (random) => ({ producer: random.below(4), count: random.pick([1, 2, 30, 300]), bytes: random.pick([0, 0, 5000]) }),
    (world, { producer, count, bytes }) => {
      const at = producer % world.producers.length
      const push = world.producers[at]
      if (!push) return
      for (let one = 0; one < count; one++) {
        world.ids += 1
        const id = at * idsEach + world.ids
        const job = bytes > 0 ? { id, note: 'n'.repeat(bytes) } : { id }
        world.lab.call('send', () => push.send(job), { rejects: ['RIVULET_CLOSED'] })
      }
    },
  ),
  step(
    'leaves',
    1,
    (random) => ({ producer: random.below(4), drain: random.chance(0.7) }),
    (world, { producer, drain }) => {
      const push = world.producers[producer % world.producers.length]
      if (!push) return
      if (!drain) world.lossless = false
      world.lab.close(push, drain ? {} : { drain })
    },
  ),
  step(
    'read',
    5,
    (random) => ({ reading: random.pick(readings) }),
    ({ worker }, { reading }) => worker.read(reading),
  ),
  step(
    'untrusted',
    2,
    (random) => ({ frames: random.between(1, 6) }),
    async ({ lab, way, pull }, { frames }) => {
      if (pull.closed) return
      const raw = lab.raw('push')
      raw.connect(way)
      for (let at = 0; at < frames; at++) {
        const parts = Array.from({ length: lab.random.between(1, 3) }, () => lab.random.bytes(lab.random.below(80)))
        await raw.send(parts).catch(() => {})
      }
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
  name: 'pull',
  draw: (random) => ({
    version: random.pick(['same', 'same', 'later', 'other']),
    options: {
      ...sometimes(random, 'socketBufferBytes', [4096]),
      ...sometimes(random, 'maxMessageBytes', [100_000]),
    },
  }),

  async open(lab, { version, options }) {
    const place = { bind: lab.endpoint(), ...options }
    const pull = await createPull({ runtime: lab.runtime, schema: versions[version], ...place })
    const worker = new Worker(lab, lab.watch(pull), version)
    const way = await lab.way(pull.endpoint)
    return { lab, worker, pull, way, producers: [], lossless: lab.transport === 'inproc', closing: false, ids: 0 }
  },

  steps,

  always({ lab, worker, producers }) {
    worker.check()
    for (const push of producers) {
      const { accepted, sent, pending, dropped } = push.stats()
      lab.expect(accepted === sent + pending + total(dropped), () => `a producer: ${JSON.stringify(push.stats())}`)
    }
  },

  async end(world) {
    const { lab, worker, pull, producers } = world
    if (!world.closing) worker.read('subscribe')
    for (const push of producers) lab.close(push)
    await lab.until(() => producers.every(({ closed }) => closed), 'producers close')
    const sent = producers.reduce((sum, push) => sum + push.stats().sent, 0)
    const lost = producers.reduce((sum, push) => sum + total(push.stats().dropped), 0)
    const counts = () => `${sent} messages come: ${JSON.stringify(pull.stats())}`
    if (world.lossless && lost === 0) await lab.until(() => pull.stats().received >= sent, counts)
    if (!world.closing) {
      await lab.until(() => pull.stats().pending === 0, 'what came is read')
      lab.close(pull)
    }
    await lab.settled()
    worker.checkAtRest()
    lab.expect(pull.stats().received <= sent + lost, counts)
    const { got, version } = worker
    lab.expect(new Set(got).size === got.length, () => `messages came twice: ${got}`)
    for (let at = 0; at < producers.length; at++) {
      const ids = got.filter((id) => Math.floor(id / idsEach) === at)
      const inOrder = ids.every((id, place) => place === 0 || id > (ids[place - 1] as number))
      lab.expect(inOrder || !worker.inOrder, () => `in disorder: ${ids}`)
    }
    lab.expect(version !== 'other' || got.length === 0, 'a worker read what it cannot read')
  },
})
