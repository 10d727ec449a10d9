/**
 * The program of a `Victim`: one resource of each pattern that is asked for, bound over TCP and IPC.
 *
 * The argument is a `VictimSetup` as JSON. Nothing catches errors here: an uncaught one ends the process.
 */
import { createDirectoryHost } from '../../patterns/directory/index.js'
import { createPeer } from '../../patterns/messaging/index.js'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull, createPush, createQueueHost } from '../../patterns/queue/index.js'
import { createRpcServer } from '../../patterns/rpc/index.js'
import { createStreamListener, lines, type StreamListenerOptions } from '../../patterns/socket/index.js'
import type { Resource } from '../../src/resource/index.js'
import { Job } from '../support/job.js'
import { HonestOrder, honestTopic } from './honest-order.js'
import { keepImplementation, keepName, untouchable } from './keep.js'
import {
  countedOf,
  type PatternReport,
  type Settled,
  type SiegeCertificates,
  type VictimNews,
  type VictimOrder,
  type VictimReport,
  type VictimSetup,
} from './orders.js'
import type { Endpoints, PatternName } from './patterns.js'
import { SelfWatch } from './self-watch.js'

interface Victim {
  readonly resource: Resource<object>
  /** Sends so many messages to honest peers. */
  send?(count: number): void
}

const { patterns, folder, keys, certificates } = JSON.parse(process.argv[2] as string) as VictimSetup
const faults: string[] = []
const warnings: string[] = []
const codes = new Map<PatternName, Map<string, number>>()
const unsaid = new Map<PatternName, number>()
const orders = new Map<PatternName, HonestOrder>()

function say(news: VictimNews): void {
  process.send?.(news)
}

/** Counts what has come from an honest peer, and says it once in a turn. */
function seen(pattern: PatternName): void {
  if (unsaid.size === 0) {
    setImmediate(() => {
      for (const [name, count] of unsaid) say({ seen: name, count })
      unsaid.clear()
    })
  }
  unsaid.set(pattern, (unsaid.get(pattern) ?? 0) + 1)
}

/** Takes a message of anybody, as a handler of `process`; what an attacker asks for it returns. */
function take(pattern: PatternName, { id, note }: Job): unknown {
  if (note === 'untouchable') return untouchable(id)
  const order = orders.get(pattern) as HonestOrder
  if (order.take({ id, note })) seen(pattern)
  return undefined
}

const binds = (pattern: PatternName) => {
  return ['tcp://127.0.0.1:*', pattern === 'tls' ? 'tcp://127.0.0.1:*' : `ipc://${folder}/${pattern}`]
}
/** How often is looked whether a pattern is settled, in milliseconds: not all counts have an event. */
const settlingMs = 10

const many = { concurrency: 64 }

/** How long peers of byte streams may take, in milliseconds. */
const patienceMs = 1000

/** What every resource is given beside where it binds. */
const common = keys
  ? { security: { keyPair: keys.victim, allow: { honest: keys.honest.publicKey, attacker: keys.attacker.publicKey } } }
  : {}

