/**
 * Making out the state of a queue whose state or leases were lost to damage, from the records that are left.
 *
 * Better delivered twice than lost: all leases end, and every message that is in a block is ready again. A record of its own
 * that such a message has goes, unless that makes it wait for longer, so that each has one turn in the order of its key.
 */

import { blockStartOf, dueOf, positionOf } from './aside-record.js'
import { type Block, decodeBlock } from './block-record.js'
import { decodeMessage } from './message-record.js'
import type { Queue } from './queue.js'
import { firstNumber, lastButOneNumber, lastNumber, rangeOf, secondNumber, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** Numbers that are passed over, so that none that was ever given comes again. */
const numberGap = 2 ** 32

/** Computes the state of a queue again. */
export function recover(tx: Transaction, queue: Queue): void {
  const { number, intern } = queue
  const all = (which: number) => tx.stored(...rangeOf(which, number), Number.POSITIVE_INFINITY)
  let { nextPosition } = queue
  let nextLease = queue.leases.next
  const owners: [key: string, position: number][] = []
  for (const { key } of all(table.lease)) {
    nextLease = Math.max(nextLease, firstNumber(key) + 1)
    tx.remove(key)
  }
  queue.forgetAll()
  const spans = new Spans()
  for (const { key, value, damaged } of all(table.block)) {
    const start = firstNumber(key)
    const block = decodeBlock(start, value, intern, damaged)
    queue.log.ready += block?.count ?? 0
    queue.log.bytes += block?.bodies.length ?? 0
    if (block) spans.add(block)
    nextPosition = Math.max(nextPosition, start + (block?.count ?? 1))
  }
  for (const { key, value, damaged } of all(table.scheduled)) {
    const [due, position] = [firstNumber(key), secondNumber(key)]
    nextPosition = Math.max(nextPosition, position + 1)
    if (spans.isReadySince(position, due)) {
      tx.removeVisible(key)
      continue
    }
    if (due === 0) queue.scheduled.due += 1
    else queue.scheduled.delayed += 1
    if (damaged) continue
    const message = decodeMessage(value, intern)
    queue.scheduled.bytes += message.body.length
    // only those that own their keys are tried again, or were given back
    if (message.key !== undefined && (due === 0 || message.attempts > 0)) owners.push([message.key, position])
  }
  for (const { key } of all(table.parked)) {
    const position = lastNumber(key)
    nextPosition = Math.max(nextPosition, position + 1)
    if (spans.isReadySince(position, lastButOneNumber(key))) tx.removeVisible(key)
    else queue.keys.count(key, 1)
  }
  for (const { key } of all(table.asideCount)) tx.remove(key)
  for (const { key, value, damaged } of all(table.aside)) {
    const [due, position] = [dueOf(key), positionOf(key)]
    nextPosition = Math.max(nextPosition, position + 1)
    tx.removeVisible(key)
    if (blockStartOf(key) !== undefined || spans.isReadySince(position, due)) continue
    if (damaged) {
      queue.corrupt(position, 1)
      continue
    }
    const message = decodeMessage(value, intern)
    queue.scheduled.put(tx, due, position, message)
    if (message.key !== undefined) owners.push([message.key, position])
  }
  queue.keys.isActive = true
  while (queue.keys.forget(tx, 1000));
  for (const [key, position] of owners) queue.keys.own(tx, key, position)
  for (const { due, position, message } of queue.keys.unpark(tx, Number.POSITIVE_INFINITY)) {
    queue.scheduled.put(tx, due, position, message)
  }
  queue.nextPosition = nextPosition + numberGap
  queue.leases.next = nextLease + numberGap
  queue.isBroken = false
}

/** The messages that are in blocks. */
class Spans {
  readonly #blocks: Pick<Block, 'start' | 'count' | 'time' | 'bad'>[] = []

  /** Adds a block that is behind all others. */
  add({ start, count, time, bad }: Block): void {
    this.#blocks.push({ start, count, time, ...(bad ? { bad } : undefined) })
  }

  /** Whether a message can be read from a block, and was stored at a time or later. */
  isReadySince(position: number, time: number): boolean {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#blocks[middle] as Block).start <= position) low = middle + 1
      else high = middle
    }
    const block = this.#blocks[low - 1]
    if (!block || position >= block.start + block.count || block.bad?.has(position - block.start)) return false
    return time <= block.time
  }
}
