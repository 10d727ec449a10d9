/**
 * The model of a producer, with its host and a queue handle: a confirmed message is there once, with its own options.
 *
 * Messages of all kinds are sent in one turn by several producers, over links and in process, while the host restarts.
 * Each message says in its value how it was sent.
 */
import {
  createProducer,
  createQueueHost,
  type Producer,
  type QueueHost,
  type SendOptions,
  type SendResult,
} from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { closeAll } from '../../src/index.js'
import type { OverflowPolicy } from '../../src/stream/index.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import { defineModel, stepsOf } from './model.js'

interface Setup {
  /** Whether messages are on disk: then the host restarts, and is looked at by another one in the end. */
  readonly isOnDisk: boolean
  /** Whether the host is in a process of its own, over tcp: then it is killed. */
  readonly isApart: boolean
  readonly overflow: OverflowPolicy | undefined
  readonly outboxBytes: number | undefined
  readonly local: boolean
}

/** A message that was sent, and what became of it. */
interface Sent {
  readonly own: SendOptions
  result?: SendResult
  error?: RivuletError
  /** Confirmed by `sendAll`, which tells no more. */
  confirmed?: boolean
}

interface World {
  readonly lab: Lab
  readonly setup: Setup
  readonly path: string
  readonly bind: string
  /** Where producers connect. */
  readonly way: string
  host: QueueHost | undefined
  readonly producers: Producer<{ id: number; note?: string }>[]
  readonly sent: Map<number, Sent>
  ids: number
}

const kinds = ['plain', 'plain', 'plain', 'id', 'shared', 'key', 'delay', 'life', 'brief'] as const
const hourMs = 3_600_000
const queues = { jobs: { dedupeMs: 1000 * hourMs } }
const rejects = ['RIVULET_OUTBOX_FULL', 'RIVULET_CLOSED', 'RIVULET_UNKNOWN_OUTCOME', 'RIVULET_ABORTED'] as const
const step = stepsOf<World>()

function ownOf(kind: (typeof kinds)[number], number: number): SendOptions {
  if (kind === 'id') return { id: `m${number}` }
  if (kind === 'shared') return { id: `s${number >> 3}`, key: 'k' }
  if (kind === 'key') return { key: `k${number % 4}` }
  if (kind === 'delay') return { delayMs: 100 * hourMs }
  if (kind === 'life') return { ttlMs: 100 * hourMs }
  return kind === 'brief' ? { ttlMs: 1 } : {}
}

function openHost({ lab, path, bind, setup }: Pick<World, 'lab' | 'path' | 'bind' | 'setup'>): Promise<QueueHost> {
  const store = setup.isOnDisk ? ({ path, durability: 'committed' } as const) : ({ store: 'memory' } as const)
  return createQueueHost({ runtime: lab.runtime, bind, queues, ...store })
}

async function join({ lab, setup, producers, host, way }: World, local: boolean): Promise<void> {
  const { overflow, outboxBytes } = setup
  const options = { ...(overflow && { overflow }), ...(outboxBytes && { outboxBytes }) }
  const where = local && host !== undefined ? { host } : { connect: way }
  producers.push(
    lab.watch(await createProducer({ runtime: lab.runtime, queue: 'jobs', schema: Job, ...where, ...options })),
  )
}

const steps = [
  step(
    'burst',
    10,
    (random) =>
      Array.from({ length: random.between(1, 6) }, () => ({
        kind: random.pick(kinds),
        bytes: random.pick([0, 0, 100, 30_000]),
        how: random.pick(['send', 'send', 'send', 'sendAll', 'abort'] as const),
        producer: random.below(100),
      })),
    (world, messages) => {
      const { lab, producers } = world
      for (const { kind, bytes, how, producer: drawn } of messages) {
        const producer = producers[drawn % producers.length] as World['producers'][number]
        const number = world.ids++
        const own = how === 'sendAll' ? {} : ownOf(kind, number)
        const sent: Sent = { own }
        world.sent.set(number, sent)
        const value = { id: number, note: `${JSON.stringify(own)}\n${'x'.repeat(bytes)}` }
        if (how === 'sendAll') {
          const confirm = ({ dropped }: { readonly dropped: number }) => {
            sent.confirmed = dropped === 0
          }
          const sending = () => producer.sendAll([value]).then(confirm)
          lab.call('sendAll', sending, { rejects })
          continue
        }
        const abort = how === 'abort' ? new AbortController() : undefined
        const options = abort ? { ...own, signal: abort.signal } : kind === 'plain' ? undefined : own
        const note = (error: RivuletError): never => {
          sent.error = error
          throw error
        }
        const confirm = (result: SendResult) => {
          sent.result = result
        }
        const sending = () => producer.send(value, options).then(confirm, note)
        lab.call(`send ${number}`, sending, { rejects })
        if (abort) setImmediate(() => abort.abort())
      }
    },
  ),
  step('join', 2, (random) => random.chance(0.5), join),
  step(
    'leave',
    1,
    (random) => ({ at: random.below(100), drain: random.chance(0.5) }),
    ({ lab, producers }, { at, drain }) => {
      if (producers.length < 2) return
      for (const producer of producers.splice(at % producers.length, 1)) lab.close(producer, { drain })
    },
  ),
  step(
    'restart',
    2,
    () => undefined,
    async (world) => {
      if (world.host === undefined || !world.setup.isOnDisk) return
      await world.lab.within(world.host.close(), 'the host closes')
      const left = world.producers.filter(({ status }) => status === 'open')
      world.producers.splice(0, world.producers.length, ...left)
      world.host = world.lab.watch(await openHost(world))
      if (left.length === 0) await join(world, false)
    },
  ),
  step(
    'kill',
    2,
    () => undefined,
    async ({ lab, setup }) => {
      if (setup.isApart) await lab.kill()
    },
  ),
  step(
    'look',
    2,
    (random) => random.between(1, 20),
    ({ lab, host }, limit) => {
      const jobs = host?.queue('jobs')
      if (jobs) lab.call('peek', () => jobs.peek(limit, { schema: Job }), { rejects: ['RIVULET_CLOSED'] })
    },
  ),
]

