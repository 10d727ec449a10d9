/**
 * The command `rivulet avsc`: turns `.avsc` and `.avpr` files into TypeScript modules, because TypeScript widens imported JSON.
 *
 * It reads arguments and files; `avsc-module.ts` makes the text.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { RivuletError } from '../errors/index.js'
import { type AvscFile, avscModules } from './avsc-module.js'

/** What `--help` prints. */
export const usage = `Usage: rivulet avsc <file.avsc|file.avpr ...> [--out <directory>] [--long number|bigint]

Turns Avro schemas and protocols into TypeScript modules with their types, on the standard output or, with --out, into
one .ts file for each. Files may use named types of the schemas among them.

  --out <directory>  where to write the modules; made if it is missing
  --long <mode>      what an Avro long is in JavaScript: number (default) or bigint
  --help             print this
`

/**
 * Runs the command with the arguments behind its name.
 *
 * @throws RIVULET_INVALID_OPTION for wrong arguments; others for files that cannot be converted.
 */
export function run(args: readonly string[]): void {
  const { values, positionals: paths } = readArguments(args)
  if (paths.length === 0) throw wrong('no file')
  const { long = 'number', out } = values
  if (long !== 'number' && long !== 'bigint') throw wrong(`--long must be number or bigint, received ${long}`)
  const modules = avscModules(paths.map(readAvsc), { long, separate: out !== undefined })
  if (out === undefined) {
    for (const { text } of modules) process.stdout.write(text)
    return
  }
  mkdirSync(out, { recursive: true })
  for (const { name, text } of modules) writeFileSync(join(out, `${name}.ts`), text)
}

function readArguments(args: readonly string[]) {
  const options = {
    out: { type: 'string' },
    long: { type: 'string' },
  } as const
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : 'wrong arguments')
  }
}

function readAvsc(path: string): AvscFile {
  try {
    return { path, name: basename(path).replace(/\.(avsc|avpr|json)$/, ''), text: readFileSync(path, 'utf8') }
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : 'cannot be read'}`, { cause })
  }
}

function wrong(message: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_OPTION', message)
}
