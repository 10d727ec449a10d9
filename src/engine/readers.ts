/**
 * Which consumers of a queue can read what, and what happens to ready messages that none of them can read.
 *
 * Such a message is set aside, so that those behind it can be dealt out; as soon as a consumer takes messages that can read
 * it, it is dealt out before all others. `set-aside.ts` keeps it meanwhile.
 */
import { RivuletError } from '../errors/index.js'
import { dropBad, firstAside, readAside, shiftAside } from './aside-messages.js'
import { type AsideBlock, isOfValues } from './aside-record.js'
import type { Block } from './block-record.js'
import { type Consumer, isReadable } from './consumer.js'
import { isExpired } from './dropping.js'
import { fitting, type LeaseBatch, leaseBytes } from './lease-batch.js'
import { withFailure } from './message-record.js'
import type { Queue } from './queue.js'
import { deadLetter, forgetKey } from './redelivery.js'
import type { ScheduledMessage } from './scheduled-messages.js'
import type { Lane } from './set-aside.js'
import { messageOf } from './settling.js'
import type { Transaction } from './transaction.js'

/** Whether there is room for more in a write. */
type HasRoom = () => boolean

/** Returns what a message in front is for a consumer: its own, one of another consumer that takes messages, or of none. */
export function readerOf(queue: Queue, consumer: Consumer, schemaId: Uint8Array): 'this' | 'other' | 'none' {
  if (consumer.canRead(schemaId)) return 'this'
  for (const other of queue.consumers) {
    // one without credit that has nothing may never ask for anything
    if ((other.credit > 0 || other.outstanding > 0) && other.canRead(schemaId)) return 'other'
  }
  return 'none'
}

/** Sets messages of the block in front aside: all that are left, if none has anything of its own, or one. */
export function setHeadAside(tx: Transaction, queue: Queue, block: Block): number {
  const { log, aside } = queue
  const { headOffset, headBytes } = log
  const position = block.start + headOffset
  if (isPlain(queue, block)) {
    const [count, bytes] = [block.count - headOffset, block.bodies.length - headBytes]
    aside.put(tx, block.schemaId, { due: block.time, position, start: block.start, headBytes, count, bytes })
    log.pass(tx, block)
    return bytes
  }
  const message = messageOf(block, headOffset, headBytes)
  log.advance(tx, block, 1, message.body.length)
  aside.put(tx, block.schemaId, { due: block.time, position, message })
  return message.body.length
}

/** Whether messages of a block can be set aside together: each is like the others, and nobody takes one out by this write. */
function isPlain(queue: Queue, { extras, bad }: Block): boolean {
  if (bad || isBuried(queue)) return false
  return extras.every(({ key, expires }) => key === undefined && expires === undefined)
}

/** Whether what no attached consumer can read goes to the dead letters. */
function isBuried({ settings, dead }: Queue): boolean {
  return settings.unreadable === 'dead-letter' && dead !== undefined
}

/** Gathers what was set aside and a consumer can read, the oldest first. */
export function gatherAside(
  tx: Transaction,
  queue: Queue,
  batch: LeaseBatch,
  consumer: Consumer,
  limit: number,
  hasRoom: HasRoom,
): void {
  const { aside } = queue
  while (batch.count < limit && hasRoom()) {
    const lane = aside.oldestLane(tx, (name) => !consumer.unreadable.has(name))
    if (!lane || !gatherLane(tx, queue, batch, lane, limit, hasRoom)) return
  }
}

/** Gathers messages of one schema; tells whether to look for more. */
function gatherLane(
  tx: Transaction,
  queue: Queue,
  batch: LeaseBatch,
  lane: Lane,
  limit: number,
  hasRoom: HasRoom,
): boolean {
  for (const entry of queue.aside.first(tx, lane)) {
    if (batch.count >= limit || batch.bytes >= leaseBytes || !hasRoom()) return false
    if ('message' in entry) {
      if (!gatherMessage(tx, queue, batch, lane, entry)) return false
    } else if (entry.due + queue.settings.maxAgeMs <= tx.wall) {
      queue.counters.expired += entry.count
      shiftAside(tx, queue, lane, entry, entry.count, entry.bytes)
    } else {
      const block = readAside(tx, queue, lane, entry)
      if (block && dropBad(tx, queue, lane, entry, block)) return true
      if (block && !gatherBlock(tx, queue, batch, lane, entry, block, limit - batch.count)) return false
    }
  }
  return true
}

