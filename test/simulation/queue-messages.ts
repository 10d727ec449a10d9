/**
 * What an onlooker knows of the messages of a simulated queue, and what must be true of them when all is at rest.
 */
import type { FailedAttempt } from '../../src/engine/index.js'

/** What is known of one message. */
export interface Known {
  readonly text: string
  readonly key: string | undefined
  readonly id: string | undefined
  /** When it may be delivered at the earliest, as the host counts time. */
  readonly notBefore: number
  readonly delayMs: number
  /** Whether it may be dropped, by a limit or a time of its own. */
  mayGo: boolean
  readonly ttlMs: number | undefined
  /** What its sender was told: it is stored, it is not, or nobody knows. */
  outcome: 'stored' | 'no' | 'maybe' | undefined
  /** The host has told that it is stored, or that another one is in its place. */
  stored: boolean
  isDuplicate: boolean
  position: number | undefined
  /** The last lease and the last attempt that it was delivered under. */
  lease: number
  attempt: number
  /** Attempts that may have been counted since without a delivery: their leases were stored by writes before a crash. */
  hidden: number
  /** Whether it may be delivered under the same attempt once more: somebody gave it back, or may have. */
  mayRepeat: boolean
  /** What was said of it that may have been stored, without the outcome having been told. */
  maybeGone: boolean
  maybeDead: boolean
  /** A consumer has acknowledged it, as far as that one knows; and the host has stored that. */
  ackSaid: boolean
  acked: boolean
}

/** A dead letter as it is found in the end. */
export interface DeadLetter {
  readonly text: string
  /** Where it was in its queue. */
  readonly position: number
  readonly history: readonly FailedAttempt[]
}

/** A lease as it was delivered. */
export interface KnownLease {
  readonly texts: readonly string[]
  readonly consumer: string
}

/** A message as a consumer is handed it. */
export interface Handed {
  readonly position: number
  readonly attempt: number
  readonly id: string | undefined
  readonly key: string | undefined
}

/** A message that will be sent. */
export function newMessage(
  own: Pick<Known, 'text' | 'key' | 'id' | 'delayMs' | 'ttlMs' | 'notBefore' | 'mayGo'>,
): Known {
  return {
    ...own,
    outcome: undefined,
    stored: false,
    isDuplicate: false,
    position: undefined,
    lease: 0,
    attempt: 0,
    hidden: 0,
    mayRepeat: true,
    maybeGone: false,
    maybeDead: false,
    ackSaid: false,
    acked: false,
  }
}

/** Returns which promise is broken, when the queue was emptied and its dead letters are these; `undefined` if none is. */
export function whatIsWrong(
  known: ReadonlyMap<string, Known>,
  dead: readonly DeadLetter[],
  maxAttempts: number,
  wereRedriven: boolean,
): string | undefined {
  const buried = new Set<string>()
  for (const { text, position, history } of dead) {
    const message = known.get(text)
    if (message === undefined) return `${text} was never sent`
    if (buried.has(text)) return `${text} is a dead letter twice`
    buried.add(text)
    if (message.position !== undefined && message.position !== position && !wereRedriven)
      return `${text} was never at ${position}`
    if (message.acked) return `${text} was acknowledged, and is a dead letter`
    // a lease counts, also if a crash kept its messages from ever being delivered
    const last = history[history.length - 1]
    const isRejected = last?.cause === 'reject' && message.maybeDead
    if (!isRejected && (last?.attempt ?? 0) !== maxAttempts)
      return `${text} is a dead letter after ${last?.attempt} attempts`
  }
  for (const { text, outcome, isDuplicate, acked, maybeGone, mayGo } of known.values()) {
    if (outcome === undefined) return `the sender of ${text} was told nothing`
    if (isDuplicate || outcome !== 'stored') continue
    if (!acked && !maybeGone && !buried.has(text) && !mayGo) return `${text} was confirmed, and is lost`
  }
  return undefined
}
