/**
 * The command line of the demonstration: what may be said, and what it means.
 *
 * It only reads words; whether the directory can be read is the business of `main.ts`.
 */
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
  /** Whether the queue is killed at work. */
  readonly killQueue: boolean
  readonly help: boolean
}

/** A command line that cannot be understood. */
export class UsageError extends Error {}

const mostWorkers = 64

export const usage = `Usage: npm start -- [directory] [options]

Hashes every file below the directory (default: the project's own node_modules) in several processes that take their work
from a durable queue, shows this machine's figures, asks a catalogue of the hashes about files and progress, kills one worker
and then the queue itself on purpose, and accounts for every file at the end: none is lost.

  --workers N   hashing processes, 1 to ${mostWorkers} (default: 3); a single one is never killed
  --no-kill     let every worker and the queue live
  --json        one JSON document on stdout at the end; without npm's own lines: npm start --silent -- --json
  --help        this text
`

/** Reads the command line, without the program's name. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { values, positionals } = parse(args)
  if (positionals.length > 1) throw new UsageError(`one directory, not ${positionals.length}`)
  const workers = values.workers === undefined ? 3 : Number(values.workers)
  if (!Number.isInteger(workers) || workers < 1 || workers > mostWorkers) {
    throw new UsageError(`--workers takes a whole number from 1 to ${mostWorkers}, not ${values.workers}`)
  }
  return {
    directory: positionals[0] === undefined ? defaultDirectory() : resolve(positionals[0]),
    json: values.json ?? false,
    workers,
    killWorker: !(values['no-kill'] ?? false) && workers > 1,
    killQueue: !(values['no-kill'] ?? false),
    help: values.help ?? false,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        workers: { type: 'string' },
        'no-kill': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function defaultDirectory(): string {
  return fileURLToPath(new URL('../../node_modules', import.meta.url))
}
