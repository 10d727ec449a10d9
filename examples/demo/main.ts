/**
 * The demonstration's program: reads the command line, runs, prints, and ends with a code that says how it went.
 *
 * 0: everything is accounted for, also with a worker and the queue killed on purpose. 1: one of them failed by itself, or
 * something else went wrong. 2: the command line or the directory cannot be used. 130: interrupted; other signals likewise.
 */
import { readdir } from 'node:fs/promises'
import { constants } from 'node:os'
import { runDemo } from './demo.js'
import { printable } from './format.js'
import { type DemoOptions, parseOptions, UsageError, usage } from './options.js'
import { isInteractive, Lines, type Progress, Screen, Silence } from './progress.js'
import { type Summary, summaryText } from './summary.js'

const usageCode = 2

/** Signals that end a run in good order. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args)
    if (options.help) {
      process.stdout.write(usage)
      return 0
    }
    await checkDirectory(options.directory)
    return await runUntilSignal(options)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${printable(error.message)}\n\n${usage}`)
    return usageCode
  }
}

async function runUntilSignal(options: DemoOptions): Promise<number> {
  const interrupt = new AbortController()
  let code = 0
  const onSignal = (signal: NodeJS.Signals) => {
    code = 128 + constants.signals[signal]
    interrupt.abort(new Error(`ended by ${signal}`))
  }
  for (const signal of signals) process.on(signal, onSignal)
  const progress = progressFor(options)
  try {
    const summary = await runDemo(options, progress, interrupt.signal)
    progress.end()
    process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : `\n${summaryText(summary)}`)
    return exitCode(summary)
  } catch (error) {
    progress.end()
    if (!interrupt.signal.aborted) throw error
    process.stderr.write(`${(error as Error).message}\n`)
    return code
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

function progressFor({ json }: DemoOptions): Progress {
  const stream = json ? process.stderr : process.stdout
  if (isInteractive(stream, process.env)) return new Screen(stream)
  return json ? new Silence() : new Lines(stream)
}

function exitCode({ addsUp, workers, queue }: Summary): number {
  const failed = queue.hostRestarts > queue.hostKills || workers.some(({ state }) => state === 'failed')
  return addsUp && !failed ? 0 : 1
}

/** @throws UsageError if the directory cannot be read. */
async function checkDirectory(path: string): Promise<void> {
  try {
    await readdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const words: Record<string, string> = {
      ENOENT: 'does not exist',
      ENOTDIR: 'is not a directory',
      EACCES: 'may not be read',
    }
    throw new UsageError(`${path} ${words[code ?? ''] ?? `cannot be read: ${(error as Error).message}`}`)
  }
}
