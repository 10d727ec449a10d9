/**
 * The schemas whose texts the host has from this stream, so that a text leaves once for many batches.
 *
 * A host remembers as many as `schemasPerStream`, and forgets the one that came first, as this does.
 */
import type { WrittenSchema } from './sent-batch.js'

/** Schemas of one stream whose text the host remembers. */
export const schemasPerStream = 64

const none: readonly WrittenSchema[] = []

/** The schemas of one stream. */
export class SentSchemas {
  /** The one that came first in front. */
  #sent: readonly WrittenSchema[] = none

  /** Whether the host has the text of a schema; it has from now on. */
  has(schema: WrittenSchema): boolean {
    const sent = this.#sent
    if (sent.includes(schema)) return true
    // exactly as long as it must be: a process may have very many streams, most of them with one schema
    this.#sent = (sent.length < schemasPerStream ? sent : sent.slice(1)).concat([schema])
    return false
  }

  /** A stream begins, whose host has none. */
  clear(): void {
    this.#sent = none
  }
}
