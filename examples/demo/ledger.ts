/**
 * The account of every file: found, then hashed, unreadable, or lost, and nothing else.
 *
 * A file is open from the moment it is found until its first answer. What is open when no answer can come any more is
 * lost, so the sum adds up by itself; what could break it, an answer for no open file, is counted.
 */
import type { Entry } from './catalogue-service.js'
import { GrowingList } from './growing-list.js'
import type { Outcome, Task } from './schemas.js'

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

  /** Files without an answer: on their way, in work, or lost. */
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

  /** Answers for a file that had one already; there should be none. */
  get repeated(): number {
    return this.#repeated
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

  /** A task for each file, also for those that are entered while it runs; ends when everything is found. */
  async *tasks(): AsyncGenerator<Task, undefined> {
    let id = 0
    for await (const path of this.#paths.items()) yield { file: { id: id++, path } }
  }

  /** The files that were hashed, also those that are while it runs; ends when no answer can come. */
  entries(): AsyncGenerator<Entry, undefined> {
    return this.#entries.items()
  }

  /** Takes the answer of a worker. */
  close(outcome: Outcome): void {
    if ('Finished' in outcome) return
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
