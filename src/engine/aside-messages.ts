/**
 * Taking messages out of what is set aside, one by one or many, whether they have records of their own or are in a block.
 *
 * Who gets them is decided in `readers.ts`, and which are dropped in `dropping.ts`.
 */

import type { AsideBlock, AsideEntry } from './aside-record.js'
import { type Block, bytesOf } from './block-record.js'
import type { DropReason } from './counts.js'
import type { Queue } from './queue.js'
import { forgetKey } from './redelivery.js'
import type { ScheduledMessage } from './scheduled-messages.js'
import type { Lane } from './set-aside.js'
import { messageOf } from './settling.js'
import type { Transaction } from './transaction.js'

/** A message, and how to take it away. */
export interface Takeable {
  readonly entry: ScheduledMessage
  take(): void
}

/** Reads the block of messages that are set aside; if it is damaged, they are lost, and it gives `undefined`. */
export function readAside(tx: Transaction, queue: Queue, lane: Lane, entry: AsideBlock): Block | undefined {
  const block = queue.log.read(tx, entry.start)
  if (!block) {
    queue.corrupt(entry.position, entry.count)
    shiftAside(tx, queue, lane, entry, entry.count, entry.bytes)
  }
  return block
}

/** Takes the first messages of a block away; tells whether others are left. */
export function shiftAside(
  tx: Transaction,
  { aside, log }: Queue,
  lane: Lane,
  entry: AsideBlock,
  count: number,
  bytes: number,
): boolean {
  const isLeft = aside.shift(tx, lane, entry, count, bytes)
  log.setAside(tx, entry.start, isLeft)
  return isLeft
}

/** The first message of a schema; `undefined` if it is damaged, and then it is gone. */
export function firstAside(tx: Transaction, queue: Queue, lane: Lane): Takeable | undefined {
  const [entry] = queue.aside.first(tx, lane, 1)
  if (!entry) return undefined
  if ('message' in entry) return { entry, take: () => queue.aside.take(tx, lane, entry) }
  const block = readAside(tx, queue, lane, entry)
  if (!block || dropBad(tx, queue, lane, entry, block)) return undefined
  const { due, position, start, headBytes } = entry
  const message = messageOf(block, position - start, headBytes)
  return {
    entry: { due, position, message },
    take: () => void shiftAside(tx, queue, lane, entry, 1, message.body.length),
  }
}

/** Drops the first message of a block if it is damaged; tells whether it was. */
export function dropBad(tx: Transaction, queue: Queue, lane: Lane, entry: AsideBlock, block: Block): boolean {
  const index = entry.position - entry.start
  if (!block.bad?.has(index)) return false
  queue.corrupt(entry.position, 1)
  shiftAside(tx, queue, lane, entry, 1, block.lengths[index] as number)
  return true
}

/**
 * Drops the first messages of a schema.
 *
 * @param countOf - How many of a record are to go; it ends with one that does not go as a whole.
 */
export function dropAside(
  tx: Transaction,
  queue: Queue,
  lane: Lane,
  reason: DropReason,
  countOf: (entry: AsideEntry) => number,
): void {
  for (const entry of queue.aside.first(tx, lane)) {
    const count = countOf(entry)
    if (count === 0) return
    if ('message' in entry) {
      queue.aside.take(tx, lane, entry)
      queue.counters[reason] += 1
      forgetKey(tx, queue, entry.message.key, entry.position)
      continue
    }
    let { bytes } = entry
    if (count < entry.count) {
      const block = readAside(tx, queue, lane, entry)
      if (!block) continue
      bytes = bytesOf(block.lengths, entry.position - entry.start, count)
    }
    queue.counters[reason] += count
    if (shiftAside(tx, queue, lane, entry, count, bytes)) return
  }
}
