/** What an attack is: something that one peer, or many, do to a pattern that listens. */
import type { Scope } from '../support/scope.js'
import type { Deeds, Target } from './orders.js'
import type { PatternName, TransportName } from './patterns.js'

/** What an attack is given for one round. */
export interface AttackContext {
  readonly target: Target
  /** Numbers from 0 up to 1, from the seed. */
  readonly random: () => number
  /** How much of it there is: 1 is little. */
  readonly scale: number
  /** Ends with the round. */
  readonly scope: Scope
  /** Counts what was done. */
  readonly did: (deeds: Partial<Deeds>) => void
}

/** A bound that libzmq, or what a socket of ZeroMQ is, keeps from being held. */
export interface KnownLimit {
  /** The patterns and transports that it is for. */
  readonly patterns: readonly PatternName[]
  readonly transports: readonly TransportName[]
  /** The complaints that it explains; any other one is a failure. */
  readonly complaint: RegExp
  readonly why: string
}

/** Why a trial could not hold; `undefined` if a complaint has another reason, or there is none. */
export function limitReached(
  known: KnownLimit | undefined,
  { pattern, transport }: { readonly pattern: PatternName; readonly transport: TransportName },
  complaints: readonly string[],
): string | undefined {
  if (!known?.transports.includes(transport) || !known.patterns.includes(pattern) || complaints.length === 0)
    return undefined
  return complaints.every((text) => known.complaint.test(text)) ? known.why : undefined
}

/** An attack. */
export interface Attack {
  readonly name: string
  /** The patterns that it is made for. */
  readonly patterns: readonly PatternName[]
  /** The patterns that surely count something of each round, beside connections that are refused. */
  readonly counted: readonly PatternName[]
  /**
   * Patterns where links of its peers may stay when those have gone.
   *
   * A PUSH never reads what workers send. When its queue of one is full, libzmq 4.3.5 reads that connection no more, and
   * finds out neither an end nor a reset.
   */
  readonly stays?: readonly PatternName[]
  /** Patterns whose honest peers may lose messages when there is much of it, since all are disconnected then. */
  readonly loses?: readonly PatternName[]
  /** What is known not to hold; the soak counts it apart, and `npm test` leaves the attack out if that is of all its patterns. */
  readonly known?: KnownLimit
  /** Whether a victim with security is attacked with it, too, or no other. Default: only one without is. */
  readonly secured?: 'too' | 'only'
  /** Patterns of a victim with security that are attacked with it by a peer that is admitted, over a bridge. */
  readonly bridged?: readonly PatternName[]
  /** Descriptors that the victim has while it is attacked. Default: many. */
  readonly descriptors?: number
  /** Makes one round; resolves when it has done what it does. */
  run(context: AttackContext): Promise<void>
}

/** A whole number from 0 up to, but not including, `below`. */
export function below(random: () => number, below: number): number {
  return Math.floor(random() * below)
}

/** One of a list. */
export function oneOf<T>(random: () => number, list: readonly T[]): T {
  return list[below(random, list.length)] as T
}

/** Random bytes. */
export function noise(random: () => number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(random, 256)))
}
