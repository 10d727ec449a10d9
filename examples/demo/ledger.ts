/**
 * The account of all files, and the walk that finds them.
 *
 * A file is open from the moment it is found until its first result. Further results, of batches that were delivered
 * again, are counted apart. Files that are open at the end would be lost; the durable queue promises that there are none.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { firstValueFrom, Subject } from 'rxjs'
import type { Batch, Entry, Report } from './schemas.js'

/** A file or directory that could not be read. */
export interface UnreadableFile {
  readonly path: string
  readonly code: string
}

/** What a walk did not open. */
export interface Skipped {
  symbolicLinks: number
  /** Pipes, sockets and devices. */
  specialFiles: number
  readonly unreadableDirectories: UnreadableFile[]
}

/** Yields the paths of all files below a directory, relative to it. */
export async function* walk(root: string, skipped: Skipped, directory = ''): AsyncGenerator<string, void> {
  const entries = await readdir(join(root, directory), { withFileTypes: true }).catch((error) => {
    skipped.unreadableDirectories.push({ path: directory || '.', code: error.code ?? 'UNKNOWN' })
    return []
  })
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isFile()) yield path
    else if (entry.isDirectory()) yield* walk(root, skipped, path)
    else if (entry.isSymbolicLink()) skipped.symbolicLinks += 1
    else skipped.specialFiles += 1
  }
}

/** The account of all files. */
export class Ledger {
  readonly skipped: Skipped = { symbolicLinks: 0, specialFiles: 0, unreadableDirectories: [] }
  readonly unreadable: UnreadableFile[] = []
  /** Whether all files are found. */
  complete = false
  /** Bytes that were hashed. */
  bytes = 0
  /** Results beyond the first of a file. */
  repeated = 0
  /** Results from a second or later delivery. */
  redelivered = 0
  /** By id. */
  readonly #paths: string[] = []
  readonly #open = new Set<number>()
  readonly #entries: Entry[] = []
  readonly #contents = new Set<string>()
  readonly #reports = new Set<number>()
  readonly #changes = new Subject<void>()
  #settled = false

  get found(): number {
    return this.#paths.length
  }

  get hashed(): number {
    return this.#entries.length
  }

  /** Files without a result. */
  get open(): number {
    return this.#open.size
  }

  get distinctContents(): number {
    return this.#contents.size
  }

  openPaths(): string[] {
    return [...this.#open].map((id) => this.#paths[id] as string)
  }

  /** Enters files as they are found, and yields them in batches. */
  async *batches(paths: AsyncIterable<string>, size: number): AsyncGenerator<Batch, void> {
    let files: Batch = []
    for await (const path of paths) {
      const id = this.#paths.push(path) - 1
      this.#open.add(id)
      if (files.push({ id, path }) < size) continue
      yield files
      files = []
    }
    this.complete = true
    if (files.length > 0) yield files
  }

  /** Yields hashed files, for one reader; ends after `settle`. */
  async *entries(): AsyncGenerator<Entry, void> {
    for (let next = 0; ; ) {
      while (next < this.#entries.length) yield this.#entries[next++] as Entry
      if (this.#settled) return
      await firstValueFrom(this.#changes)
    }
  }

  /** No more results will come. */
  settle(): void {
    this.#settled = true
    this.#changes.next()
  }

  /** Takes a report; returns false if a report with this position in the queue was taken before. */
  take({ attempt, results }: Report, position: number): boolean {
    if (this.#reports.has(position)) return false
    this.#reports.add(position)
    if (attempt > 1) this.redelivered += results.length
    for (const result of results) {
      const { id } = 'Hashed' in result ? result.Hashed : result.Unreadable
      const path = this.#paths[id] as string
      if (!this.#open.delete(id)) this.repeated += 1
      else if ('Unreadable' in result) this.unreadable.push({ path, code: result.Unreadable.code })
      else {
        const { bytes, sha256 } = result.Hashed
        this.bytes += bytes
        this.#contents.add(sha256.toString('latin1'))
        this.#entries.push({ path, bytes, sha256 })
      }
    }
    this.#changes.next()
    return true
  }
}
