/**
 * A batch of messages: kept as it was packed until the host has confirmed or refused each of its messages.
 */
import { RivuletError } from '../errors/index.js'
import { newList } from '../lifecycle/index.js'
import { Packed } from './message-packer.js'
import type { Batch, Duplicate, Extras, IndexedExtras } from './protocol.js'

/** What a message takes of the outbox beside its bytes: its length, its check, its caller. */
export const messageCost = 24

/** What the extras of a message take, in bytes: on the link and of the outbox. */
export type ExtrasCost<E extends Extras> = (extras: E) => number

/** The caller that waits for the outcome of a message: one send, or a `sendAll` for all its messages. */
export interface Owner<E extends Extras> {
  /** What each of its messages has beside its value. */
  readonly extras?: E | undefined
  /** The batch that its message is in, once that is cut; for an owner of one message that may be withdrawn. */
  batch?: SentBatch<E> | undefined
  /** Whether it may withdraw its message. */
  readonly mayWithdraw?: boolean
  /** Whether its message is sent again to a host that knows nothing of the one before, which may have taken it. */
  readonly mayRepeat?: boolean
  /** Whether it reports how many messages failed and not why: then `errors` reports why. */
  readonly countsOnly?: boolean
  /**
   * It is stored and as safe as the host promises.
   *
   * @param position - Its place at the host; 0 if that is not known, since it was stored by an earlier try.
   */
  stored(id: string | undefined, position: number, duplicate: boolean): void
  /** It was refused, or nobody knows what became of it. */
  failed(error: RivuletError): void
}

/** The callers that wait for the messages of a batch, by index. */
export type Owners<E extends Extras> = (Owner<E> | undefined)[]

const noExtras: readonly never[] = []

/** What goes with the messages that are packed and not in a batch yet; each batch has one of its own. */
export class Gathered<E extends Extras> {
  extras: IndexedExtras<E>[] | undefined
  readonly owners: Owners<E> = newList()
  readonly #costOf: ExtrasCost<E>
  extrasBytes = 0
  /** Whether one of the owners may withdraw its message. */
  mayWithdraw = false
  /** Whether all of them are to be repeated to another host, or none. */
  readonly mayRepeat: boolean

  constructor(costOf: ExtrasCost<E>, mayRepeat: boolean) {
    this.#costOf = costOf
    this.mayRepeat = mayRepeat
  }

  /** Adds the message that was packed last; returns what its extras take, in bytes. */
  add(owner: Owner<E> | undefined): number {
    const index = this.owners.push(owner) - 1
    if (owner === undefined) return 0
    if (owner.mayWithdraw) this.mayWithdraw = true
    if (owner.extras === undefined) return 0
    this.extras ??= newList()
    this.extras.push({ index, ...owner.extras })
    const cost = this.#costOf(owner.extras)
    this.extrasBytes += cost
    return cost
  }
}

/** The schema that messages were written with, as a batch names it. */
export interface WrittenSchema {
  readonly schemaId: Buffer
  readonly text: string
}

/** A batch without an outcome. */
export class SentBatch<E extends Extras> {
  /** The number of the transmission; 0 while it waits for one. */
  number = 0
  /** The sequence of its first message, once it has one. */
  sequence = 0
  /** Whether it may have left, in this transmission or an earlier one. */
  hasLeft = false
  readonly schema: WrittenSchema
  /** Whether its messages are sent again to a host that knows nothing of the one before. */
  readonly mayRepeat: boolean
  #packed: Packed
  #extras: readonly IndexedExtras<E>[]
  #owners: Owners<E>
  readonly #costOf: ExtrasCost<E>

  constructor(
    schema: WrittenSchema,
    packed: Packed,
    { extras, owners, mayRepeat }: Pick<Gathered<E>, 'extras' | 'owners' | 'mayRepeat'>,
    costOf: ExtrasCost<E>,
  ) {
    this.schema = schema
    this.mayRepeat = mayRepeat
    this.#packed = packed
    this.#extras = extras ?? noExtras
    this.#owners = owners
    this.#costOf = costOf
  }

