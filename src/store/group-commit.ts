/**
 * Batches on their way to the disk: what one turn of the event loop writes is one transaction, and so is all that comes while
 * one is under way. One transaction at a time keeps the order simple, and far below where the library stops the event loop.
 *
 * A transaction that fails with nothing of it written is tried once more with its removals alone, so that a full store can
 * be emptied. One that fails after it became visible ends the store: what the disk has is then not known.
 */
import type { RivuletError } from '../errors/index.js'
import { type Database, isFull, reasonOf, statsOf } from './lmdb.js'
import type { SealedBatch } from './record.js'

/** A batch on its way. */
export interface PendingBatch extends SealedBatch {
  /** What it may take at the most, in bytes; 0 for one that only removes. */
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
  /** Nothing can be written any more; gives the error that says so. */
  failed(cause: unknown): RivuletError
}

/** The promise of a commit, with that of its flush. */
type Commit = Promise<boolean> & { flushed?: Promise<unknown> }

/** What one transaction takes at the most, in changes and in bytes; one larger batch has a transaction to itself. */
const groupChanges = 50_000
const groupBytes = 16_777_216

/** The transactions of a store. */
export class GroupCommit {
  readonly #database: Database
  readonly #ports: CommitPorts
  /** What came while a transaction was under way, in order; its first `#taken` have gone. */
  #waiting: PendingBatch[] = []
  #taken = 0
  /** The batches of the transaction under way, and whether the turn that began it still adds to it. */
  #group: PendingBatch[] = []
  #open = false
  #changes = 0
  #bytes = 0
  #lastTransaction: number
  #idle: (() => void) | undefined

  constructor(database: Database, ports: CommitPorts) {
    this.#database = database
    this.#ports = ports
    this.#lastTransaction = statsOf(database).lastTxnId
    database.on('beforecommit', () => {
      this.#open = false
    })
    database.on('aftercommit', ({ txnId }: { txnId?: number }) => {
      // one that only removes may change nothing: then it is told a number, and the next has the same
      if (txnId !== undefined) this.#lastTransaction = this.#bytes > 0 ? txnId : statsOf(database).lastTxnId
    })
  }

  /** Takes a batch; its outcome is told to itself. */
  push(batch: PendingBatch): void {
    if (this.#group.length === 0) this.#begin([batch])
    else if (this.#open && this.#hasRoom(batch)) this.#put(batch)
    else this.#waiting.push(batch)
  }

  /** Resolves when every batch has its outcome. */
  async settled(): Promise<void> {
    if (this.#group.length > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    }
  }

  #hasRoom({ bytes, changes }: PendingBatch): boolean {
    return this.#bytes + bytes <= groupBytes && this.#changes + changes.length <= groupChanges
  }

  /** Begins a transaction with these batches; there is at least one, and none is under way. */
  #begin(batches: readonly PendingBatch[]): void {
    this.#open = true
    this.#changes = this.#bytes = 0
    let commit: Commit | undefined
    for (const batch of batches) commit = this.#put(batch) ?? commit
    // one without changes has nothing to wait for, and so must not be joined
    if (!commit) this.#open = false
    const flushed = this.#ports.flushed ? commit?.flushed : undefined
    Promise.resolve(commit)
      .then(() => flushed)
      .then(
        () => this.#succeed(),
        (error: unknown) => this.#fail(error),
      )
  }

  /** Hands over the changes of a batch; gives the promise of the transaction, if there are any. */
  #put(batch: PendingBatch): Commit | undefined {
    this.#group.push(batch)
    this.#bytes += batch.bytes
    this.#changes += batch.changes.length
    let commit: Commit | undefined
    for (const { key, record } of batch.changes) {
      commit = record === undefined ? this.#database.remove(key) : this.#database.put(key, record)
    }
    return commit
  }

  #succeed(): void {
    this.#finish((batch) => batch.resolve())
    this.#next()
  }

  async #fail(error: unknown): Promise<void> {
    const reason = await reasonOf(error)
    if (!this.#isUntouched() || !isFull(reason, () => this.#mayBeFull())) {
      const failure = this.#ports.failed(reason)
      this.#group.push(...this.#waiting.splice(0).slice(this.#taken))
      this.#taken = 0
      this.#finish((batch) => batch.reject(failure))
      this.#idle?.()
      return
    }
    const isTriedAgain = ({ bytes }: PendingBatch) => bytes === 0
    const again = this.#group.length > 1 ? this.#group.filter(isTriedAgain) : []
    // all of them if there were removals only: then it failed for good
    const remaining = again.length < this.#group.length ? again : []
    this.#group = this.#group.filter((batch) => !remaining.includes(batch))
    const full = this.#ports.full(reason)
    this.#finish((batch) => batch.reject(full))
    if (remaining.length > 0) this.#begin(remaining)
    else this.#next()
  }

  /** Whether a transaction that failed has left nothing behind, neither visible records nor a broken environment. */
  #isUntouched(): boolean {
    try {
      this.#database.resetReadTxn()
      return statsOf(this.#database).lastTxnId <= this.#lastTransaction
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
    this.#open = false
    for (const batch of batches) {
      this.#ports.release(batch)
      settle(batch)
    }
  }

  #next(): void {
    if (this.#waiting.length === 0) {
      this.#idle?.()
      return
    }
    this.#changes = this.#bytes = 0
    const batches: PendingBatch[] = []
    do {
      const batch = this.#waiting[this.#taken++] as PendingBatch
      batches.push(batch)
      this.#bytes += batch.bytes
      this.#changes += batch.changes.length
    } while (this.#taken < this.#waiting.length && this.#hasRoom(this.#waiting[this.#taken] as PendingBatch))
    if (this.#taken === this.#waiting.length) {
      this.#waiting = []
      this.#taken = 0
    }
    this.#begin(batches)
  }
}
