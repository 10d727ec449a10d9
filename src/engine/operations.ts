/**
 * Operations that an engine has not begun: each applies to a write, and gets the outcome of that.
 *
 * The operations of one write are applied in the order in which they were asked for.
 */
import { RivuletError } from '../errors/index.js'
import { firstAside } from './aside-messages.js'
import type { Consumer } from './consumer.js'
import { dropExpired, dropOverflow, purgeSome } from './dropping.js'
import type { MessageBlock, SendOutcome, Settlement, SettleOutcome } from './engine.js'
import { endLease, neverDelivered, runOut } from './lapsing.js'
import type { Lease } from './leases.js'
import type { Queue } from './queue.js'
import { forgetKey } from './redelivery.js'
import type { SchemaTexts } from './schema-texts.js'
import { refusedFrom, store } from './sending.js'
import { settle, settleLate } from './settling.js'
import type { Transaction } from './transaction.js'

/** Something that changes a queue. */
export interface Operation {
  /** Applies it to a write; `false` if there is more of it to do, by the next write. */
  apply(tx: Transaction): boolean
  /** The write is not there, and it is not tried again; `tx` sees the state as it is. */
  fail(tx: Transaction, error: RivuletError): void
  /**
   * What is done if a write is not there: `remove` for what makes room, which is tried first, all together; `settle` for
   * one that is tried alone; `refuse` for one that is refused; `forget` for one without a waiting caller, which comes again.
   */
  readonly rescue: 'remove' | 'settle' | 'refuse' | 'forget'
}

/** Changes nothing, and is done when what came before it is. */
export function noOperation(done: () => void): Operation {
  return {
    rescue: 'refuse',
    apply(tx) {
      tx.completions.push(done)
      return true
    },
    fail: done,
  }
}

/** Stores a block. */
export function sendOperation(
  queue: Queue,
  schemas: SchemaTexts,
  producer: string,
  sequence: number,
  block: MessageBlock,
  schema: string | undefined,
  done: (outcome: SendOutcome) => void,
): Operation {
  const storeNew = (tx: Transaction) => {
    const schemaId = schemas.intern(block.schemaId)
    if (schemas.keep(tx, schemaId, schema)) return store(tx, queue, producer, sequence, block, schemaId)
    return refusedFrom(queue.producers.expected(tx, producer, sequence), unknownSchema(queue, schemaId))
  }
  // once an earlier write has stored it, and this one makes room
  let stored: SendOutcome | undefined
  return {
    rescue: 'refuse',
    apply(tx) {
      tx.touch(queue)
      const outcome = stored ?? storeNew(tx)
      const isDone = queue.settings.overflow === 'reject' || dropOverflow(tx, queue)
      tx.completions.push(() => {
        stored = outcome
        if (isDone) done(outcome)
      })
      return isDone
    },
    // where there is too much still, the next message that is stored makes room
    fail: (tx, error) => done(stored ?? refusedFrom(expectedIn(tx, queue, producer, sequence), error)),
  }
}

/** Settles messages of a consumer. */
export function settleOperation(
  queue: Queue,
  consumer: Consumer,
  settlements: readonly Settlement[],
  done: (outcomes: readonly SettleOutcome[]) => void,
): Operation {
  // of the settlements that are stored, from the first one on
  const outcomes: SettleOutcome[] = []
  return {
    rescue: settlements.every(({ kind }) => kind === 'ack') ? 'remove' : 'settle',
    apply(tx) {
      tx.touch(queue)
      const some: SettleOutcome[] = []
      for (let at = outcomes.length; at < settlements.length && !tx.isFull; at++) {
        const settlement = settlements[at] as Settlement
        const settled = settleOwn(tx, queue, consumer, settlement)
        const stale = Math.max(0, settlement.count - settled)
        queue.counters.stale += stale
        some.push({ settled, stale })
      }
      const isDone = outcomes.length + some.length === settlements.length
      tx.completions.push(() => {
        for (const one of some) outcomes.push(one)
        if (isDone) done(outcomes)
      })
      return isDone
    },
    fail(_, error) {
      while (outcomes.length < settlements.length) outcomes.push({ settled: 0, stale: 0, error })
      done(outcomes)
    },
  }
}

/** Settles messages of a lease that a consumer has, or had; returns how many were unsettled. */
function settleOwn(tx: Transaction, queue: Queue, consumer: Consumer, settlement: Settlement): number {
  const { index, count, kind } = settlement
  const lease = queue.leases.get(settlement.lease)
  if (lease) return lease.owner === consumer ? settle(tx, queue, lease, index, count, settlement) : 0
  const past = kind === 'ack' ? queue.leases.past(settlement.lease) : undefined
  return past?.consumer === consumer.name ? settleLate(tx, queue, past, index, count) : 0
}

/** Gives back all messages of some leases, as far as a test is true of them when it is their turn. */
export function releaseOperation(
  queue: Queue,
  leases: readonly number[],
  isMeant: (lease: Lease) => boolean,
): Operation {
  return {
    rescue: 'forget',
    apply(tx) {
      tx.touch(queue)
      for (const number of leases) {
        const lease = queue.leases.get(number)
        if (!lease || !isMeant(lease)) continue
        if (tx.isFull) return false
        if (!lease.isDelivered) neverDelivered(tx, queue, lease)
        settle(tx, queue, lease, 0, lease.count, { kind: 'release' })
      }
      return true
    },
    // they run out, which comes to the same in the end
    fail: () => {},
  }
}

