/**
 * Settling messages of a lease: by their consumer, or because the lease ran out.
 *
 * Whole ranges are settled at once where the messages are done; only those that wait again are looked at one by one.
 */
import { type Block, bodyStart, bytesOf, checkAtIndex, extrasAt } from './block-record.js'
import type { Settlement } from './engine.js'
import type { Lease, PastLease, Segment } from './leases.js'
import type { StoredMessage } from './message-record.js'
import type { Queue } from './queue.js'
import { fail, forgetKey, giveBack } from './redelivery.js'
import type { ScheduledMessage } from './scheduled-messages.js'
import type { Transaction } from './transaction.js'

/** What is to become of messages: a settlement without its place, or that their lease ran out. */
export type Fate = Pick<Settlement, 'delayMs' | 'reason' | 'stack' | 'unreadable'> & {
  readonly kind: Settlement['kind'] | 'lease-lost'
}

/** Settles messages of a lease, `count` of them from an index on; returns how many were unsettled. */
export function settle(
  tx: Transaction,
  queue: Queue,
  lease: Lease,
  index: number,
  count: number,
  settlement: Fate,
): number {
  const end = index + count
  const { segments } = lease
  const first = firstBehind(segments, index)
  const kept: Segment[] = []
  let messages = 0
  let bytes = 0
  let next = first
  for (let segment = segments[next]; segment && segment.index < end; segment = segments[++next]) {
    const from = Math.max(index, segment.index)
    const to = Math.min(end, segment.index + segment.count)
    const before = slice(tx, queue, lease, segment, segment.index, from)
    const piece = slice(tx, queue, lease, segment, from, to)
    const after = slice(tx, queue, lease, segment, to, segment.index + segment.count)
    if (before.count > 0) kept.push(before)
    if (after.count > 0) kept.push(after)
    messages += piece.count
    bytes += piece.bytes
    if (settlement.kind === 'ack') finish(tx, queue, lease, piece)
    else if (piece.block < 0) returnSingle(tx, queue, lease, piece, settlement)
    else returnBlock(tx, queue, lease, piece, settlement)
  }
  // each that waits again is handled separately
  tx.pieces += settlement.kind === 'ack' ? 1 : 1 + messages
  if (messages === 0) return 0
  queue.leases.keep(lease, [...segments.slice(0, first), ...kept, ...segments.slice(next)], messages, bytes)
  if (lease.owner) lease.owner.outstanding -= messages
  if (settlement.kind === 'ack') queue.counters.acked += messages
  else if (settlement.kind === 'nack' || settlement.kind === 'reject') queue.counters.nacked += messages
  else if (settlement.kind === 'lease-lost') queue.counters.leasesLost += 1
  return messages
}

/** Acknowledges messages whose lease has run out, those of them that nobody has been dealt since; returns how many. */
export function settleLate(tx: Transaction, queue: Queue, past: PastLease, index: number, count: number): number {
  let messages = 0
  for (const segment of past.segments) {
    const to = Math.min(index + count, segment.index + segment.count)
    for (let at = Math.max(index, segment.index); at < to; at++) {
      const position = segment.position + at - segment.index
      const waiting = queue.scheduled.waiting(tx, segment.due, position)
      const found = waiting ? undefined : queue.aside.find(tx, segment.due, position)
      const message = waiting ?? found?.entry.message
      const last = message?.history?.at(-1)
      // its present or former owner may settle the rest
      if (!message || last?.cause !== 'lease-lost' || last.consumer !== past.consumer) continue
      if (found) queue.aside.take(tx, found.lane, found.entry, false)
      else queue.scheduled.take(tx, segment.due, position, message)
      forgetKey(tx, queue, message.key, position)
      messages += 1
    }
  }
  tx.pieces += count
  queue.counters.acked += messages
  return messages
}

/** The first segment that ends behind an index; they are by rising index. */
function firstBehind(segments: readonly Segment[], index: number): number {
  let low = 0
  let high = segments.length
  while (low < high) {
    const middle = (low + high) >> 1
    const { index: from, count } = segments[middle] as Segment
    if (from + count > index) high = middle
    else low = middle + 1
  }
  return low
}

