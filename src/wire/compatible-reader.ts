/**
 * One reader's schema against many writers': finds the reader of a frame, or says once for each writer why there is none.
 */
import type { Codec } from '../avro/codec.js'
import type { RivuletError } from '../errors/index.js'
import type { MessageReader } from './batch.js'

/** Writers whose refusal is remembered. */
const maxRefused = 1024

/** Finds readers for one schema. */
export class CompatibleReader<T> {
  readonly #codec: Codec<never, T>
  readonly #refused = new Set<string>()
  readonly #onRefused: (error: RivuletError) => void
  /** What was found last: most frames come from the writer of the one before. */
  #lastText: string | undefined
  #lastReader: MessageReader<T> | undefined

  /**
   * @param onRefused - Told at the first frame of each writer that cannot be read.
   */
  constructor(codec: Codec<never, T>, onRefused: (error: RivuletError) => void) {
    this.#codec = codec
    this.#onRefused = onRefused
  }

  /** Returns the reader for values of a writer; `undefined` if the schemas do not go together. */
  readerFor(writerText: string): MessageReader<T> | undefined {
    if (writerText === this.#lastText) return this.#lastReader
    // it would be refused again, for the price of reading it: the codec keeps fewer of them
    if (this.#refused.has(writerText)) return undefined
    try {
      const read = this.#codec.readerFor(writerText)
      this.#lastReader = { read, skipper: () => this.#codec.skipperFor(writerText) }
      this.#lastText = writerText
      return this.#lastReader
    } catch (error) {
      if (this.#refused.size >= maxRefused) this.#refused.delete(this.#refused.values().next().value as string)
      this.#refused.add(writerText)
      this.#onRefused(error as RivuletError)
      return undefined
    }
  }
}
