/**
 * Replay: a process reads a million stored messages from the beginning, beside an ordered consumer of NATS JetStream.
 *
 * They are stored once; each run reads them twice in a new process, and the second time counts.
 */
import { makeFolder } from './clean-up.js'
import type { Options } from './options.js'
import { findNats } from './peers/nats.js'
import { type Server, startServer } from './peers/program.js'
import { Player } from './processes.js'
import { progress, type Row, rounds } from './rounds.js'
import { type Figure, figure, ratio } from './statistics.js'
import { type Endpoints, replayWays } from './ways/index.js'

/** Messages that are stored. */
export const storedMessages = 1_000_000

/** Where the messages are, and the way of Rivulet and that of the other for it. */
const pairs = [
  ['rivulet/pubsub, replay from memory', 'NATS JetStream, replay from memory'],
  ['rivulet/pubsub, replay from disk', 'NATS JetStream, replay from files'],
] as const

/** One row of the table. */
export interface ReplayRate {
  readonly name: string
  /** Messages a second. */
  readonly perSecond: Figure
  /** Rivulet alone: beside the other with the same storage. */
  readonly toOther: Figure | undefined
}

/** What replays come to. */
export interface ReplayResults {
  readonly rates: readonly ReplayRate[]
  /** Versions and settings, or why something is not measured. */
  readonly about: readonly string[]
}

/** Measures what is on this machine. */
export async function measureReplay({ runs }: Options): Promise<ReplayResults> {
  const about: string[] = []
  const logs = new Map<string, Server>()
  try {
    for (const name of pairs.flat()) {
      const nats = name.startsWith('NATS') ? findNats('default') : undefined
      if (typeof nats === 'string') {
        about.push(`${name}: skipped, ${nats}`)
        continue
      }
      progress(`storing ${storedMessages} messages: ${name}`)
      const log = await startServer(async (use) => {
        const { path: folder } = use(makeFolder())
        const server = nats && use(await nats())
        const writer = use(new Player(name))
        const store = { do: 'store', server: server?.endpoints ?? [], messages: storedMessages, folder } as const
        return { endpoints: await writer.order<Endpoints>(store), about: server?.about ?? 'this build' }
      })
      logs.set(name, log)
      about.push(`${name}: ${log.about}; ${(await replayWays[name]?.())?.settings}`)
    }
    const rows: Row<number>[] = [...logs].map(([name, log]) => ({ name, measure: () => measureOnce(name, log) }))
    const results = await rounds(rows, runs)
    const rates = pairs.flatMap(([own, other]) => {
      const [ours, theirs] = [results.get(own) ?? [], results.get(other)]
      return [
        { name: own, perSecond: figure(ours), toOther: theirs && ratio(ours, theirs) },
        ...(theirs ? [{ name: other, perSecond: figure(theirs), toOther: undefined }] : []),
      ]
    })
    return { rates, about }
  } finally {
    for (const log of logs.values()) await log[Symbol.asyncDispose]()
  }
}

async function measureOnce(name: string, { endpoints }: Server): Promise<number> {
  await using reader = new Player(name)
  const replay = { do: 'replay', endpoints, messages: storedMessages } as const
  await reader.order<number>(replay)
  const ms = await reader.order<number>(replay)
  return (storedMessages / ms) * 1000
}
