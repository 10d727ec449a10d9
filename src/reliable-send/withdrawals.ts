/**
 * Messages that their owners gave up: noted at once, and taken out of their batches all together.
 *
 * If the host is away, many give up at the same moment; to search for them one by one would block the event loop.
 */
import { atEndOfTurn } from '../lifecycle/index.js'
import type { Extras } from './protocol.js'
import type { Owner, SentBatch } from './sent-batch.js'

/** Tells which messages of a batch are to be taken out. */
export type IsOut<E extends Extras> = (length: number, owner: Owner<E> | undefined) => boolean

/** What is to be taken out. */
export class Withdrawals<E extends Extras> {
  readonly #due: () => void
  readonly #owners = new Set<Owner<E>>()
  readonly #batches = new Set<SentBatch<E>>()
  readonly #isOut: IsOut<E> = (_, owner) => owner !== undefined && this.#owners.has(owner)

  /** @param due - Called at the end of a turn in which something was noted. */
  constructor(due: () => void) {
    this.#due = due
  }

  /** Notes the message of an owner; returns whether it is in a batch that has not left. */
  add(owner: Owner<E>): boolean {
    const { batch } = owner
    if (batch === undefined || batch.hasLeft) return false
    if (this.#batches.size === 0) atEndOfTurn(this.#due)
    this.#owners.add(owner)
    this.#batches.add(batch)
    return true
  }

  /** Calls back for each batch that something is to be taken out of; returns whether there was any. */
  apply(takeOut: (batch: SentBatch<E>, isOut: IsOut<E>) => unknown): boolean {
    if (this.#batches.size === 0) return false
    const batches = [...this.#batches]
    this.#batches.clear()
    for (const batch of batches) takeOut(batch, this.#isOut)
    this.#owners.clear()
    return true
  }
}
