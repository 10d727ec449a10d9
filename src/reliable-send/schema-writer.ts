/**
 * The messages of one schema among several of one outbox, as its way out sees them.
 *
 * The messages of a turn count at the writer that took the first of them. Classes, since a process may have very many of them.
 */
import type { Codec } from '../avro/codec.js'
import type { RivuletError } from '../errors/index.js'
import type { Writer } from '../stream/index.js'
import type { Extras } from './protocol.js'
import type { SendOutbox } from './send-outbox.js'
import type { Owner } from './sent-batch.js'

/** What the writers of one outbox share. */
export class WriterTurn {
  /** The one that took the first message of this turn. */
  first: object | undefined
}

/** The writer of one schema. */
export class SchemaWriter<In, E extends Extras> implements Writer<In, Owner<E>> {
  readonly #outbox: SendOutbox<In, unknown, E>
  readonly #codec: Codec<In, unknown>
  readonly #turn: WriterTurn

  constructor(outbox: SendOutbox<In, unknown, E>, codec: Codec<In, unknown>, turn: WriterTurn) {
    this.#outbox = outbox
    this.#codec = codec
    this.#turn = turn
  }

  get count(): number {
    return this.#turn.first === this ? this.#outbox.fresh.count : 0
  }

  get bytes(): number {
    return this.#turn.first === this ? this.#outbox.fresh.bytes : 0
  }

  append(value: In, owner?: Owner<E>): RivuletError | undefined {
    const refusal = this.#outbox.appendAs(this.#codec, value, owner)
    if (refusal === undefined) this.#turn.first ??= this
    return refusal
  }

  flush(): void {
    this.#turn.first = undefined
    this.#outbox.flush()
  }
}