/** The model. */
export const model = defineModel<Setup, World>({
  name: 'producer',

  draw: (random) => ({
    isOnDisk: random.chance(0.15),
    isApart: random.chance(0.15),
    overflow: random.pick([undefined, undefined, 'drop-oldest', 'drop-newest', 'error'] as const),
    outboxBytes: random.pick([undefined, undefined, 40_000]),
    local: random.chance(0.5),
  }),

  async open(lab, drawn) {
    const isApart = drawn.isApart && lab.transport === 'tcp'
    const setup = { ...drawn, isApart, isOnDisk: drawn.isOnDisk || isApart }
    const path = setup.isOnDisk ? `${lab.folder()}/queues` : ''
    const opened = { lab, setup, path, bind: lab.endpoint() }
    const options = { path, queues, durability: 'committed' } as const
    const child = isApart ? await lab.child({ role: 'host', options }) : undefined
    const host = child ? undefined : lab.watch(await openHost(opened))
    const bind = (child ?? (host as QueueHost)).endpoint
    const world: World = { ...opened, bind, way: await lab.way(bind), host, producers: [], sent: new Map(), ids: 0 }
    await join(world, setup.local)
    return world
  },

  steps,

  always({ lab, producers }) {
    for (const producer of producers) {
      const { accepted, sent, pending, dropped } = producer.stats()
      lab.expect(accepted === sent + pending + total(dropped), () => `counts: ${JSON.stringify(producer.stats())}`)
    }
  },

  async end(world) {
    const { lab, setup, sent, producers, host } = world
    const isSettled = () => [...lab.open].every(({ label }) => !label.startsWith('send'))
    // over tcp the library connects in the time of the machine, while the time of a close is let pass
    if (lab.transport === 'tcp') await lab.until(isSettled, 'sends that settle')
    // everything that was taken is confirmed when they close, in whatever order if no proxy hides who uses the host
    const all = setup.isOnDisk && host && lab.transport !== 'tcp' ? [host] : []
    const closing = closeAll(lab.random.chance(0.5) ? [...all, ...producers] : [...producers, ...all])
    const { undelivered } = await lab.within(closing, 'all close')
    lab.expect(undelivered === 0, `${undelivered} undelivered`)
    await lab.until(isSettled, 'sends that settle')
    await lab.end()
    if (setup.isOnDisk && host) await lab.within(host.close(), 'the host closes')
    const again = setup.isOnDisk || !host ? lab.watch(await openHost(world)) : host
    const found = await lab.within(again.queue('jobs').peek(10_000, { schema: Job }), 'peek')
    const byNumber = new Map(found.map((message) => [message.value?.id ?? -1, message]))
    const names = found.flatMap(({ id }) => (id === undefined ? [] : [id]))
    lab.expect(byNumber.size === found.length, 'a message is there twice')
    lab.expect(new Set(names).size === names.length, () => `two messages of one id: ${names}`)
    for (const [number, { value, id, key, state }] of byNumber) {
      const own: SendOptions = JSON.parse((value?.note ?? '{}').split('\n')[0] as string)
      const isOwn = id === own.id && key === own.key && (state === 'delayed') === (own.delayMs !== undefined)
      lab.expect(isOwn, () => `${number} is ${JSON.stringify({ id, key, state })}, sent as ${JSON.stringify(own)}`)
    }
    for (const [number, { own, result, error, confirmed }] of sent) {
      const there = byNumber.get(number)
      if (error?.executed === 'no')
        lab.expect(there === undefined, `${number} was refused with ${error.code}, and is there`)
      if (result?.duplicate) lab.expect(there === undefined, `${number} was a duplicate, and is there`)
      if ((!result && !confirmed) || own.ttlMs === 1) continue
      const other = own.id !== undefined && names.includes(own.id)
      lab.expect(there !== undefined || other, `${number} was confirmed, and is not there`)
      const isPlace = own.id === undefined && result !== undefined && result.id !== ''
      if (isPlace) lab.expect(there?.position === Number(result?.id), `${number} is not at ${result?.id}`)
    }
    await lab.within(again.close(), 'the host closes')
    await lab.settled()
  },
})
