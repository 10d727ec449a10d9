/**
 * A part of a replay while it is gathered, and what it takes.
 */
import type { NamedSchema } from './schema-texts.js'
import type { Expired, KeptFrame } from './topics-wire.js'

/** What an item of a part is counted with, beside its topic and its frame, in bytes. */
const itemCost = 16

/** What one call of a replay returns. */
export class ReplayPart {
  readonly schemas: NamedSchema[] = []
  readonly expired: Expired[] = []
  readonly frames: KeptFrame[] = []
  bytes = 0
  /** The schemas of earlier parts and of this one. */
  readonly #known: Set<NamedSchema>
  #last: NamedSchema | undefined

  constructor(known: Set<NamedSchema>) {
    this.#known = known
  }

  addExpired(expired: Expired): void {
    this.expired.push(expired)
    this.bytes += expired.topic.length + itemCost
  }

  /** Adds a frame, and its schema if it is the first frame that has it. */
  addFrame(topic: string, frame: Buffer, schema: NamedSchema): void {
    if (schema !== this.#last) {
      this.#last = schema
      if (!this.#known.has(schema)) {
        this.#known.add(schema)
        this.schemas.push(schema)
        this.bytes += schema.text.length
      }
    }
    this.frames.push({ topic, frame })
    this.bytes += frame.length + topic.length + itemCost
  }
}
