/**
 * Dropping messages that wait: those that are too old, those for which there is no room, and those that nobody wants.
 *
 * Messages under a lease are never dropped.
 */
import { dropAside } from './aside-messages.js'
import { type AsideEntry, sizeOf } from './aside-record.js'
import { type Block, bytesOf, extrasAt } from './block-record.js'
import type { DropReason } from './counts.js'
import type { Queue } from './queue.js'
import { forgetKey } from './redelivery.js'
import type { ScheduledMessage } from './scheduled-messages.js'
import { type Transaction, writePieces } from './transaction.js'

/** The most that one write drops, in bytes of its changes, and of the bodies, which are read for it. */
const dropBytes = 1_048_576
export const dropBodyBytes = 16_777_216

/**
 * Makes room for new messages: first drops those that are set aside, then ready ones, single or in the log, then those that wait
 * for its key, and what is not due at last. Tells whether there is enough room now, as far as there can be.
 */
export function dropOverflow(tx: Transaction, queue: Queue): boolean {
  const { bytes } = queue
  while (isOverfull(queue)) {
    // the bytes of the new messages do not count: the same write removes as many
    if (tx.pieces >= writePieces || bytes - queue.bytes >= dropBodyBytes) return false
    const lane = queue.aside.messages > 0 ? queue.aside.oldestLane(tx) : undefined
    if (lane) {
      dropAside(tx, queue, lane, 'overflow', (entry) => overfullAside(tx, queue, entry))
      continue
    }
    const entry = queue.scheduled.size > 0 ? queue.scheduled.first(tx) : undefined
    if (entry && entry.due <= tx.wall) {
      dropFirst(tx, queue, 'overflow')
      continue
    }
    const block = queue.log.head(tx)
    if (!block) {
      if (queue.keys.parked > 0) dropParked(tx, queue, 'overflow', () => isOverfull(queue))
      else if (entry) dropFirst(tx, queue, 'overflow')
      else return true
      continue
    }
    const { headOffset } = queue.log
    dropHead(tx, queue, block, overfullBy(queue, block, headOffset, block.count - headOffset), 'overflow')
  }
  return true
}

/** Whether a queue has more than it may. */
function isOverfull({ depth, bytes, settings }: Queue): boolean {
  return depth > settings.maxLength || bytes > settings.maxBytes
}

/** How many messages of a block, from an offset on, have to go until a queue has no more than it may. */
function overfullBy({ depth, bytes, settings }: Queue, { lengths }: Block, offset: number, most: number): number {
  let count = 0
  let size = 0
  while (count < most && (depth - count > settings.maxLength || bytes - size > settings.maxBytes)) {
    size += lengths[offset + count] as number
    count += 1
  }
  return count
}

/** The same for what is set aside under one record. */
function overfullAside(tx: Transaction, queue: Queue, entry: AsideEntry): number {
  if ('message' in entry) return isOverfull(queue) ? 1 : 0
  const block = queue.log.read(tx, entry.start)
  return block ? overfullBy(queue, block, entry.position - entry.start, entry.count) : Math.min(1, entry.count)
}

/** Drops what is in front and too old; tells whether there may be more. */
export function dropExpired(tx: Transaction, queue: Queue): boolean {
  const { bytes } = queue
  while (!tx.isFull && tx.bytes < dropBytes && bytes - queue.bytes < dropBodyBytes) {
    const { at, lane } = queue.aside.nextEnd(tx, queue.settings.maxAgeMs)
    if (lane && at <= tx.wall) {
      dropAside(tx, queue, lane, 'expired', (entry) => (isOver(tx, queue, entry) ? messagesOf(entry) : 0))
      continue
    }
    const entry = queue.scheduled.first(tx)
    if (entry && isExpired(tx, queue, entry)) {
      dropFirst(tx, queue, 'expired')
      continue
    }
    const block = queue.log.head(tx)
    const count = block ? expiredInFront(tx, queue, block) : 0
    if (!block || count === 0) return false
    dropHead(tx, queue, block, count, 'expired')
  }
  return true
}

/** Whether a single message is too old. */
export function isExpired(tx: Transaction, queue: Queue, { due, message }: ScheduledMessage): boolean {
  if (message.expires > 0 && message.expires <= tx.wall) return true
  return Math.max(due, message.time) + queue.settings.maxAgeMs <= tx.wall
}

function messagesOf(entry: AsideEntry): number {
  return sizeOf(entry)[0]
}

/** Whether what is set aside under one record is too old. */
function isOver(tx: Transaction, queue: Queue, entry: AsideEntry): boolean {
  if ('message' in entry) return isExpired(tx, queue, entry)
  return entry.due + queue.settings.maxAgeMs <= tx.wall
}

/** How many messages in front of a block are too old, before one that is not. */
export function expiredInFront(tx: Transaction, queue: Queue, block: Block): number {
  const { headOffset } = queue.log
  if (block.time + queue.settings.maxAgeMs <= tx.wall) return block.count - headOffset
  let count = 0
  while (block.extras.length > 0 && headOffset + count < block.count) {
    const expires = extrasAt(block.extras, headOffset + count)?.expires
    if (expires === undefined || expires > tx.wall) break
    count += 1
  }
  return count
}

/** Drops messages of the block in front. */
export function dropHead(tx: Transaction, queue: Queue, block: Block, count: number, reason: DropReason): void {
  tx.pieces += 1
  queue.log.advance(tx, block, count, bytesOf(block.lengths, queue.log.headOffset, count))
  queue.counters[reason] += count
}

/** Drops the first single message. */
export function dropFirst(tx: Transaction, queue: Queue, reason: DropReason): void {
  const { position, message } = queue.scheduled.removeFirst(tx)
  queue.counters[reason] += 1
  forgetKey(tx, queue, message.key, position)
}

/** Drops messages that wait for their keys, whatever those are, while a test is true. */
function dropParked(tx: Transaction, queue: Queue, reason: DropReason, mayDrop: () => boolean): void {
  queue.counters[reason] += queue.keys.unpark(tx, writePieces, mayDrop).length
}

/** Drops waiting messages, of the log those before a position; returns how many, and whether that is all. */
export function purgeSome(tx: Transaction, queue: Queue, before: number): { dropped: number; isDone: boolean } {
  const { bytes } = queue
  const { purged } = queue.counters
  const dropped = () => queue.counters.purged - purged
  while (!tx.isFull && tx.bytes < dropBytes && bytes - queue.bytes < dropBodyBytes) {
    if (queue.keys.parked > 0) {
      dropParked(tx, queue, 'purged', () => true)
      continue
    }
    const lane = queue.aside.messages > 0 ? queue.aside.oldestLane(tx) : undefined
    if (lane) {
      dropAside(tx, queue, lane, 'purged', messagesOf)
      continue
    }
    if (queue.scheduled.first(tx)) {
      dropFirst(tx, queue, 'purged')
      continue
    }
    const block = queue.log.head(tx)
    if (!block || block.start >= before) return { dropped: dropped(), isDone: true }
    dropHead(tx, queue, block, block.count - queue.log.headOffset, 'purged')
  }
  return { dropped: dropped(), isDone: false }
}
