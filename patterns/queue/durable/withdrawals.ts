/**
 * Messages of a producer that their owners gave up: noted at once, and taken out of their batches all together.
 *
 * If the host is away, many give up at the same moment; to look for each of them by itself would stop the program.
 */
import { atEndOfTurn } from '../../../src/lifecycle/index.js'
import type { Owner, SentBatch } from './sent-batch.js'

/** Tells which messages of a batch are to be taken out. */
export type IsOut = (length: number, owner: Owner | undefined) => boolean

/** What is to be taken out. */
export class Withdrawals {
  readonly #due: () => void
  readonly #owners = new Set<Owner>()
  readonly #batches = new Set<SentBatch>()
  readonly #isOut: IsOut = (_, owner) => owner !== undefined && this.#owners.has(owner)

  /** @param due - Called at the end of a turn in which something was noted. */
  constructor(due: () => void) {
    this.#due = due
  }

  /** Notes the message of an owner; returns whether it is in a batch that has not left. */
  add(owner: Owner): boolean {
    const { batch } = owner
    if (batch === undefined || batch.hasLeft) return false
    if (this.#batches.size === 0) atEndOfTurn(this.#due)
    this.#owners.add(owner)
    this.#batches.add(batch)
    return true
  }

  /** Calls back for each batch that something is to be taken out of; returns whether there was any. */
  apply(takeOut: (batch: SentBatch, isOut: IsOut) => unknown): boolean {
    if (this.#batches.size === 0) return false
    const batches = [...this.#batches]
    this.#batches.clear()
    for (const batch of batches) takeOut(batch, this.#isOut)
    this.#owners.clear()
    return true
  }
}
