/**
 * Deals out what is ready to the consumers of a queue: those with the least go first, and each gets its share.
 *
 * It takes part in every write that makes something ready, so that a message may be stored and dealt out in one. What was
 * dealt out leaves when that write is safe.
 */
import { defaults } from '../options/index.js'
import type { Block } from './block-record.js'
import { extrasAt } from './block-record.js'
import { type Consumer, isReadable } from './consumer.js'
import { dropBodyBytes, dropFirst, dropHead, expiredInFront, isExpired } from './dropping.js'
import type { LeasedBlock } from './engine.js'
import { endLapsed } from './lapsing.js'
import { fitting, LeaseBatch, leaseBytes } from './lease-batch.js'
import type { Lease } from './leases.js'
import type { Queue } from './queue.js'
import { gatherAside, judgeAside, readerOf, setHeadAside } from './readers.js'
import { deadLetter } from './redelivery.js'
import type { ScheduledMessage } from './scheduled-messages.js'
import { messageOf } from './settling.js'
import { takersOf } from './takers.js'
import { type Transaction, writePieces } from './transaction.js'

/** The most messages of one lease. */
const leaseMessages = 1024

/** The most that one write deals out, in bytes of bodies: they are held until it is safe. */
const dealtBytes = 8_388_608

/** What setting something aside counts for beside its bytes: one write sets aside about 4000 messages one by one. */
const asideCostBytes = 2048

/** Messages in transit to a consumer. */
export interface Dealt {
  readonly queue: Queue
  readonly consumer: Consumer
  readonly lease: Lease
  readonly leased: LeasedBlock
}

/**
 * Where dealing out ends for one write: at so many pieces of work, or bytes of changes, or with so many bytes left in the
 * queue.
 */
interface End {
  readonly pieces: number
  readonly written: number
  readonly bytes: number
  /** Bytes of what was set aside, with `asideCostBytes` for each record. */
  aside: number
}

/**
 * Deals out what can be in some queues; returns those in which more could be, by the next write, and first those that had no
 * turn in this one.
 */
export function dispatchAll(tx: Transaction, queues: readonly Queue[], dealt: Dealt[]): Queue[] {
  const pieces = tx.pieces + writePieces
  const [waiting, more]: [Queue[], Queue[]] = [[], []]
  for (const queue of queues) {
    if (tx.pieces >= pieces) waiting.push(queue)
    else if (dispatch(tx, queue, dealt, pieces)) more.push(queue)
  }
  return [...waiting, ...more]
}

function dispatch(tx: Transaction, queue: Queue, dealt: Dealt[], pieces: number): boolean {
  tx.touch(queue)
  const end = { pieces, written: tx.bytes + dealtBytes, bytes: queue.bytes - dropBodyBytes, aside: 0 }
  const hasMore = deal(tx, queue, dealt, end)
  return (queue.aside.messages > 0 && judgeAside(tx, queue, () => !isEnough(tx, queue, end))) || hasMore
}

function deal(tx: Transaction, queue: Queue, dealt: Dealt[], end: End): boolean {
  let bytes = 0
  /** Consumers that have got something in the last round. */
  let sharers = Number.POSITIVE_INFINITY
  for (;;) {
    const takers = takersOf(queue, tx.now)
    if (takers.length > 0 && queue.leases.lapsed.size > 0) endLapsed(tx, queue, takers, () => !isEnough(tx, queue, end))
    const ready = takers.length === 0 ? 0 : readyFor(tx, queue, takers)
    if (ready === 0) return false
    const share = Math.ceil(ready / Math.min(sharers, takers.length))
    sharers = 0
    for (const consumer of takers) {
      const batch = new LeaseBatch()
      gather(tx, queue, batch, consumer, Math.min(consumer.credit, share, leaseMessages), end)
      // others may read what this one cannot
      if (batch.count === 0) continue
      sharers += 1
      bytes += batch.bytes
      dealt.push(lease(tx, queue, consumer, batch))
    }
    if (isEnough(tx, queue, end)) return true
    if (sharers === 0) return false
    if (bytes >= dealtBytes) return true
  }
}

/** Whether so much was changed, or dropped, that the rest is for the next write. */
function isEnough(tx: Transaction, queue: Queue, { pieces, written, bytes, aside }: End): boolean {
  return tx.pieces >= pieces || tx.bytes >= written || queue.bytes <= bytes || aside >= dealtBytes
}

/** About how many messages are ready, without those that were set aside and that none of some consumers can read. */
function readyFor(tx: Transaction, queue: Queue, takers: readonly Consumer[]): number {
  const { log, keys, aside } = queue
  const ready = log.ready + readyLater(tx, queue) + keys.held
  if (aside.messages === 0) return ready
  return ready + aside.count((name) => isReadable(takers, name))
}

/** About how many single messages are due; not 0 if one is. */
function readyLater(tx: Transaction, queue: Queue): number {
  const first = queue.scheduled.size > 0 ? queue.scheduled.first(tx) : undefined
  if (!first || first.due > tx.wall) return 0
  queue.scheduled.countDue(tx)
  return Math.max(1, queue.scheduled.due)
}

function lease(tx: Transaction, queue: Queue, consumer: Consumer, batch: LeaseBatch): Dealt {
  const number = queue.leases.next++
  const leased = batch.build(number)
  const lease: Lease = {
    number,
    consumer: consumer.name,
    owner: consumer,
    schemaId: batch.schemaId,
    deadline: tx.now + queue.settings.leaseMs,
    count: batch.count,
    segments: batch.segments,
    lengths: leased.messages.lengths,
    extras: leased.extras,
    isDelivered: false,
    lapsedAt: undefined,
  }
  queue.leases.add(lease)
  queue.counters.delivered += batch.count
  consumer.credit -= batch.count
  consumer.outstanding += batch.count
  return { queue, consumer, lease, leased }
}

