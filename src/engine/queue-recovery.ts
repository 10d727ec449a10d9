/**
 * Making out the state of a queue whose state or leases were lost to damage, from the records that are left.
 *
 * Better delivered twice than lost: all leases end, and every message that is in a block is ready again.
 */
import { decodeBlock } from './block-record.js'
import { decodeMessage } from './message-record.js'
import type { Queue } from './queue.js'
import { firstNumber, lastNumber, rangeOf, secondNumber, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** Numbers that are passed over, so that none that was ever given comes again. */
const numberGap = 2 ** 32

/** Makes the state of a queue out anew. */
export function recover(tx: Transaction, queue: Queue): void {
  const { number, intern } = queue
  const all = (which: number) => tx.stored(...rangeOf(which, number), Number.POSITIVE_INFINITY)
  let { nextPosition } = queue
  let nextLease = queue.leases.next
  for (const { key } of all(table.lease)) {
    nextLease = Math.max(nextLease, firstNumber(key) + 1)
    tx.remove(key)
  }
  queue.forgetAll()
  for (const { key, value, damaged } of all(table.block)) {
    const start = firstNumber(key)
    const block = decodeBlock(start, value, intern, damaged)
    queue.log.ready += block?.count ?? 0
    queue.log.bytes += block?.bodies.length ?? 0
    nextPosition = Math.max(nextPosition, start + (block?.count ?? 1))
  }
  for (const { key, value, damaged } of all(table.later)) {
    nextPosition = Math.max(nextPosition, secondNumber(key) + 1)
    if (firstNumber(key) === 0) queue.later.due += 1
    else queue.later.delayed += 1
    if (!damaged) queue.later.bytes += decodeMessage(value, intern).body.length
  }
  for (const { key } of all(table.parked)) {
    nextPosition = Math.max(nextPosition, lastNumber(key) + 1)
    queue.keys.parked += 1
  }
  // parked messages cannot be told from those that own their keys; all begin anew
  queue.keys.isActive = true
  while (queue.keys.forget(tx, 1000));
  for (const { position, message } of queue.keys.unpark(tx, Number.POSITIVE_INFINITY)) {
    queue.later.put(tx, 0, position, message)
  }
  queue.nextPosition = nextPosition + numberGap
  queue.leases.next = nextLease + numberGap
  queue.isBroken = false
}
