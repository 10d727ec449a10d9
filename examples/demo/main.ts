/**
 * The program of the demonstration: reads the command line, runs, prints, and exits with a code.
 *
 * 0: every file is accounted for. 1: a process failed that was not killed on purpose, or the figures do not add up.
 * 2: the command line or the directory cannot be used. 130: interrupted; other signals likewise.
 */
import { readdir } from 'node:fs/promises'
import { constants } from 'node:os'
import { printable } from './format.js'
import { type DemoOptions, parseOptions, UsageError, usage } from './options.js'

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
    return 2
  }
}

async function runUntilSignal(options: DemoOptions): Promise<number> {
  // loaded here: an error of the command line needs none of it
  const [{ runDemo }, { linesTo, silence }, { exitCode, summaryText }] = await Promise.all([
    import('./demo.js'),
    import('./progress.js'),
    import('./summary.js'),
  ])
  const interrupt = new AbortController()
  let code = 0
  const onSignal = (signal: NodeJS.Signals) => {
    code = 128 + constants.signals[signal]
    interrupt.abort(new Error(`ended by ${signal}`))
  }
  for (const signal of signals) process.on(signal, onSignal)
  const progress = options.json ? silence : linesTo(process.stdout)
  try {
    const summary = await runDemo(options, progress, interrupt.signal)
    progress.end()
    process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : `\n${summaryText(summary)}`)
    return exitCode(summary)
  } catch (error) {
    progress.end()
    if (!interrupt.signal.aborted) throw error
    process.stderr.write(`${interrupt.signal.reason.message}\n`)
    return code
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** @throws UsageError if the directory cannot be read. */
async function checkDirectory(path: string): Promise<void> {
  const reasons: Record<string, string> = { ENOENT: 'does not exist', ENOTDIR: 'is not a directory' }
  await readdir(path).catch(({ code, message }: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} ${reasons[code ?? ''] ?? `cannot be read: ${message}`}`)
  })
}
