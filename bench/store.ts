/** Stores results: a file for each section in `bench/results`, with the machine, the day and the commit. */
import { execFileSync } from 'node:child_process'
import { root } from '../tools/build.js'
import { type Stored, writeStored } from '../tools/figures/stored.js'
import type { Section } from './options.js'
import type { Results } from './report.js'

/** Writes what was measured of a section. */
export function storeSection(results: Results, section: Section): void {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  writeStored(section, storedOf(results, section, new Date().toISOString().slice(0, 10), commit))
}

/** What is stored of a section. */
export function storedOf(results: Results, section: Section, measured: string, commit: string): Stored {
  const { machine, options } = results
  const command = `npm run bench -- --store --runs ${options.runs} ${section}`
  return { measured, command, commit, runs: options.runs, machine, results: results[section] }
}
