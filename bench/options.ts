/** The command line of the benchmarks, and how long each of them runs. */
import { parseArgs } from 'node:util'

/** What can be measured. */
export const sections = [
  'throughput',
  'topics',
  'replay',
  'latency',
  'calls',
  'curve',
  'memory',
  'codecs',
  'durable',
  'depth',
  'messaging',
  'datagrams',
  'streams',
  'matching',
] as const

/** A benchmark. */
export type Section = (typeof sections)[number]

/** How to measure. */
export interface Options {
  readonly sections: readonly Section[]
  /** How often each row is measured, in turn with the others. */
  readonly runs: number
  readonly json: boolean
  /** Whether the results are stored, and the pages show them. */
  readonly store: boolean
  /** Before a throughput is measured, and while it is, in milliseconds. */
  readonly warmUpMs: number
  readonly forMs: number
  /** Exchanges before and while a latency is measured. */
  readonly warmUpExchanges: number
  readonly exchanges: number
}

/** What `--help` says. */
export const usage = `Usage: npm run bench -- [options] [${sections.join('] [')}]

  --runs N   runs of each row, in turn with the others (5; 3 with --quick)
  --quick    shorter runs: a first look, no figures to quote
  --json     for machines
  --store    writes bench/results, one file a section, and puts the figures into the pages and charts

Durable queues (durable, depth) are kept in the folder for temporary files, which TMPDIR names: it should be on a disk. The
peers of the first come from the packages nats-server and rabbitmq-server; those that are not installed are skipped. So are
those of named peers (messaging): nats-server, and moleculer from npm; of streams: @grpc/grpc-js from npm; of topics:
nats-server, redis-server and mosquitto; and of their replay: nats-server.`

/** Reads the command line; `undefined` where help is wanted. Throws what is wrong with it. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      store: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const { quick, json, store } = values
  if (quick && store) throw new Error('--store takes no --quick: its figures are not to be quoted')
  const runs = Number(values.runs ?? (quick ? 3 : 5))
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a number of at least 1, not ${values.runs}`)
  const wanted = positionals.map((name) => {
    const section = sections.find((known) => known === name)
    if (section === undefined) throw new Error(`there is no benchmark named ${name}`)
    return section
  })
  return {
    sections: wanted.length > 0 ? wanted : sections,
    runs,
    json,
    store,
    warmUpMs: quick ? 700 : 1500,
    forMs: quick ? 700 : 2000,
    warmUpExchanges: quick ? 5000 : 20_000,
    exchanges: quick ? 2000 : 5000,
  }
}
