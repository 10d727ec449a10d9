/**
 * How messages are written into an outbox: those of its only schema, or of one among several.
 *
 * They count the messages of this turn; those of earlier turns, the outbox counts itself.
 */
import type { Codec } from '../avro/codec.js'
import type { RivuletError } from '../errors/index.js'
import type { Writer } from '../stream/index.js'
import type { Extras } from './protocol.js'
import type { SendOutbox } from './send-outbox.js'
import type { Owner } from './sent-batch.js'

/** The writer that took the first message of this turn, of several: the messages of a turn count there. */
export interface FirstWriter {
  writer: object | undefined
}

/** The writer of one schema among several, which go into one outbox. A class, since a process may have very many of them. */
export class SchemaWriter<In, E extends Extras> implements Writer<In, Owner<E>> {
  readonly #outbox: SendOutbox<In, unknown, E>
  readonly #first: FirstWriter
  readonly #codec: Codec<In, unknown>

  constructor(outbox: SendOutbox<In, unknown, E>, first: FirstWriter, codec: Codec<In, unknown>) {
    this.#outbox = outbox
    this.#first = first
    this.#codec = codec
  }

  get count(): number {
    return this.#first.writer === this ? this.#outbox.fresh.count : 0
  }

  get bytes(): number {
    return this.#first.writer === this ? this.#outbox.fresh.bytes : 0
  }

  append(value: In, owner?: Owner<E>): RivuletError | undefined {
    const refusal = this.#outbox.appendAs(this.#codec, value, owner)
    if (refusal === undefined) this.#first.writer ??= this
    return refusal
  }

  flush(): void {
    this.#first.writer = undefined
    this.#outbox.flush()
  }
}

/** The writer of an outbox, which counts the messages of this turn separately. */
export function writerOf<In, E extends Extras>(
  outbox: SendOutbox<In, unknown, E>,
  append: Writer<In, Owner<E>>['append'],
): Writer<In, Owner<E>> {
  const { fresh } = outbox
  return {
    get count() {
      return fresh.count
    },
    get bytes() {
      return fresh.bytes
    },
    append,
    flush: () => outbox.flush(),
  }
}