  /** Its messages. */
  get count(): number {
    return this.#packed.lengths.length
  }

  /** What it takes of the outbox, in bytes. */
  get cost(): number {
    const cost = this.#packed.bodies.length + this.count * messageCost
    return this.#extras.reduce((sum, extras) => sum + this.#costOf(extras), cost)
  }

  /** As it is sent; with the text of its schema, unless the host knows that. */
  wire(isSchemaKnown: boolean): Batch<E> {
    const { lengths, checks, bodies } = this.#packed
    const extras = this.#extras
    const { schemaId, text } = this.schema
    const schema = isSchemaKnown ? null : text
    return { number: this.number, sequence: this.sequence, schemaId, schema, lengths, checks, bodies, extras }
  }

  /** The messages from `from` on are stored, duplicates at the places that they have; those before it were stored earlier. */
  confirm(from: number, end: number, position: number, duplicates: readonly Duplicate[]): void {
    const owners = this.#owners
    let nextExtras = 0
    let nextDuplicate = 0
    for (let i = 0; i < end; i++) {
      const duplicate = duplicates[nextDuplicate]?.index === i ? duplicates[nextDuplicate++] : undefined
      const owner = owners[i]
      if (owner === undefined) continue
      while ((this.#extras[nextExtras]?.index ?? Number.POSITIVE_INFINITY) < i) nextExtras += 1
      const extras = this.#extras[nextExtras]
      const id = extras?.index === i ? (extras.id ?? undefined) : undefined
      if (duplicate !== undefined) owner.stored(id, duplicate.position, true)
      else owner.stored(id, i < from || position <= 0 ? 0 : position + i - from - nextDuplicate, false)
    }
  }

  /** The messages from `from` on failed; returns of how many nobody has heard why. */
  fail(from: number, error: RivuletError): number {
    return failOwners(this.#owners.slice(from), error)
  }

  /** Takes out messages, as long as none has left; returns their callers. */
  takeOut(isOut: (length: number, owner: Owner<E> | undefined) => boolean): Owners<E> {
    const { lengths, checks, bodies } = this.#packed
    const kept: number[] = []
    const out: Owners<E> = []
    const parts: Buffer[] = []
    let start = 0
    for (const [i, length] of lengths.entries()) {
      const end = start + length
      if (isOut(length, this.#owners[i])) {
        out.push(this.#owners[i])
      } else {
        kept.push(i)
        parts.push(bodies.subarray(start, end))
      }
      start = end
    }
    if (out.length === 0) return out
    this.#packed = new Packed(
      kept.map((i) => lengths[i] as number),
      Buffer.concat(kept.map((i) => checks.subarray(4 * i, 4 * i + 4))), // of nothing without checks
      Buffer.concat(parts),
    )
    let next = 0
    this.#extras = this.#extras.flatMap((extras) => {
      while ((kept[next] ?? Number.POSITIVE_INFINITY) < extras.index) next += 1
      return kept[next] === extras.index ? [{ ...extras, index: next }] : []
    })
    this.#owners = kept.map((i) => this.#owners[i])
    return out
  }
}

/** Finds the batch of a number among the first `end` ones, whose numbers go up. */
export function batchWith<E extends Extras>(
  number: number,
  batches: readonly SentBatch<E>[],
  end: number,
): SentBatch<E> | undefined {
  let from = 0
  for (let to = end; from < to; ) {
    const middle = (from + to) >> 1
    if ((batches[middle] as SentBatch<E>).number < number) from = middle + 1
    else to = middle
  }
  const batch = from < end ? batches[from] : undefined
  return batch?.number === number ? batch : undefined
}

/** Messages failed; returns of how many nobody has heard why. */
export function failOwners<E extends Extras>(owners: Owners<E>, error: RivuletError): number {
  let unreported = 0
  for (const owner of owners) {
    if (owner === undefined || owner.countsOnly) unreported += 1
    owner?.failed(error)
  }
  return unreported
}

/** Returns an error as one of messages that may be stored all the same. */
export function unsureOf({ code, message, cause }: RivuletError): RivuletError {
  return new RivuletError(code, message, { cause, executed: 'maybe' })
}