/** Handles one message; returns whether to continue. */
function gatherMessage(tx: Transaction, queue: Queue, batch: LeaseBatch, lane: Lane, entry: ScheduledMessage): boolean {
  const { aside, keys, scheduled, settings } = queue
  const { message, position } = entry
  if (isExpired(tx, queue, entry)) {
    aside.take(tx, lane, entry)
    queue.counters.expired += 1
    forgetKey(tx, queue, message.key, position)
  } else if (message.attempts >= settings.maxAttempts && queue.dead) {
    aside.take(tx, lane, entry)
    deadLetter(tx, queue, position, message)
  } else if (!batch.fits(message.schemaId, message.body.length, leaseBytes)) {
    return false
  } else {
    aside.take(tx, lane, entry)
    // it owns its key, unless keys were not kept in order when it was set aside
    if (settings.keyOrder && message.key !== undefined && !keys.own(tx, message.key, position)) {
      keys.park(tx, message.key, entry)
    } else {
      scheduled.lend(tx, entry)
      batch.addSingle(entry)
    }
  }
  return true
}

/** Handles messages of a block; returns whether to continue behind it. */
function gatherBlock(
  tx: Transaction,
  queue: Queue,
  batch: LeaseBatch,
  lane: Lane,
  entry: AsideBlock,
  block: Block,
  limit: number,
): boolean {
  const { start, position, headBytes } = entry
  const offset = position - start
  if (!batch.fits(block.schemaId, block.lengths[offset] as number, leaseBytes)) return false
  const { count, bytes } = fitting(block, offset, block.bad ? 1 : limit, leaseBytes - batch.bytes)
  batch.addBlock(block, offset, count, headBytes, bytes)
  queue.log.lease(start, count)
  return !shiftAside(tx, queue, lane, entry, count, bytes)
}

/**
 * Looks at what is set aside and no attached consumer can read: it is reported once, and goes to the dead letters if the
 * queue is set to do that. Returns whether there is more to do.
 */
export function judgeAside(tx: Transaction, queue: Queue, hasRoom: HasRoom): boolean {
  const { aside, consumers } = queue
  const [consumer] = consumers
  if (!consumer) return false
  const mustGo = isBuried(queue)
  for (const lane of [...aside.lanes]) {
    if (isReadable(consumers, lane.name)) continue
    if (!aside.wasReported(lane)) {
      tx.completions.push(() => {
        aside.reported(lane)
        queue.report(unreadError(queue, lane, mustGo))
      })
    }
    while (mustGo && lane.messages > 0) {
      if (!hasRoom()) return true
      const first = firstAside(tx, queue, lane)
      if (!first) continue
      first.take()
      const { position, message } = first.entry
      const [attempt, time, reason] = [message.attempts + 1, tx.wall, 'no attached consumer can read it']
      const failure = { attempt, time, cause: 'reject' as const, consumer: consumer.name, reason }
      deadLetter(tx, queue, position, { ...message, history: withFailure(message.history, failure) })
    }
  }
  return false
}

function unreadError({ name }: Queue, { id, schemaId }: Lane, mustGo: boolean): RivuletError {
  const hash = Buffer.from(schemaId).toString('hex')
  const which = isOfValues(id) ? 'some values' : 'messages'
  const then = mustGo ? 'they are dead letters' : 'they wait for one that can, and others pass them'
  const message = `queue ${name}: no attached consumer can read ${which} of the schema ${hash}; ${then}`
  return new RivuletError('RIVULET_INCOMPATIBLE_SCHEMA', message)
}
