/**
 * The model of a push: what it takes reaches one worker, once and in order, or is counted as dropped.
 *
 * Workers join, leave, restart, read or do not, have other schemas, or are no workers at all.
 */
import { connect } from 'node:net'
import { Observable } from 'rxjs'
import { createPush } from '../../patterns/queue/index.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import { defineModel, stepsOf } from './model.js'
import {
  badValue,
  badValues,
  close,
  codes,
  firstGetterId,
  join,
  type Setup,
  send,
  sometimes,
  type World,
} from './push-world.js'
import { tick } from './ticks.js'
import { readings, Worker } from './transient-workers.js'

const step = stepsOf<World>()

/** How those begin that do not speak ZeroMQ, or a version of it that is too old. */
const greetings = [
  'GET / HTTP/1.1\r\nHost: here\r\n\r\n',
  '\x16\x03\x01\x00\xa5\x01\x00',
  '\x01\x00',
  '\xff\0\0\0\0\0\0\0\x01\x7f\x01',
]

const steps = [
  step(
    'send',
    10,
    (random) => ({ count: random.pick([1, 1, 2, 20, 200]), bytes: random.pick([0, 0, 100, 30_000]) }),
    (world, { count, bytes }) => send(world, Math.min(count, bytes > 1000 ? 5 : count), bytes),
  ),
  step(
    'sendBad',
    2,
    (random) => ({ kind: random.pick(badValues), next: random.chance(0.3) }),
    (world, { kind, next }) => {
      world.offered += 1
      const value = badValue(world, kind)
      if (next) world.push.next(value)
      else {
        const rejects = [...codes(world), 'RIVULET_INVALID_MESSAGE', 'RIVULET_MESSAGE_TOO_LARGE'] as const
        world.lab.call(`send (${kind})`, () => world.push.send(value), { rejects })
      }
    },
  ),
  step(
    'next',
    4,
    (random) => ({ count: random.pick([1, 3, 100]) }),
    (world, { count }) => {
      world.ordered = false
      world.offered += count
      for (let at = 0; at < count; at++) world.push.next({ id: world.ids++ })
    },
  ),
  step(
    'sendAll',
    3,
    (random) => ({
      source: random.pick(['array', 'generator', 'async', 'observable', 'failing', 'aborted'] as const),
      count: random.pick([0, 1, 10, 300]),
    }),
    (world, { source, count }) => {
      const { lab, push } = world
      let given = 0
      const next = () => {
        given += 1
        return { id: world.ids++ }
      }
      function* generator() {
        for (let at = 0; at < count; at++) yield next()
        if (source === 'failing') throw new Error('as it was told to')
      }
      async function* slowly() {
        for (const value of generator()) {
          yield value
          await null
        }
      }
      const observable = new Observable<{ id: number }>((subscriber) => {
        for (const value of generator()) subscriber.next(value)
        subscriber.complete()
      })
      const sources = { array: [...(source === 'array' ? generator() : [])], generator: generator(), async: slowly() }
      const from = { ...sources, observable, failing: sources.generator, aborted: sources.async }[source]
      const abort = new AbortController()
      if (source === 'aborted') setImmediate(() => abort.abort())
      world.ordered = false
      const rejects = ['RIVULET_CLOSED', 'RIVULET_ABORTED', 'RIVULET_SOURCE_FAILED'] as const
      lab.call(
        'sendAll',
        async () => {
          try {
            const { sent, dropped } = await push.sendAll(from, { signal: abort.signal })
            world.offered += given
            lab.expect(sent + dropped === given, `sendAll: ${sent} sent and ${dropped} dropped of ${given}`)
          } catch (error) {
            world.countable = false
            throw error
          }
        },
        { rejects },
      )
    },
  ),
  step(
    'join',
    6,
    (random) => ({ version: random.pick(['same', 'same', 'later', 'other'] as const), reading: random.pick(readings) }),
    (world, { version, reading }) => join(world, version, reading),
  ),
  step(
    'leave',
    3,
    (random) => ({ worker: random.below(8), drain: random.chance(0.5) }),
    (world, { worker, drain }) => {
      const present = world.workers.filter(({ left }) => !left)
      if (present.length === 0) return
      world.lossless = false
      present[worker % present.length]?.leave(drain)
    },
  ),
  step(
    'read',
    3,
    (random) => ({ worker: random.below(8), reading: random.pick(readings) }),
    ({ workers }, { worker, reading }) => {
      const present = workers.filter(({ left }) => !left)
      present[worker % present.length]?.read(reading)
    },
  ),
  step(
    'untrusted',
    1,
    (random) => ({ reads: random.below(3) }),
    async (world, { reads }) => {
      if (!world.setup.binds) return
      world.lossless = false
      world.untrusted = true
      const raw = world.lab.raw('pull')
      raw.connect(await world.lab.way(world.address))
      const read = async (): Promise<void> => {
        for (let at = 0; at < reads; at++) await raw.receive()
      }
      // it reads no more when it is closed
      read().catch(() => {})
    },
  ),
  step(
    'otherProtocol',
    1,
    (random) => random.pick(greetings),
    async ({ lab, setup, address, push }, greeting) => {
      if (lab.transport !== 'tcp' || !setup.binds || push.status !== 'open') return
      const socket = connect(Number(address.split(':').at(-1)), '127.0.0.1')
      // it is refused, with a reset
      socket.on('error', () => {})
      lab.atEnd(() => socket.destroy())
      socket.write(Buffer.from(greeting, 'latin1'))
      for (let ticks = 0; ticks < 10; ticks++) await tick()
    },
  ),
  step(
    'error',
    1,
    () => ({}),
    ({ push }) => push.error(new Error('a source failed')),
  ),
  step(
    'complete',
    1,
    () => ({}),
    ({ push }) => push.complete(),
  ),
  step(
    'whenConnected',
    1,
    (random) => ({ timeoutMs: random.pick([0, 10, 1e9]) }),
    ({ lab, push }, { timeoutMs }) => {
      lab.call('whenConnected', () => push.whenConnected({ timeoutMs }), {
        rejects: ['RIVULET_TIMEOUT', 'RIVULET_CLOSED'],
      })
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
  name: 'push',
  draw: (random) => ({
    binds: random.chance(0.75),
    options: {
      ...sometimes(random, 'overflow', ['block', 'error', 'drop-oldest', 'drop-newest']),
      ...sometimes(random, 'outboxBytes', [1, 300, 50_000]),
      ...sometimes(random, 'maxBatchMessages', [1, 2, 10]),
      ...sometimes(random, 'socketBufferBytes', [4096]),
    },
  }),

  async open(lab, setup) {
    const { binds, options } = setup
    const bind = lab.endpoint()
    const first = binds ? undefined : await Worker.open(lab, { bind }, 'same', 'subscribe')
    const place = first ? { connect: await lab.way(first.pull.endpoint) } : { bind }
    const push = lab.watch(await createPush({ runtime: lab.runtime, schema: Job, ...options, ...place }))
    return {
      lab,
      push,
      setup,
      address: (first?.pull ?? push).endpoint,
      workers: first ? [first] : [],
      sends: new Map(),
      offered: 0,
      lossless: lab.transport !== 'ipc',
      untrusted: false,
      countable: true,
      ordered: true,
      closing: false,
      ids: 0,
    }
  },

  steps,

  always({ lab, push, workers }) {
    const { accepted, sent, pending, dropped } = push.stats()
    lab.expect(accepted === sent + pending + total(dropped), () => `counts: ${JSON.stringify(push.stats())}`)
    for (const worker of workers) worker.check()
  },

  async end(world) {
    const { lab, push, workers } = world
    if (!workers.some(({ left, version }) => !left && version !== 'other')) {
      for (const worker of workers) if (!world.setup.binds && !worker.left) worker.leave(false)
      await join(world, 'same', 'subscribe')
    }
    for (const worker of workers) if (!worker.left) worker.read('subscribe')
    const taken = () => workers.reduce((sum, { pull }) => sum + pull.stats().received, 0)
    const arrived = () =>
      lab.until(
        () => taken() >= push.stats().sent,
        () => `${push.stats().sent} messages arrive, not ${taken()}`,
      )
    if (!world.closing) {
      const sends = [...world.sends.values()]
      await lab.until(() => sends.every(({ settled }) => settled), 'sends that settle while a worker reads')
      // before it closes: how long the library sends after that is of the time of the machine
      if (lab.transport === 'tcp' && world.lossless && !lab.hasCut) await arrived()
      close(world, {})
    }
    await lab.within(push.whenClosed, 'the push closes')
    const { accepted, sent, pending, dropped, refused } = push.stats()
    lab.expect(pending === 0, `${pending} messages are pending after the close`)
    const isLossless = world.lossless && lab.transport === 'inproc'
    if (isLossless) await arrived()
    await lab.until(() => workers.every(({ left, pull }) => left || pull.stats().pending === 0), 'workers that read')
    for (const { left, pull } of workers) if (!left) lab.close(pull)
    await lab.settled()

    for (const worker of workers) worker.checkAtRest()
    const counts = () => JSON.stringify({ offered: world.offered, ...push.stats() })
    if (world.countable)
      lab.expect(accepted + total(refused) === world.offered, () => `each is taken or refused: ${counts()}`)
    // what the library was handed in the moment of the close may arrive, although it counts as lost
    const handed = sent + (dropped.closed ?? 0)
    lab.expect(taken() <= handed, () => `${taken()} messages arrived of ${handed}`)
    for (const reason of Object.keys(dropped))
      lab.expect(['overflow', 'closed'].includes(reason), `dropped as ${reason}`)
    const all = workers.flatMap(({ got }) => got)
    lab.expect(new Set(all).size === all.length, () => `messages came twice: ${all}`)
    for (const id of all) lab.expect(world.sends.get(id)?.error === undefined, `message ${id} was refused and arrived`)
    for (const { got, version, pull, inOrder: wasInOrder } of workers) {
      const plain = got.filter((id) => id < firstGetterId)
      const inOrder = plain.every((id, at) => at === 0 || id > (plain[at - 1] as number))
      lab.expect(inOrder || !wasInOrder || !world.ordered, `in disorder: ${got}`)
      const unknown = pull.stats().dropped['unknown-schema'] ?? 0
      lab.expect(unknown === 0 || world.untrusted || !isLossless, `${unknown} of unknown schema at a worker`)
      lab.expect(version !== 'other' || got.length === 0, 'a worker read what it cannot read')
    }
    for (const { error } of world.sends.values()) {
      lab.expect(error?.code !== 'RIVULET_CLOSED' || world.closing, 'a send was refused as closed')
    }
  },
})
