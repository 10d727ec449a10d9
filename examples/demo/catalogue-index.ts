/**
 * The files in the catalogue, by path and by content. It knows nothing of calls.
 */
import type { Copies, Entry, Totals } from './catalogue-service.js'

/** The most paths that are told of one content. */
const toldPaths = 10

/** Files with their hashes. */
export class CatalogueIndex {
  readonly #hashes = new Map<string, Buffer>()
  /** By the hash as text. */
  readonly #copies = new Map<string, { files: number; readonly paths: string[] }>()
  #bytes = 0
  #latest: string | null = null
  #complete = false

  /** Enters a file. */
  enter({ path, bytes, sha256 }: Entry): void {
    this.#hashes.set(path, sha256)
    this.#bytes += bytes
    this.#latest = path
    const key = sha256.toString('latin1')
    const copies = this.#copies.get(key) ?? { files: 0, paths: [] }
    this.#copies.set(key, copies)
    copies.files += 1
    if (copies.paths.length < toldPaths) copies.paths.push(path)
  }

  /** Says that nothing more will be entered. */
  completed(): void {
    this.#complete = true
  }

  hashOf(path: string): Buffer | undefined {
    return this.#hashes.get(path)
  }

  copiesOf(sha256: Buffer): Copies {
    return this.#copies.get(sha256.toString('latin1')) ?? { files: 0, paths: [] }
  }

  totals(): Totals {
    return {
      files: this.#hashes.size,
      bytes: this.#bytes,
      contents: this.#copies.size,
      latest: this.#latest,
      complete: this.#complete,
    }
  }
}
