/**
 * The schemas whose texts the host has from this stream, so that a text leaves once for many batches.
 *
 * A host remembers as many as `schemasPerStream`, and forgets the one that came first, as this does.
 */
import type { WrittenSchema } from './sent-batch.js'

/** Schemas of one stream whose text the host remembers. */
export const schemasPerStream = 64

/** The schemas of one stream. */
export class SentSchemas {
  /** The one that came first in front. */
  #sent: WrittenSchema[] = []

  /** Whether the host has the text of a schema; it has from now on. */
  has(schema: WrittenSchema): boolean {
    const sent = this.#sent
    if (sent.includes(schema)) return true
    if (sent.length >= schemasPerStream) sent.shift()
    sent.push(schema)
    return false
  }

  /** A stream begins, whose host has none. */
  clear(): void {
    this.#sent = []
  }
}
