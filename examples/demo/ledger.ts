/**
 * The account of every file: found, then hashed, unreadable, or lost, and nothing else.
 *
 * A file is open from the moment it is found until its first answer. What is open when no answer can come any more is
 * lost, so the sum adds up by itself; what could break it, an answer for no open file, is counted.
 */
import type { Outcome, Task } from './schemas.js'

/** A file that could not be read. */
export interface UnreadableFile {
  readonly path: string
  readonly code: string
}

/** The account of all files. */
export class Ledger {
  /** By number. */
  readonly #paths: string[] = []
  readonly #open = new Set<number>()
  readonly #contents = new Set<string>()
  readonly #unreadable: UnreadableFile[] = []
  #hashed = 0
  #bytes = 0
  #repeated = 0
  #complete = false
  #wake = () => {}

  get found(): number {
    return this.#paths.length
  }

  /** Hashed once each. */
  get hashed(): number {
    return this.#hashed
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
    return [...this.#open].map((id) => this.#path(id))
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
    return this.#complete
  }

  /** Enters a file. */
  enter(path: string): void {
    this.#open.add(this.#paths.length)
    this.#paths.push(path)
    this.#wake()
  }

  /** Says that nothing more will be entered. */
  completed(): void {
    this.#complete = true
    this.#wake()
  }

  /** A task for each file, also for those that are entered while it runs; ends when everything is found. */
  async *tasks(): AsyncGenerator<Task, undefined> {
    for (let id = 0; ; ) {
      while (id < this.#paths.length) {
        yield { file: { id, path: this.#path(id) } }
        id += 1
      }
      if (this.#complete) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Takes the answer of a worker. */
  close(outcome: Outcome): void {
    if ('Finished' in outcome) return
    const { id } = 'Hashed' in outcome ? outcome.Hashed : outcome.Unreadable
    if (!this.#open.delete(id)) {
      this.#repeated += 1
    } else if ('Hashed' in outcome) {
      this.#hashed += 1
      this.#bytes += outcome.Hashed.bytes
      this.#contents.add(outcome.Hashed.sha256.toString('latin1'))
    } else {
      this.#unreadable.push({ path: this.#path(id), code: outcome.Unreadable.code })
    }
  }

  #path(id: number): string {
    return this.#paths[id] as string
  }
}