/** A part of a segment. */
function slice(tx: Transaction, queue: Queue, lease: Lease, segment: Segment, from: number, to: number): Segment {
  const count = to - from
  if (count === segment.count) return segment
  const offset = from - segment.index
  let bytes = 0
  if (count > 0) {
    const lengths = lease.lengths ?? queue.log.read(tx, segment.block)?.lengths
    const first = lease.lengths ? from : segment.position + offset - segment.block
    bytes = lengths ? bytesOf(lengths, first, count) : 0
  }
  return { ...segment, index: from, count, position: segment.position + offset, bytes }
}

/** Messages are done. */
function finish(tx: Transaction, queue: Queue, lease: Lease, piece: Segment): void {
  if (queue.keys.isActive) finishKeys(tx, queue, lease, piece)
  if (piece.block < 0) queue.scheduled.settle(tx, piece.due, piece.position)
  else queue.log.settle(tx, piece.block, piece.count)
}

function finishKeys(tx: Transaction, queue: Queue, lease: Lease, piece: Segment): void {
  const { extras } = lease
  if (extras?.length === 0) return
  const block = extras || piece.block < 0 ? undefined : queue.log.read(tx, piece.block)
  const single = extras || piece.block >= 0 ? undefined : queue.scheduled.read(tx, piece.due, piece.position)
  if (!extras && !block && !single) {
    queue.passKeysOn(tx, piece.position, piece.count)
    return
  }
  for (let at = 0; at < piece.count; at++) {
    const position = piece.position + at
    const key = extras
      ? extrasAt(extras, piece.index + at)?.key
      : block
        ? extrasAt(block.extras, position - block.start)?.key
        : single?.key
    forgetKey(tx, queue, key, position)
  }
}

function returnSingle(tx: Transaction, queue: Queue, lease: Lease, piece: Segment, settlement: Fate): void {
  const message = queue.scheduled.read(tx, piece.due, piece.position)
  queue.scheduled.settle(tx, piece.due, piece.position)
  if (message) returnMessage(tx, queue, lease, { due: piece.due, position: piece.position, message }, settlement)
  else queue.lost(tx, piece.position, 1)
}

function returnBlock(tx: Transaction, queue: Queue, lease: Lease, piece: Segment, settlement: Fate): void {
  const block = queue.log.read(tx, piece.block)
  queue.log.settle(tx, piece.block, piece.count)
  if (!block) {
    queue.lost(tx, piece.position, piece.count)
    return
  }
  const first = piece.position - block.start
  let at = bodyStart(block.lengths, first)
  for (let index = first; index < first + piece.count; index++) {
    const message = messageOf(block, index, at)
    at += message.body.length
    if (block.bad?.has(index)) {
      queue.corrupt(block.start + index, 1)
      forgetKey(tx, queue, message.key, block.start + index)
    } else returnMessage(tx, queue, lease, { due: 0, position: block.start + index, message }, settlement)
  }
}

function returnMessage(
  tx: Transaction,
  queue: Queue,
  { consumer, owner }: Lease,
  entry: ScheduledMessage,
  { kind, reason, stack, delayMs, unreadable }: Fate,
): void {
  const { schemaId } = entry.message
  if (kind === 'release' && unreadable && owner) {
    if (owner.cannotReadValues(schemaId)) queue.aside.put(tx, schemaId, entry, true)
    else fail(tx, queue, entry, { cause: 'reject', consumer, reason: 'it cannot be read' })
  } else if (kind === 'release' || kind === 'ack') giveBack(tx, queue, entry)
  else fail(tx, queue, entry, { cause: kind, consumer, reason, stack, delayMs })
}

/** One message of a block, of which it is known where its body begins. */
export function messageOf(block: Block, index: number, bodyAt: number): StoredMessage {
  const extras = extrasAt(block.extras, index)
  return {
    schemaId: block.schemaId,
    time: block.time,
    attempts: 0,
    expires: extras?.expires ?? 0,
    check: checkAtIndex(block.checks, index),
    body: block.bodies.subarray(bodyAt, bodyAt + (block.lengths[index] as number)),
    id: extras?.id,
    key: extras?.key,
    sender: block.sender,
  }
}