/**
 * Gathers messages of one schema, as many as may be: those that had been set aside, then single ones,
 * then those of the log.
 */
function gather(tx: Transaction, queue: Queue, batch: LeaseBatch, consumer: Consumer, limit: number, end: End): void {
  if (queue.aside.messages > 0) gatherAside(tx, queue, batch, consumer, limit, () => !isEnough(tx, queue, end))
  while (batch.count < limit && batch.bytes < leaseBytes && !isEnough(tx, queue, end)) {
    tx.pieces += 1
    // before any that became ready after them
    if (queue.keys.held > 0 && releaseHeld(tx, queue)) continue
    const entry = queue.scheduled.size > 0 ? queue.scheduled.first(tx) : undefined
    const isTaken =
      entry && entry.due <= tx.wall
        ? gatherSingle(tx, queue, batch, consumer, end)
        : gatherHead(tx, queue, batch, consumer, limit, end)
    if (!isTaken) return
  }
}

/** Handles the first single message; returns whether to continue. */
function gatherSingle(tx: Transaction, queue: Queue, batch: LeaseBatch, consumer: Consumer, end: End): boolean {
  const { scheduled, settings } = queue
  const entry = scheduled.first(tx)
  if (!entry) return false
  const { message, position } = entry
  if (isExpired(tx, queue, entry)) {
    dropFirst(tx, queue, 'expired')
  } else if (message.attempts >= settings.maxAttempts && queue.dead) {
    scheduled.removeFirst(tx)
    deadLetter(tx, queue, position, message)
  } else if (!batch.fits(message.schemaId, message.body.length, leaseBytes)) {
    return false
  } else {
    const reader = readerOf(queue, consumer, message.schemaId)
    if (reader === 'other') return false
    if (settings.keyOrder && waitsForKey(tx, queue, entry)) scheduled.removeFirst(tx)
    else if (reader === 'none') {
      queue.aside.put(tx, message.schemaId, scheduled.removeFirst(tx))
      end.aside += message.body.length + asideCostBytes
    } else batch.addSingle(scheduled.leaseFirst())
  }
  return true
}

/**
 * Lets a message wait if it does not have the turn of its key: until the log was read up to its place, where it holds what
 * was stored before this one became ready, or until another one of its key is settled.
 */
function waitsForKey(tx: Transaction, { keys, log }: Queue, entry: ScheduledMessage): boolean {
  const { due, position, message } = entry
  const { key } = message
  if (key === undefined || keys.isOwner(tx, key, position)) return false
  if (log.isBefore(tx, due, position)) keys.hold(tx, entry)
  else if (keys.own(tx, key, position)) return false
  else keys.park(tx, key, entry)
  return true
}

/** Gives the first message that waits for the log its turn, if that was read up to there; tells whether it was. */
function releaseHeld(tx: Transaction, { keys, log, scheduled }: Queue): boolean {
  const first = keys.firstHeld(tx)
  if (!first || log.isBefore(tx, first.due, first.position)) return false
  const entry = keys.takeHeld(tx)
  const key = entry?.message.key
  if (!entry || key === undefined) return true
  if (keys.own(tx, key, entry.position)) scheduled.putDue(tx, entry)
  else keys.park(tx, key, entry)
  return true
}

/** Handles the front of the log; returns whether to continue. */
function gatherHead(
  tx: Transaction,
  queue: Queue,
  batch: LeaseBatch,
  consumer: Consumer,
  limit: number,
  end: End,
): boolean {
  const { log, keys } = queue
  const block = log.head(tx)
  if (!block || keys.parked - keys.held >= defaults.keyOrderMessages) return false
  const expired = expiredInFront(tx, queue, block)
  if (expired > 0) {
    dropHead(tx, queue, block, expired, 'expired')
    return true
  }
  if (block.bad?.has(log.headOffset)) {
    queue.corrupt(block.start + log.headOffset, 1)
    log.advance(tx, block, 1, block.lengths[log.headOffset] as number)
    return true
  }
  // before its key is looked at: a message that is left in front must not own it
  if (!batch.fits(block.schemaId, block.lengths[log.headOffset] as number, leaseBytes)) return false
  const reader = readerOf(queue, consumer, block.schemaId)
  if (reader === 'other') return false
  if (isParked(tx, queue, block)) return true
  if (reader === 'none') {
    end.aside += setHeadAside(tx, queue, block) + asideCostBytes
    return true
  }
  const isEach = block.extras.length > 0 || block.bad !== undefined
  const offset = log.headOffset
  const { count, bytes } = fitting(block, offset, isEach ? 1 : limit - batch.count, leaseBytes - batch.bytes)
  batch.addBlock(block, offset, count, log.headBytes, bytes)
  log.lease(block.start, count)
  log.advance(tx, block, count, bytes)
  return true
}

/** Parks the message in front if another one of its key is not settled yet. */
function isParked(tx: Transaction, queue: Queue, block: Block): boolean {
  const { log, keys } = queue
  const key = queue.settings.keyOrder ? extrasAt(block.extras, log.headOffset)?.key : undefined
  const position = block.start + log.headOffset
  if (key === undefined || keys.own(tx, key, position)) return false
  const message = messageOf(block, log.headOffset, log.headBytes)
  log.advance(tx, block, 1, message.body.length)
  keys.park(tx, key, { due: block.time, position, message })
  return true
}
