/**
 * What becomes of single messages that were dealt out and are not done: they wait once more, or are dead letters.
 *
 * The caller has removed them from their former place.
 */
import type { FailedAttempt, QueueSettings } from './engine.js'
import { type StoredMessage, withFailure } from './message-record.js'
import type { Queue } from './queue.js'
import type { ScheduledMessage } from './scheduled-messages.js'
import type { Transaction } from './transaction.js'

/** Why a delivery came to nothing. */
export interface Failure {
  readonly cause: FailedAttempt['cause']
  readonly consumer: string
  readonly reason?: string | undefined
  readonly stack?: string | undefined
  /** How long to wait, in milliseconds, instead of the backoff of the queue. */
  readonly delayMs?: number | undefined
}

/** A message was not looked at: it is ready again, as long as it was, and its attempt does not count. */
export function giveBack(tx: Transaction, queue: Queue, { due, position, message }: ScheduledMessage): void {
  queue.scheduled.put(tx, due, position, message)
}

/** A delivery of a message failed. */
export function fail(
  tx: Transaction,
  queue: Queue,
  { due, position, message }: ScheduledMessage,
  { cause, consumer, reason, stack, delayMs }: Failure,
): void {
  const attempt = message.attempts + 1
  const history = withFailure(message.history, {
    attempt,
    time: tx.wall,
    cause,
    consumer,
    ...(reason === undefined ? undefined : { reason }),
    ...(stack === undefined ? undefined : { stack }),
  })
  const failed = { ...message, attempts: attempt, history }
  if (cause === 'reject' || attempt >= queue.settings.maxAttempts) {
    if (deadLetter(tx, queue, position, failed)) return
  }
  // a lease that ran out has made the message wait already
  const waitMs = cause === 'lease-lost' ? 0 : (delayMs ?? backoffMs(queue.settings, attempt))
  queue.scheduled.put(tx, waitMs > 0 ? Math.ceil(tx.wall + waitMs) : due, position, failed)
}

/** Moves a message to the dead letters; tells whether its queue has any. */
export function deadLetter(tx: Transaction, queue: Queue, position: number, message: StoredMessage): boolean {
  const { dead } = queue
  if (!dead) return false
  tx.touch(dead)
  const origin = { queue: queue.name, position }
  dead.scheduled.put(tx, 0, dead.nextPosition++, { ...message, time: tx.wall, expires: 0, attempts: 0, origin })
  dead.counters.stored += 1
  queue.counters.deadLettered += 1
  forgetKey(tx, queue, message.key, position)
  return true
}

/** A message is gone for good: the next of its key has its turn. */
export function forgetKey(tx: Transaction, queue: Queue, key: string | undefined, position: number): void {
  if (key === undefined || !queue.keys.isActive) return
  const next = queue.keys.release(tx, key, position)
  if (next) queue.scheduled.putDue(tx, next)
}

/** The wait after a failed attempt, in milliseconds. */
function backoffMs({ backoff }: QueueSettings, attempt: number): number {
  return Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (attempt - 1))
}
