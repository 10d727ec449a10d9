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
  readonly #sent = new Set<WrittenSchema>()

  /** Whether the host has the text of a schema; it has from now on. */
  has(schema: WrittenSchema): boolean {
    const sent = this.#sent
    if (sent.has(schema)) return true
    if (sent.size >= schemasPerStream) sent.delete(sent.values().next().value as WrittenSchema)
    sent.add(schema)
    return false
  }

  /** A stream begins, whose host has none. */
  clear(): void {
    this.#sent.clear()
  }
}
