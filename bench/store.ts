/**
 * Stores results: a file for each section in `bench/results`, with the machine, the day and the commit; then the pages and charts
 * show them.
 */
import { execFileSync } from 'node:child_process'
import { root } from '../tools/build.js'
import { resultFolder, type Stored, writeStored } from '../tools/figures/stored.js'
import { writeFigures } from '../tools/figures.js'
import type { Results } from './report.js'

/** Writes what was measured, and the pages. */
export function storeResults(results: Results): void {
  for (const [section, stored] of storedOf(results, today(), commit())) writeStored(section, stored, resultFolder)
  writeFigures()
}

/** The file of each section that was measured. */
export function storedOf(results: Results, measured: string, commit: string): Map<string, Stored> {
  const { machine, options } = results
  return new Map(
    options.sections.map((section) => {
      const command = `npm run bench -- --store --runs ${options.runs} ${section}`
      return [section, { measured, command, commit, runs: options.runs, machine, results: results[section] }]
    }),
  )
}

function today(): string {
  return new Date().toISOString().slice(0, 10)
}

function commit(): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
}
