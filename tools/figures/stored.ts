/**
 * The stored results of the benchmarks: `bench/results`, one file a section, and figures that were observed once.
 *
 * `npm run bench -- --store` writes the sections. It reads them; `tables.ts`, `charts.ts` and `named.ts` say what pages show.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../build.js'

/** Where results are kept. */
export const resultFolder = join(root, 'bench', 'results')

/** A figure of several runs; results that were taken from a page have no range where the page had none. */
export interface StoredFigure {
  readonly median: number
  readonly min?: number
  readonly max?: number
}

/** One row of results, as the section of the benchmark makes it. */
export type StoredRow = Readonly<Record<string, unknown>>

/** The results of a section, with where and when they were measured. */
export interface Stored {
  /** The day, `2026-11-30`. */
  readonly measured: string
  readonly command: string
  /** The commit that was measured, or that put the figures on the page. */
  readonly commit: string
  readonly runs: number
  readonly machine: { readonly node: string; readonly cores: number; readonly cpu?: string; readonly load?: number }
  /** What a reader must know beside it, such as other load, or that the figures were taken from a page. */
  readonly note?: string
  readonly results: unknown
}

/** A figure that no benchmark repeats. */
export interface Observation {
  /** The figure as pages write it. */
  readonly value: string
  readonly what: string
  readonly measured: string
  readonly how: string
}

/** Whether a section was stored. */
export function isStored(section: string): boolean {
  return existsSync(join(resultFolder, `${section}.json`))
}

/** Writes a section. */
export function writeStored(section: string, stored: Stored): void {
  writeFileSync(join(resultFolder, `${section}.json`), `${JSON.stringify(stored, undefined, 2)}\n`)
}

/** Reads a section. */
export function readStored(section: string): Stored {
  return JSON.parse(readFileSync(join(resultFolder, `${section}.json`), 'utf8'))
}

/** Reads what was observed once, by name. */
export function readObservations(): Readonly<Record<string, Observation>> {
  return JSON.parse(readFileSync(join(resultFolder, 'observations.json'), 'utf8'))
}

/** The rows of a section, or of one of its lists. */
export function rowsOf({ results }: Stored, list?: string): readonly StoredRow[] {
  const found = list === undefined ? results : (results as StoredRow)[list]
  if (!Array.isArray(found)) throw new Error(`the results have no list ${list ?? ''}`)
  return found
}

/** The row with these values; throws where there is none. */
export function rowOf(rows: readonly StoredRow[], values: StoredRow): StoredRow {
  const found = rows.find((row) => Object.entries(values).every(([key, value]) => row[key] === value))
  if (found === undefined)
    throw new Error(`no stored result for ${JSON.stringify(values)}: measure it, or change the page`)
  return found
}

/** The figure of a row; throws where there is none. */
export function figureOf(row: StoredRow, key: string): StoredFigure {
  const found = row[key] as StoredFigure | undefined
  if (found?.median === undefined) throw new Error(`the row ${row.name} has no ${key}`)
  return found
}
