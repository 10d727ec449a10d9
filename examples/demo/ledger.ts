/**
 * The account of every file: found, then hashed or unreadable.
 *
 * A file is open from the moment it is found until its first answer. Work may be done twice: when its worker was killed, or
 * the queue did not hear that it is done. Further answers for a file change nothing, and are counted apart. What is open
 * when the run is over would be lost; the durable queue promises that there is nothing.
 */
import type { Entry } from './catalogue-service.js'
import { GrowingList } from './growing-list.js'
import type { Batch, File, Outcome, Report } from './schemas.js'

/** A file that could not be read. */
export interface UnreadableFile {
  readonly path: string
  readonly code: string
}

/** The account of all files. */
export class Ledger {
  /** By number. */
  readonly #paths = new GrowingList<string>()
  readonly #entries = new GrowingList<Entry>()
  readonly #open = new Set<number>()
  readonly #contents = new Set<string>()
  readonly #unreadable: UnreadableFile[] = []
  #bytes = 0
  #repeated = 0
  #redelivered = 0
  readonly #reports = new Set<number>()

  get found(): number {
    return this.#paths.length
  }

  /** Hashed once each. */
  get hashed(): number {
    return this.#entries.length
  }

  get unreadable(): readonly UnreadableFile[] {
    return this.#unreadable
  }

  /** Files without an answer: in the queue, in work, or lost. */
  get open(): number {
    return this.#open.size
  }

  /** The paths of the open files, in the order in which they were found. */
  openPaths(): string[] {
    return [...this.#open].map((id) => this.#paths.at(id))
  }

  /** Bytes that were hashed. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many different contents the hashed files have. */
  get distinctContents(): number {
    return this.#contents.size
  }

  /** Files that were worked on again although they had an answer, each time by itself. */
  get repeated(): number {
    return this.#repeated
  }

  /** Files that were answered from a second or later delivery. */
  get redelivered(): number {
    return this.#redelivered
  }

  /** Whether everything is found. */
  get complete(): boolean {
    return this.#paths.ended
  }

  /** Enters a file. */
  enter(path: string): void {
    this.#open.add(this.#paths.length)
    this.#paths.add(path)
  }

  /** Says that nothing more will be entered. */
  completed(): void {
    this.#paths.end()
  }

  /** Says that no answer will come any more. */
  settled(): void {
    this.#entries.end()
  }

  /** Every file once, in batches, also those that are entered while it runs; ends when everything is found. */
  async *batches(files: number): AsyncGenerator<Batch, undefined> {
    let id = 0
    let batch: File[] = []
    for await (const path of this.#paths.items()) {
      if (batch.push({ id: id++, path }) < files) continue
      yield { files: batch }
      batch = []
    }
    if (batch.length > 0) yield { files: batch }
  }

  /** The files that were hashed, also those that are while it runs; ends when no answer can come. */
  entries(): AsyncGenerator<Entry, undefined> {
    return this.#entries.items()
  }

  /** Takes the report of a worker; `false` if it has come before, since its place in the queue is known. */
  take({ attempt, outcomes }: Report, position: number): boolean {
    if (this.#reports.has(position)) return false
    this.#reports.add(position)
    if (attempt > 1) this.#redelivered += outcomes.length
    for (const outcome of outcomes) this.#close(outcome)
    return true
  }

  #close(outcome: Outcome): void {
    const { id } = 'Hashed' in outcome ? outcome.Hashed : outcome.Unreadable
    if (!this.#open.delete(id)) {
      this.#repeated += 1
      return
    }
    const path = this.#paths.at(id)
    if ('Hashed' in outcome) {
      const { bytes, sha256 } = outcome.Hashed
      this.#bytes += bytes
      this.#contents.add(sha256.toString('latin1'))
      this.#entries.add({ path, bytes, sha256 })
    } else {
      this.#unreadable.push({ path, code: outcome.Unreadable.code })
    }
  }
}
