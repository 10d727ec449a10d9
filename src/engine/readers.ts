/**
 * Which consumers of a queue can read what, and what happens to ready messages that none of them can read.
 *
 * Such a message is set aside, so that those behind it can be dealt out; as soon as a consumer takes messages that can read
 * it, it is dealt out before all others. `set-aside.ts` keeps it meanwhile.
 */
import { RivuletError } from '../errors/index.js'
import type { Block } from './block-record.js'
import { type Consumer, isReadable } from './consumer.js'
import { isExpired } from './dropping.js'
import { bury, forgetKey } from './fates.js'
import { type LeaseBatch, leaseBytes } from './lease-batch.js'
import { withFailure } from './message-record.js'
import type { Queue } from './queue.js'
import type { Lane } from './set-aside.js'
import { messageOf } from './settling.js'
import type { Transaction } from './transaction.js'

/** Whether there is room for more in a write. */
type HasRoom = () => boolean

/** Returns what a message in front is for a consumer: its own, one of another consumer that takes messages, or of none. */
export function readerOf(queue: Queue, consumer: Consumer, meaning: Uint8Array): 'this' | 'other' | 'none' {
  if (consumer.canRead(meaning)) return 'this'
  for (const other of queue.consumers) {
    // one without credit that has nothing may never ask for anything
    if ((other.credit > 0 || other.outstanding > 0) && other.canRead(meaning)) return 'other'
  }
  return 'none'
}

/** Sets messages of the block in front aside: those that have nothing of their own together. */
export function setHeadAside(tx: Transaction, { log, aside }: Queue, block: Block, hasRoom: HasRoom): void {
  let count = block.extras.length > 0 || block.bad ? 1 : block.count - log.headOffset
  for (; count > 0; count--) {
    const position = block.start + log.headOffset
    const message = messageOf(block, log.headOffset, log.headBytes)
    log.advance(tx, block, 1, message.body.length)
    aside.put(tx, { due: block.time, position, message })
    if (!hasRoom()) return
  }
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

/** Gathers messages of one schema; tells whether to look for another one. */
function gatherLane(
  tx: Transaction,
  queue: Queue,
  batch: LeaseBatch,
  lane: Lane,
  limit: number,
  hasRoom: HasRoom,
): boolean {
  const { aside, keys, later, settings } = queue
  for (const entry of aside.first(tx, lane, limit - batch.count)) {
    const { message, position } = entry
    if (isExpired(tx, queue, entry)) {
      aside.take(tx, lane, entry)
      queue.happenings.expired += 1
      forgetKey(tx, queue, message.key, position)
    } else if (message.attempts >= settings.maxAttempts && queue.dead) {
      aside.take(tx, lane, entry)
      bury(tx, queue, position, message)
    } else if (!batch.fits(message.meaning, message.body.length, leaseBytes)) {
      return false
    } else {
      aside.take(tx, lane, entry)
      // it owns its key, unless keys were not kept in order when it was set aside
      if (settings.keyOrder && message.key !== undefined && !keys.own(tx, message.key, position)) {
        keys.park(tx, message.key, entry)
      } else {
        later.lend(tx, entry)
        batch.addSingle(entry)
      }
    }
    if (batch.bytes >= leaseBytes || !hasRoom()) return false
  }
  return true
}

/**
 * Looks at what is set aside and no attached consumer can read: it is reported once, and goes to the dead letters if the
 * queue says so. Tells whether there is more to do.
 */
export function judgeAside(tx: Transaction, queue: Queue, hasRoom: HasRoom): boolean {
  const { aside, consumers, settings } = queue
  const [consumer] = consumers
  if (!consumer) return false
  const isBuried = settings.unreadable === 'dead-letter' && queue.dead !== undefined
  for (const lane of [...aside.lanes]) {
    if (isReadable(consumers, lane.name)) continue
    if (!aside.wasReported(lane)) {
      tx.completions.push(() => {
        aside.reported(lane)
        queue.report(unreadError(queue, lane, isBuried))
      })
    }
    while (isBuried && lane.messages > 0) {
      for (const entry of aside.first(tx, lane)) {
        if (!hasRoom()) return true
        const { position, message } = entry
        const [attempt, time, reason] = [message.attempts + 1, tx.wall, 'no attached consumer can read its schema']
        const failure = { attempt, time, cause: 'reject' as const, consumer: consumer.name, reason }
        aside.take(tx, lane, entry)
        bury(tx, queue, position, { ...message, history: withFailure(message.history, failure) })
      }
    }
  }
  return false
}

function unreadError({ name }: Queue, { meaning }: Lane, isBuried: boolean): RivuletError {
  const hash = Buffer.from(meaning).toString('hex')
  const then = isBuried ? 'they are dead letters' : 'they wait for one that can, and others pass them'
  const message = `queue ${name}: no attached consumer can read messages of the schema ${hash}; ${then}`
  return new RivuletError('RIVULET_INCOMPATIBLE_SCHEMA', message)
}
