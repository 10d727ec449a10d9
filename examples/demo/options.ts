/** The command line of the demonstration. It does not look at the directory: `main.ts` does. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** What the user asked for. */
export interface DemoOptions {
  /** Absolute. */
  readonly directory: string
  /** Whether stdout gets one JSON document, at the end, and nothing else. */
  readonly json: boolean
  /** Hashing processes. */
  readonly workers: number
  /** Whether one of them is killed at work. */
  readonly killWorker: boolean
  /** Whether the host of the queues is killed at work. */
  readonly killHost: boolean
  /** Whether the processes talk encrypted, and admit each other by their keys. */
  readonly secure: boolean
  readonly help: boolean
}

/** A command line that cannot be understood. */
export class UsageError extends Error {}

const maxWorkers = 64

export const usage = `Usage: npm start -- [directory] [options]

Hashes every file below the directory (default: the project's own node_modules) in several processes that take their work
from a durable queue, shows figures of this machine, asks a catalogue of the hashes about files and progress, kills one
worker and then the host of the queues on purpose, and accounts for every file at the end: none is lost.

  --workers N   hashing processes, 1 to ${maxWorkers} (default: 3); a single one is never killed
  --no-kill     kill nothing
  --secure      encrypt everything between the processes, which admit each other by their keys
  --json        one JSON document on stdout at the end; without npm's own lines: npm start --silent -- --json
  --help        this text
`

/** Reads the command line, without the name of the program. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { values, positionals } = parse(args)
  if (positionals.length > 1) throw new UsageError(`one directory, not ${positionals.length}`)
  const workers = Number(values.workers ?? 3)
  if (!Number.isInteger(workers) || workers < 1 || workers > maxWorkers) {
    throw new UsageError(`--workers takes a whole number from 1 to ${maxWorkers}, not ${values.workers}`)
  }
  const kills = values['no-kill'] !== true
  return {
    directory: resolve(positionals[0] ?? fileURLToPath(new URL('../../node_modules', import.meta.url))),
    json: values.json === true,
    workers,
    killWorker: kills && workers > 1,
    killHost: kills,
    secure: values.secure === true,
    help: values.help === true,
  }
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean' } as const
  const options = {
    json: flag,
    workers: { type: 'string' },
    'no-kill': flag,
    secure: flag,
    help: { ...flag, short: 'h' },
  } as const
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
