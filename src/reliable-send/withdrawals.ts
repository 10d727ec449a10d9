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
  /** Made when something is noted, and dropped when it is taken out: most senders withdraw nothing. */
  #owners: Set<Owner<E>> | undefined
  #batches: Set<SentBatch<E>> | undefined

  /** @param due - Called at the end of a turn in which something was noted. */
  constructor(due: () => void) {
    this.#due = due
  }

  /** Notes the message of an owner; returns whether it is in a batch that has not left. */
  add(owner: Owner<E>): boolean {
    const { batch } = owner
    if (batch === undefined || batch.hasLeft) return false
    if (this.#owners === undefined || this.#batches === undefined) {
      atEndOfTurn(this.#due)
      this.#owners = new Set()
      this.#batches = new Set()
    }
    this.#owners.add(owner)
    this.#batches.add(batch)
    return true
  }

  /** Calls back for each batch that something is to be taken out of; returns whether there was any. */
  apply(takeOut: (batch: SentBatch<E>, isOut: IsOut<E>) => unknown): boolean {
    const [owners, batches] = [this.#owners, this.#batches]
    if (owners === undefined || batches === undefined) return false
    this.#owners = this.#batches = undefined
    const isOut: IsOut<E> = (_, owner) => owner !== undefined && owners.has(owner)
    for (const batch of batches) takeOut(batch, isOut)
    return true
  }
}
