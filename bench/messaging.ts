/**
 * Named peers: messages one way between two processes, asks at a time and alone, and what a slow receiver makes a sender hold;
 * beside raw zeromq.js, NATS core and Moleculer, and asks beside RPC.
 */
import { alternate } from './alternate.js'
import { beginCalls, type CallRate, type LoneCall, measureRate } from './calls.js'
import { type MemoryUse, measureSlowly } from './memory.js'
import type { Options } from './options.js'
import { findNats } from './peers/nats.js'
import type { Server } from './peers/program.js'
import { Player } from './processes.js'
import { progress, type Row, rounds } from './rounds.js'
import { type Figure, figure, quantile, ratio } from './statistics.js'
import type { Stretch } from './stretch.js'
import type { Result } from './throughput.js'
import { askWays, type Endpoints, messageWays } from './ways/index.js'
import { moleculerVersion } from './ways/moleculer.js'
import { natsVariable } from './ways/nats-core.js'

const own = 'rivulet/messaging'
const rpc = 'rivulet/rpc'
const rawLone = 'raw REQ/REP'

/** Asks that are open at the same time. */
const atOnce = 256

/** How long the first message may take, in milliseconds. */
const firstMessageMs = 20_000

/** A rate of messages one way. */
export interface MessageRate {
  readonly name: string
  /** Messages a second. */
  readonly perSecond: Figure
  /** Rivulet alone: beside the fastest of the others. */
  readonly toBest: Figure | undefined
  readonly best: string | undefined
  readonly senderNanoseconds: number | undefined
  readonly receiverNanoseconds: number | undefined
}

/** What named peers come to. */
export interface MessagingResults {
  readonly messages: readonly MessageRate[]
  /** The baseline of asks is RPC. */
  readonly asks: readonly CallRate[]
  readonly lone: readonly LoneCall[]
  readonly memory: readonly MemoryUse[]
  /** The versions of the others, or why they are not measured. */
  readonly about: readonly string[]
}

/** Measures what is installed. */
export async function measureMessaging(options: Options): Promise<MessagingResults> {
  const found = findNats('default')
  const version = moleculerVersion()
  const about = [
    version === undefined ? 'Moleculer: skipped, not installed' : `Moleculer ${version}, its TCP transporter`,
  ]
  let server: Server | undefined
  try {
    if (typeof found === 'string') {
      about.push(`NATS core: skipped, ${found}`)
    } else {
      server = await found()
      process.env[natsVariable] = server.endpoints[0]
      about.push(`NATS core: ${server.about}`)
    }
    const isThere = (name: string) =>
      !(name.startsWith('NATS') && server === undefined) && !(name.startsWith('Moleculer') && version === undefined)
    return {
      messages: await measureMessages(options, Object.keys(messageWays).filter(isThere)),
      asks: await measureAsks(options, [...Object.keys(askWays), rpc].filter(isThere)),
      lone: await measureLone(options, [...Object.keys(askWays), rpc, rawLone].filter(isThere)),
      memory: await measureSlowly(messageWays, options),
      about,
    }
  } finally {
    await server?.[Symbol.asyncDispose]()
  }
}

async function measureMessages(options: Options, names: readonly string[]): Promise<MessageRate[]> {
  const rows: Row<Result>[] = []
  for (const name of names) {
    const { produce } = await (messageWays[name] as (typeof messageWays)[string])()
    for (const manner of Object.keys(produce)) {
      rows.push({ name: `${name}: ${manner}`, measure: () => measureOneWay(name, manner, options) })
    }
  }
  const results = await rounds(rows, options.runs)
  const rates = (name: string) => (results.get(name) ?? []).map(({ perSecond }) => perSecond)
  const others = rows.map(({ name }) => name).filter((name) => !name.startsWith(own))
  const best = others.sort((one, other) => figure(rates(other)).median - figure(rates(one)).median)[0]
  return rows.map(({ name }) => {
    const isOwn = name.startsWith(own) && best !== undefined
    return {
      name,
      perSecond: figure(rates(name)),
      toBest: isOwn ? ratio(rates(name), rates(best)) : undefined,
      best: isOwn ? best : undefined,
      senderNanoseconds: medianOf(results.get(name), 'producerNanoseconds'),
      receiverNanoseconds: medianOf(results.get(name), 'consumerNanoseconds'),
    }
  })
}

/** Measures one run of a way, from its first message on: some take seconds until their peers know of each other. */
async function measureOneWay(way: string, manner: string, { warmUpMs, forMs }: Options): Promise<Result> {
  await using receiver = new Player(way)
  await using sender = new Player(way)
  const endpoints = await receiver.order<Endpoints>({ do: 'consume' })
  await sender.order({ do: 'produce', manner, endpoints })
  await receiver.order({ do: 'measure', warmUpMs: firstMessageMs, forMs: 0, atMost: 1 })
  const stretch = { do: 'measure', warmUpMs, forMs } as const
  const [received, sent] = await Promise.all([receiver.order<Stretch>(stretch), sender.order<Stretch>(stretch)])
  const perSecond = (received.messages / received.ms) * 1000
  return {
    perSecond,
    producerNanoseconds: (sent.cpuMs / sent.ms / perSecond) * 1e9,
    consumerNanoseconds: (received.cpuMs / received.ms / perSecond) * 1e9,
  }
}

function medianOf(results: readonly Result[] = [], part: 'producerNanoseconds' | 'consumerNanoseconds') {
  const values = results.map((result) => result[part]).filter((value) => value !== undefined)
  return values.length > 0 ? figure(values).median : undefined
}

async function measureAsks(options: Options, names: readonly string[]): Promise<CallRate[]> {
  const rows: Row<number>[] = names.map((name) => ({
    name,
    measure: () => measureRate(name, options, (client) => client.order({ do: 'call', atOnce })),
  }))
  const results = await rounds(rows, options.runs)
  const baseline = results.get(rpc) as number[]
  return names.map((name) => {
    const values = results.get(name) as number[]
    return { name: `${name}: ${atOnce} at a time`, perSecond: figure(values), toBaseline: ratio(values, baseline) }
  })
}

async function measureLone(options: Options, names: readonly string[]): Promise<LoneCall[]> {
  const runs: Map<string, number[]>[] = []
  for (let run = 0; run < options.runs; run++) {
    progress(`run ${run + 1} of ${options.runs}: a lone ask`)
    runs.push(await alternate(names, options, beginCalls))
  }
  progress('')
  const part = (name: string, at: number): number[] => runs.map((times) => quantile(times.get(name) ?? [], at))
  return names.map((name) => ({
    name,
    median: figure(part(name, 0.5)),
    p99: figure(part(name, 0.99)),
    toBaseline: ratio(part(name, 0.5), part(rawLone, 0.5)),
  }))
}
