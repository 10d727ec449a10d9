/**
 * Batches that are written to the disk: the writes of one turn of the event loop are one transaction, and so are all that come while
 * one is written. One transaction at a time keeps the order simple, and far below where the library stops the event loop.
 *
 * A transaction that fails with nothing of it written is tried once more with its removals alone, so that a full store can
 * be emptied. One that fails after it became visible ends the store: what the disk has is then not known.
 */
import type { RivuletError } from '../errors/index.js'
import { type Database, isFull, reasonOf, statsOf } from './lmdb.js'
import type { SealedBatch } from './record.js'

/** A batch that waits or is written. */
export interface PendingBatch extends SealedBatch {
  /** The most that it may take, in bytes; 0 for one that only removes. */
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: RivuletError) => void
}

/** What the store decides for its commits. */
export interface CommitPorts {
  /** Whether batches wait for the flush, or for the commit only. */
  readonly flushed: boolean
  /** The memory of a batch is free: it has its outcome. */
  release(batch: PendingBatch): void
  full(cause: unknown): RivuletError
  /** The error if nothing can be written any more. */
  failed(cause: unknown): RivuletError
}

/** The most that one transaction takes, in changes and in bytes; one larger batch has a transaction to itself. */
const groupChanges = 50_000
const groupBytes = 16_777_216

/** The transactions of a store. */
export class GroupCommit {
  readonly #database: Database
  readonly #ports: CommitPorts
  /** The batches after the current transaction, in order; the first `#taken` are removed. */
  #waiting: PendingBatch[] = []
  #taken = 0
  /** The batches of the current transaction, and what they take. */
  #group: PendingBatch[] = []
  #changes = 0
  #bytes = 0
  /** Whether there is a current transaction, or will be at the end of this turn. */
  #busy = false
  #lastTransaction: number
  #failure: RivuletError | undefined
  #idle: (() => void) | undefined

  constructor(database: Database, ports: CommitPorts) {
    this.#database = database
    this.#ports = ports
    this.#lastTransaction = statsOf(database).lastTxnId
  }

  /** Takes a batch, and notifies it of its outcome. */
  push(batch: PendingBatch): void {
    this.#waiting.push(batch)
    if (this.#failure) this.#refuseAll(this.#failure)
    else if (!this.#busy) this.#next()
  }

  /** Resolves when every batch has its outcome. */
  async settled(): Promise<void> {
    if (!this.#busy) return
    await new Promise<void>((resolve) => {
      this.#idle = resolve
    })
  }

  /** Begins a transaction at the end of this turn, if there is anything to write. */
  #next(): void {
    this.#busy = this.#taken < this.#waiting.length
    if (this.#busy) setImmediate(() => this.#gather())
    else this.#idle?.()
  }

  #gather(): void {
    this.#changes = this.#bytes = 0
    while (this.#taken < this.#waiting.length) {
      const batch = this.#waiting[this.#taken] as PendingBatch
      this.#changes += batch.changes.length
      this.#bytes += batch.bytes
      if (this.#group.length > 0 && (this.#changes > groupChanges || this.#bytes > groupBytes)) break
      this.#group.push(batch)
      this.#taken++
    }
    if (this.#taken === this.#waiting.length) {
      this.#waiting = []
      this.#taken = 0
    }
    this.#commit()
  }

  #commit(): void {
    const commit: Promise<boolean> & { flushed?: Promise<unknown> } = this.#database.batch(() => {
      for (const { changes } of this.#group) {
        for (const { key, record } of changes) {
          if (record === undefined) this.#database.remove(key)
          else this.#database.put(key, record)
        }
      }
    })
    const { flushed } = commit
    commit
      .then(() => (this.#ports.flushed ? flushed : undefined))
      .then(
        () => this.#succeed(),
        (error: unknown) => this.#fail(error),
      )
  }

  #succeed(): void {
    this.#lastTransaction = statsOf(this.#database).lastTxnId
    this.#finish((batch) => batch.resolve())
    this.#next()
  }

  async #fail(error: unknown): Promise<void> {
    const reason = await reasonOf(error)
    if (!this.#isUntouched() || !isFull(reason, () => this.#mayBeFull())) {
      // the library must not be touched again: another transaction might never end
      this.#failure = this.#ports.failed(reason)
      this.#refuseAll(this.#failure)
      this.#next()
      return
    }
    // again without what puts; if it is the removals that failed, that was their second time
    const again = this.#bytes > 0 ? this.#group.filter(({ bytes }) => bytes === 0) : []
    this.#group = this.#group.filter((batch) => !again.includes(batch))
    const full = this.#ports.full(reason)
    this.#finish((batch) => batch.reject(full))
    this.#bytes = 0
    this.#group = again
    if (again.length > 0) this.#commit()
    else this.#next()
  }

  #refuseAll(failure: RivuletError): void {
    this.#group.push(...this.#waiting.splice(0).slice(this.#taken))
    this.#taken = 0
    this.#finish((batch) => batch.reject(failure))
  }

  /** Whether a transaction that failed has left nothing behind, neither visible records nor a broken environment. */
  #isUntouched(): boolean {
    try {
      this.#database.resetReadTxn()
      return statsOf(this.#database).lastTxnId === this.#lastTransaction
    } catch {
      return false
    }
  }

  #mayBeFull(): boolean {
    const { lastPageNumber, pageSize, mapSize } = statsOf(this.#database)
    return (lastPageNumber + 1) * pageSize + 4 * this.#bytes + 64 * pageSize > mapSize
  }

  #finish(settle: (batch: PendingBatch) => void): void {
    const batches = this.#group
    this.#group = []
    for (const batch of batches) {
      this.#ports.release(batch)
      settle(batch)
    }
  }
}