/** Ends the leases of a consumer that does not come back. */
export function abandonOperation(queue: Queue, consumer: Consumer, mostBytes: number): Operation {
  return {
    rescue: 'forget',
    apply(tx) {
      tx.touch(queue)
      for (const lease of [...queue.leases.values()]) {
        if (lease.owner !== consumer) continue
        if (tx.isFull || tx.bytes >= mostBytes) return false
        endLease(tx, queue, lease)
      }
      return true
    },
    // they run out
    fail: () => {},
  }
}

/** Looks at leases that have run out, or had at a time, and drops what is too old. */
export function tickOperation(queue: Queue, mostBytes: number, until = Number.POSITIVE_INFINITY): Operation {
  return {
    rescue: 'forget',
    apply(tx) {
      tx.touch(queue)
      const end = Math.min(until, tx.now)
      for (let lease = queue.leases.first; lease && lease.deadline <= end; lease = queue.leases.first) {
        if (tx.isFull || tx.bytes >= mostBytes) return false
        runOut(tx, queue, lease)
      }
      dropNoOrder(tx, queue)
      return !dropExpired(tx, queue)
    },
    fail: () => {},
  }
}

/** Forgets expired producers and ids. */
export function sweepOperation(queue: Queue, alsoProducers: boolean): Operation {
  return {
    rescue: 'forget',
    apply(tx) {
      tx.touch(queue)
      const moreIds = queue.ids.sweep(tx, queue.settings.dedupeMs, 1000)
      const moreProducers = alsoProducers && queue.producers.sweep(tx)
      return !moreIds && !moreProducers
    },
    fail: () => {},
  }
}

/** Drops all that waits. */
export function purgeOperation(queue: Queue, done: (dropped: number, error?: RivuletError) => void): Operation {
  let before: number | undefined
  let total = 0
  return {
    rescue: 'remove',
    apply(tx) {
      tx.touch(queue)
      before ??= queue.nextPosition
      // others may have their messages, so that they wait
      for (const lease of [...queue.leases.lapsed]) {
        if (tx.isFull) return false
        endLease(tx, queue, lease)
      }
      const { dropped, isDone } = purgeSome(tx, queue, before)
      tx.completions.push(() => {
        total += dropped
        if (isDone) done(total)
      })
      return isDone
    },
    fail: (_, error) => done(total, error),
  }
}

/** Moves dead letters back to their queue. */
export function redriveOperation(
  queue: Queue,
  limit: number,
  done: (moved: number, error?: RivuletError) => void,
): Operation {
  let total = 0
  return {
    rescue: 'refuse',
    apply(tx) {
      const dead = queue.dead
      let moved = 0
      let isDone = true
      if (dead) {
        tx.touch(queue)
        tx.touch(dead)
        for (;;) {
          const lane = dead.aside.messages > 0 ? dead.aside.oldestLane(tx) : undefined
          const aside = lane ? firstAside(tx, dead, lane) : undefined
          const entry = total + moved < limit ? (aside?.entry ?? dead.scheduled.first(tx)) : undefined
          if (!entry || !hasRoom(queue, entry.message.body.length)) break
          isDone = !tx.isFull
          if (!isDone) break
          if (aside) aside.take()
          else dead.scheduled.removeFirst(tx)
          forgetKey(tx, dead, entry.message.key, entry.position)
          const { origin: _, ...message } = entry.message
          // ready from now on, behind what the log has of its key
          queue.scheduled.put(tx, tx.wall, queue.nextPosition++, { ...message, attempts: 0, time: tx.wall })
          queue.counters.stored += 1
          moved += 1
        }
      }
      tx.completions.push(() => {
        total += moved
        if (isDone) done(total)
      })
      return isDone
    },
    fail: (_, error) => done(total, error),
  }
}

/** Lets parked messages go where keys are not kept in order any more. */
function dropNoOrder(tx: Transaction, queue: Queue): void {
  const { keys, settings } = queue
  if (!keys.isActive || settings.keyOrder) return
  for (const parked of keys.unpark(tx, 1000)) queue.scheduled.putDue(tx, parked)
  if (keys.parked === 0 && !keys.forget(tx, 1000)) keys.isActive = false
}

/** Whether a message more fits, so that none need be dropped for it. */
function hasRoom({ settings, depth, bytes }: Queue, more: number): boolean {
  return depth < settings.maxLength && bytes + more <= settings.maxBytes
}

/** The number that a producer has to continue with; 0 if not even that can be read. */
function expectedIn(tx: Transaction, queue: Queue, producer: string, sequence: number): number {
  try {
    return queue.producers.expected(tx, producer, sequence)
  } catch {
    return 0
  }
}

function unknownSchema({ name }: Queue, schemaId: Uint8Array): RivuletError {
  const hash = Buffer.from(schemaId).toString('hex')
  return new RivuletError('RIVULET_UNKNOWN_SCHEMA', `queue ${name}: the text of the schema ${hash} was never sent`)
}