const open: Readonly<Record<PatternName, (bind: string[]) => Promise<Victim>>> = {
  rpc: async (bind) => ({ resource: await createRpcServer({ ...common, bind, services: [keepImplementation] }) }),

  async push(bind) {
    const push = await createPush({ ...common, schema: Job, bind })
    let id = 0
    return { resource: push, send: (count) => repeat(count, () => push.next(HonestOrder.job(id++))) }
  },

  async pull(bind) {
    const pull = await createPull({ ...common, schema: Job, bind })
    pull.messages.process((job) => take('pull', job), many).subscribe()
    return { resource: pull }
  },

  async queue(bind) {
    const queues = { jobs: {}, strangers: { maxLength: 10_000, overflow: 'drop-oldest' as const } }
    return { resource: await createQueueHost({ ...common, bind, store: 'memory', queues }) }
  },

  async publisher(bind) {
    const publisher = await createPublisher({ ...common, bind })
    const topic = publisher.topic(honestTopic, Job)
    let id = 0
    return { resource: publisher, send: (count) => repeat(count, () => topic.next(HonestOrder.job(id++))) }
  },

  async peer(bind) {
    const peer = await createPeer({ ...common, name: keepName, bind })
    peer
      .messages(Job)
      .process((job) => take('peer', job), many)
      .subscribe()
    return { resource: peer }
  },

  directory: async (bind) => ({ resource: await createDirectoryHost({ ...common, bind }) }),

  async subscriber(bind) {
    const subscriber = await createSubscriber({ ...common, bind })
    subscriber
      .topic('a.#', Job)
      .process((job) => take('subscriber', job), many)
      .subscribe()
    return { resource: subscriber }
  },

  lines: (bind) => listen({ framing: lines(), bind }),

  typed: (bind) => listen({ schema: Job, bind }),

  tls(bind) {
    const { victim, ca } = certificates as SiegeCertificates
    return listen({ framing: lines(), bind, tls: { ...victim, ca, requestCert: true, handshakeTimeoutMs: patienceMs } })
  },
}

/** Sends each message back; its times are short, so that an attack ends soon that waits for them. */
async function listen<In>(options: StreamListenerOptions<In, In>): Promise<Victim> {
  const times = { firstFrameTimeoutMs: patienceMs, frameTimeoutMs: patienceMs, halfOpenTimeoutMs: patienceMs }
  const listener = await createStreamListener({ ...options, ...times })
  listener.connections.subscribe((connection) => {
    connection.messages
      .process(
        async (message) => {
          // an end of the connection ends what waits
          await connection.send(message).catch(() => {})
        },
        { concurrency: 1 },
      )
      .subscribe({ complete: () => connection.complete() })
  })
  return { resource: listener }
}

function repeat(count: number, action: () => void): void {
  for (let done = 0; done < count; done++) action()
}

function reportOf(pattern: PatternName, { resource }: Victim): PatternReport {
  return {
    connected: resource.connected,
    refused: resource.refusedConnections,
    codes: Object.fromEntries(codes.get(pattern) ?? []),
    stats: { ...resource.stats() },
  }
}

function report(): VictimReport {
  const reports = [...victims].map(([name, victim]) => [name, reportOf(name, victim)])
  return { patterns: Object.fromEntries(reports), faults, warnings, ...watch.figures }
}

const victims = new Map<PatternName, Victim>()
const watch = new SelfWatch()
const endpoints: Partial<Record<PatternName, Endpoints>> = {}

for (const pattern of patterns) {
  orders.set(pattern, new HonestOrder((fault) => faults.push(`${pattern}: ${fault}`)))
  const victim = await open[pattern](binds(pattern))
  const byCode = new Map<string, number>()
  victim.resource.errors.subscribe(({ code }) => byCode.set(code, (byCode.get(code) ?? 0) + 1))
  codes.set(pattern, byCode)
  victims.set(pattern, victim)
  const [tcp, ipc] = victim.resource.endpoints as [string, string]
  endpoints[pattern] = { tcp, ipc }
}

/** Reports when each pattern is settled. */
function reportWhen(wanted: Readonly<Partial<Record<PatternName, Settled>>>): void {
  const isSettled = [...victims].every(([name, victim]) => {
    const { counted, connected } = wanted[name] ?? { counted: 0, connected: Number.MAX_SAFE_INTEGER }
    const report = reportOf(name, victim)
    return countedOf(report) >= counted && report.connected <= connected
  })
  if (isSettled) say({ report: report() })
  else setTimeout(() => reportWhen(wanted), settlingMs)
}

process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`))
process.on('disconnect', () => process.exit())
process.on('message', (order: VictimOrder) => {
  if ('send' in order) victims.get(order.send)?.send?.(order.count)
  else if ('measure' in order) watch.begin()
  else if ('when' in order) reportWhen(order.when)
  else if ('report' in order) say({ report: report() })
  else process.exit()
})
say({ endpoints })
