#!/usr/bin/env node
/**
 * The command `rivulet`: runs the command that its first argument names, and loads nothing of the others.
 *
 * Exit code 0, 1 for a failure, 2 for wrong arguments.
 */
import { isRivuletError } from './errors/index.js'

/** One command of the program. */
interface Command {
  readonly usage: string
  /** Runs it with the arguments behind its name; throws `RIVULET_INVALID_OPTION` for wrong ones. */
  run(args: readonly string[]): void | Promise<void>
}

const commands: ReadonlyMap<string, () => Promise<Command>> = new Map<string, () => Promise<Command>>([
  ['avsc', () => import('./avro/avsc-command.js')],
  ['hub', () => import('../patterns/pubsub/hub-command.js')],
])

const usage = `Usage: rivulet <command> [options]

  avsc   turns Avro schemas and protocols into TypeScript modules
  hub    stands between publishers and subscribers

rivulet <command> --help prints the options of a command.
`

const isHelp = (argument: string) => argument === '--help' || argument === '-h'

async function main([name, ...args]: readonly string[]): Promise<void> {
  const command = name === undefined ? undefined : await commands.get(name)?.()
  if (command === undefined) {
    if (name !== undefined && isHelp(name)) process.stdout.write(usage)
    else fail(name === undefined ? 'no command' : `unknown command ${name}`, usage)
    return
  }
  if (args.some(isHelp)) {
    process.stdout.write(command.usage)
    return
  }
  try {
    await command.run(args)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    fail(message, isRivuletError(error, 'RIVULET_INVALID_OPTION') ? command.usage : undefined)
  }
}

/** @param help - What is printed for wrong arguments; `undefined` for another failure. */
function fail(message: string, help: string | undefined): void {
  process.stderr.write(`rivulet: ${message}\n${help === undefined ? '' : `\n${help}`}`)
  process.exitCode = help === undefined ? 1 : 2
}

await main(process.argv.slice(2))
