/**
 * Schemas that come in pieces: puts the announcements of one source together, within bounds.
 *
 * What it puts together is checked against its hash by the book of schemas, so pieces of another text are of no use to anybody.
 */
import { schemaLimits } from '../../../src/avro/codec.js'
import type { DatagramSchema } from './schemas.js'

/** Texts that are put together at the same time; of more, the one that began first is given up. */
const mostTexts = 16

/** The fewest bytes of a piece that is not the last: bounds the number of pieces. */
const fewestBytes = 16

interface Text {
  readonly bytes: Buffer
  /** Where pieces begin that have come. */
  readonly offsets: Set<number>
  missing: number
}

/** Puts texts together. */
export class SchemaPieces {
  readonly #texts = new Map<string, Text>()

  /** Whether the numbers of a piece can be true. */
  static isValid({ size, offset, text, sequence }: DatagramSchema): boolean {
    if (size < 1 || size > schemaLimits.textBytes || offset < 0 || sequence < 1 || text.length < 1) return false
    return offset + text.length <= size && (text.length >= fewestBytes || offset + text.length === size)
  }

  /** Takes a valid piece of a source; returns the text when it is whole. */
  take(source: string, { size, offset, text }: DatagramSchema): string | undefined {
    if (text.length === size) return text.toString()
    const known = this.#texts.get(source)
    const whole = known?.bytes.length === size ? known : this.#begin(source, size)
    if (whole.offsets.has(offset)) return undefined
    whole.offsets.add(offset)
    text.copy(whole.bytes, offset)
    whole.missing -= text.length
    if (whole.missing > 0) return undefined
    this.#texts.delete(source)
    return whole.bytes.toString()
  }

  #begin(source: string, size: number): Text {
    this.#texts.delete(source)
    if (this.#texts.size >= mostTexts) this.#texts.delete(this.#texts.keys().next().value as string)
    const text = { bytes: Buffer.alloc(size), offsets: new Set<number>(), missing: size }
    this.#texts.set(source, text)
    return text
  }
}
