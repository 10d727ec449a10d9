/**
 * The writers' schemas that a receiver knows, and the frames that wait for others.
 *
 * A schema is known by its `schemaId`, a hash of its text, so what one writer says can never change how another's
 * messages are read. The codec finds the reader that fits. Everything here is bounded.
 */
import { createHash } from 'node:crypto'
import { schemaLimits } from '../avro/codec.js'
import { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import type { DataFrame } from './data-frame.js'

/** Writers' schemas that are remembered. */
const maxSchemas = 1024

/** What the book needs of a frame. */
export interface BookFrame {
  readonly header: Pick<DataFrame['header'], 'schemaId' | 'writerSchema' | 'count'>
  readonly bytes: Buffer
}

/** What to do with a frame. */
export type Lookup<Frame extends BookFrame = DataFrame> =
  /** The text of the writer's schema, and whether this frame brought it; frames that waited for it come first. */
  | { readonly kind: 'known'; readonly text: string; readonly isNew: boolean; readonly waited: readonly Frame[] }
  /** The frame waits. */
  | { readonly kind: 'parked' }
  /** The schema did not come: so many messages are lost, of this frame and those that waited; `first` once per writer. */
  | { readonly kind: 'lost'; readonly messages: number; readonly first: boolean }

/** The book of schemas of one receiver. */
export class SchemaBook<Frame extends BookFrame = DataFrame> {
  /** Never forgotten: the receiver's own schemas. */
  readonly #own = new Map<string, string>()
  /** In the order of use: a flood of schemas must not push out those of honest writers. */
  readonly #learned = new Map<string, string>()
  readonly #parked = new Map<string, Frame[]>()
  /** Writers whose schema did not come in time; what they send is lost until it does. */
  readonly #givenUp = new Set<string>()
  readonly #maxParkedFrames: number
  readonly #maxSchemas: number
  /** The answer for the last schema id that was known; frames of one writer that follow one another share its buffer. */
  #lastSchemaId: Buffer | undefined
  #lastKnown: Lookup<Frame> | undefined
  #parkedFrames = 0
  #parkedBytes = 0
  #parkedMessages = 0

  /**
   * @param mostSchemas - Writers' schemas that are remembered.
   */
  constructor(maxParkedFrames: number, mostSchemas = maxSchemas) {
    this.#maxParkedFrames = maxParkedFrames
    this.#maxSchemas = mostSchemas
  }

  /** Messages in frames that wait. */
  get parkedMessages(): number {
    return this.#parkedMessages
  }

  /**
   * Gives up on everything that waits, until its schema comes.
   *
   * @returns How many messages are lost.
   */
  giveUp(): number {
    const messages = this.#parkedMessages
    for (const key of [...this.#parked.keys()]) this.#giveUpOn(key)
    return messages
  }

  /** Enters a schema that needs no announcement. */
  know(schemaId: Buffer, text: string): void {
    this.#own.set(keyOf(schemaId), text)
  }

  /**
   * Enters a schema that came apart from its frames.
   *
   * @throws RIVULET_BAD_FRAME for one that is too long, or does not match its own hash.
   */
  learn(schemaId: Buffer, text: string): void {
    const key = keyOf(schemaId)
    if (this.#own.get(key) === undefined && this.#used(key) === undefined) this.#learn(key, text)
  }

  /**
   * Finds the schema of a frame, learns the one it carries, or parks it.
   *
   * @throws RIVULET_BAD_FRAME for a frame whose schema is too long, or does not match its own hash.
   */
  lookUp(frame: Frame): Lookup<Frame> {
    const { schemaId, writerSchema } = frame.header
    if (this.#lastKnown && schemaId === this.#lastSchemaId) return this.#lastKnown
    const key = keyOf(schemaId)
    const known = this.#own.get(key) ?? this.#used(key)
    if (known !== undefined) {
      this.#lastSchemaId = schemaId
      this.#lastKnown = { kind: 'known', text: known, isNew: false, waited: nothing }
      return this.#lastKnown
    }
    if (writerSchema === null) return this.#park(key, frame)
    this.#learn(key, writerSchema)
    return { kind: 'known', text: writerSchema, isNew: true, waited: this.#unpark(key) }
  }

  #learn(key: string, text: string): void {
    if (text.length > schemaLimits.textBytes) {
      throw new RivuletError('RIVULET_BAD_FRAME', `a frame carries a schema of ${text.length} characters`)
    }
    if (keyOf(createHash('sha256').update(text).digest()) !== key) {
      throw new RivuletError('RIVULET_BAD_FRAME', 'a frame carries a schema that does not match its hash')
    }
    if (this.#learned.size >= this.#maxSchemas) this.#learned.delete(this.#learned.keys().next().value as string)
    this.#learned.set(key, text)
    this.#givenUp.delete(key)
  }

  /** Looks a learned schema up, which makes it the last to be forgotten. */
  #used(key: string): string | undefined {
    const text = this.#learned.get(key)
    if (text === undefined) return undefined
    this.#learned.delete(key)
    this.#learned.set(key, text)
    return text
  }

  #park(key: string, frame: Frame): Lookup<Frame> {
    if (this.#givenUp.has(key)) return { kind: 'lost', messages: frame.header.count, first: false }
    const { length } = frame.bytes
    if (this.#parkedFrames < this.#maxParkedFrames && this.#parkedBytes + length <= defaults.parkedBytes) {
      const frames = this.#parked.get(key)
      if (frames) frames.push(frame)
      else this.#parked.set(key, [frame])
      this.#count(frame, 1)
      return { kind: 'parked' }
    }
    return { kind: 'lost', messages: frame.header.count + this.#giveUpOn(key), first: true }
  }

  #giveUpOn(key: string): number {
    if (this.#givenUp.size >= maxSchemas) this.#givenUp.delete(this.#givenUp.values().next().value as string)
    this.#givenUp.add(key)
    return this.#unpark(key).reduce((sum, { header }) => sum + header.count, 0)
  }

  #unpark(key: string): readonly Frame[] {
    const frames = this.#parked.get(key)
    if (!frames) return nothing
    this.#parked.delete(key)
    for (const frame of frames) this.#count(frame, -1)
    return frames
  }

  #count(frame: Frame, sign: 1 | -1): void {
    this.#parkedFrames += sign
    this.#parkedBytes += sign * frame.bytes.length
    this.#parkedMessages += sign * frame.header.count
  }
}

const nothing: readonly never[] = Object.freeze([])

/** The 16 bytes of a schema id as a key. */
function keyOf(schemaId: Buffer): string {
  return schemaId.toString('latin1', 0, 16)
}
