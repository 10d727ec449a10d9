#!/usr/bin/env node
/**
 * The command `rivulet`: turns `.avsc` and `.avpr` files into TypeScript modules, because TypeScript widens imported JSON.
 *
 * It reads arguments and files and reports; `avsc-module.ts` makes the text. Exit code 0, 1 for a file that cannot be
 * converted, 2 for wrong arguments.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { type AvscFile, avscModules } from './avsc-module.js'

const usage = `Usage: rivulet avsc <file.avsc|file.avpr ...> [--out <directory>] [--long number|bigint]

Turns Avro schemas and protocols into TypeScript modules with their types, on the standard output or, with --out, into
one .ts file for each. Files may use named types of the schemas among them.

  --out <directory>  where to write the modules; made if it is missing
  --long <mode>      what an Avro long is in JavaScript: number (default) or bigint
  --help             print this
`

class UsageError extends Error {}

function main(args: readonly string[]): void {
  const { values, positionals } = readArguments(args)
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const [command, ...paths] = positionals
  if (command !== 'avsc') throw new UsageError(command === undefined ? 'no command' : `unknown command ${command}`)
  if (paths.length === 0) throw new UsageError('no file')
  const { long = 'number', out } = values
  if (long !== 'number' && long !== 'bigint') throw new UsageError(`--long must be number or bigint, received ${long}`)
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
    help: { type: 'boolean', short: 'h' },
  } as const
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : 'wrong arguments')
  }
}

function readAvsc(path: string): AvscFile {
  try {
    return { path, name: basename(path).replace(/\.(avsc|avpr|json)$/, ''), text: readFileSync(path, 'utf8') }
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : 'cannot be read'}`, { cause })
  }
}

try {
  main(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`rivulet: ${error.message}\n\n${usage}`)
    process.exitCode = 2
  } else {
    process.stderr.write(`rivulet: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
