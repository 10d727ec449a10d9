/**
 * The writers' schemas that a receiver has been told, and the frames that wait for one it has not.
 *
 * A schema is known by its `meaning`, a hash of its text, so what one writer says can never change how another's
 * messages are read. Which reader fits is the codec's business. Everything here is bounded.
 */
import { createHash } from 'node:crypto'
import { RivuletError } from '../errors/index.js'
import type { DataFrame } from './data-frame.js'

/** Writers' schemas that are remembered. */
const maxSchemas = 1024

/** Bytes of all frames that wait for a schema. */
const maxParkedBytes = 4_194_304

/** What to do with a frame. */
export type Lookup =
  /** The text of the writer's schema; frames that waited for it come first. */
  | { readonly kind: 'known'; readonly text: string; readonly waited: readonly DataFrame[] }
  /** The frame waits. */
  | { readonly kind: 'parked' }
  /** The schema did not come: so many messages are lost, of this frame and those that waited; `first` once per writer. */
  | { readonly kind: 'lost'; readonly messages: number; readonly first: boolean }

interface Parked {
  readonly frames: DataFrame[]
  /** Whether the loss was reported. */
  reported: boolean
}

/** The book of schemas of one receiver. */
export class SchemaBook {
  readonly #texts = new Map<string, string>()
  readonly #parked = new Map<string, Parked>()
  readonly #maxParkedFrames: number
  #parkedFrames = 0
  #parkedBytes = 0
  #parkedMessages = 0

  /**
   * @param own - The meanings and texts that need no announcement: those of the receiver's own schemas.
   */
  constructor(maxParkedFrames: number, own: Iterable<readonly [meaning: Buffer, text: string]>) {
    this.#maxParkedFrames = maxParkedFrames
    for (const [meaning, text] of own) this.#texts.set(keyOf(meaning), text)
  }

  /** Messages in frames that wait. */
  get parkedMessages(): number {
    return this.#parkedMessages
  }

  /**
   * Finds the schema of a frame, learns the one it carries, or parks it.
   *
   * @throws RIVULET_BAD_FRAME for a frame whose schema does not match its own hash.
   */
  look(frame: DataFrame): Lookup {
    const { meaning, writerSchema } = frame.header
    const key = keyOf(meaning)
    const known = this.#texts.get(key)
    if (known !== undefined) return { kind: 'known', text: known, waited: [] }
    if (writerSchema === null) return this.#park(key, frame)
    if (keyOf(createHash('sha256').update(writerSchema).digest().subarray(0, 16)) !== key) {
      throw new RivuletError('RIVULET_BAD_FRAME', 'a frame carries a schema that does not match its hash')
    }
    if (this.#texts.size >= maxSchemas) this.#texts.delete(this.#texts.keys().next().value as string)
    this.#texts.set(key, writerSchema)
    return { kind: 'known', text: writerSchema, waited: this.#unpark(key) }
  }

  #park(key: string, frame: DataFrame): Lookup {
    const parked = this.#parked.get(key) ?? { frames: [], reported: false }
    const full = this.#parkedFrames >= this.#maxParkedFrames || this.#parkedBytes + frame.bytes.length > maxParkedBytes
    if (!full && !parked.reported) {
      parked.frames.push(frame)
      this.#parked.set(key, parked)
      this.#count(frame, 1)
      return { kind: 'parked' }
    }
    const first = !parked.reported
    const messages = this.#unpark(key).reduce((sum, { header }) => sum + header.count, frame.header.count)
    if (this.#parked.size >= maxSchemas) this.#parked.delete(this.#parked.keys().next().value as string)
    this.#parked.set(key, { frames: [], reported: true })
    return { kind: 'lost', messages, first }
  }

  #unpark(key: string): readonly DataFrame[] {
    const frames = this.#parked.get(key)?.frames ?? []
    this.#parked.delete(key)
    for (const frame of frames) this.#count(frame, -1)
    return frames
  }

  #count(frame: DataFrame, sign: 1 | -1): void {
    this.#parkedFrames += sign
    this.#parkedBytes += sign * frame.bytes.length
    this.#parkedMessages += sign * frame.header.count
  }
}

function keyOf(meaning: Buffer): string {
  return meaning.latin1Slice(0, 16)
}
