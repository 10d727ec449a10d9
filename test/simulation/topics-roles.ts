/** What those of a simulation with policies may have or bring: a role each. */
import { type TargetPattern, targetPattern } from '../../src/security/target-pattern.js'

/** A role. */
export type Role = 'all' | 'some' | 'one' | 'blind' | 'none'

/** Policies of a run. */
export interface PolicyPlan {
  /** Whether some are held to what they may publish; otherwise, to what they may subscribe to. */
  readonly isOfWriters: boolean
  /** The sides that hold peers to a policy: `p0`, `s0`, `h0/above`, `h0/below`. */
  readonly guards: readonly string[]
  /** What each process may do at first, by name. */
  readonly roles: Readonly<Record<string, Role>>
  /** What may wait for each link, in frames of 64 KiB. */
  readonly highWaterMark: number
  /** How often trouble is a change of the allow list. */
  readonly changing: number
}

/** Topics that are kept from a blind one, which may have all patterns that are none of them. */
const unseen = ['b', 'a.c', 'a.t3']

const allowed: Readonly<Record<Role, TargetPattern>> = {
  all: () => true,
  some: targetPattern('a.#') as TargetPattern,
  one: targetPattern('a.b') as TargetPattern,
  blind: (target) => !unseen.includes(target),
  none: () => false,
}

/** Whether a role allows a topic, or all that fits a pattern; none allows nothing. */
export function roleAllows(role: Role | undefined, target: string): boolean {
  return role !== undefined && allowed[role](target)
}
