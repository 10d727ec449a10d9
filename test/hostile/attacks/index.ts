/** All attacks of the suite. */
import type { Attack } from '../attack.js'
import type { PatternName } from '../patterns.js'
import { callerAttacks } from './callers.js'
import { connectionAttacks } from './connections.js'
import { floodAttacks } from './floods.js'
import { frameAttacks } from './frames.js'
import { numberAttacks } from './numbers.js'
import { readerAttacks } from './readers.js'
import { strangerAttacks } from './strangers.js'
import { streamAttacks } from './streams.js'
import { valueAttacks } from './values.js'

/** The attacks on a victim with security, or on one without. */
export function attacksOn(isSecured: boolean): readonly Attack[] {
  return attacks.filter((attack) => patternsOf(attack, isSecured).length > 0)
}

/** The patterns that an attack is made on. */
export function patternsOf({ patterns, secured, bridged = [] }: Attack, isSecured: boolean): readonly PatternName[] {
  if (!isSecured) return secured === 'only' ? [] : patterns
  return secured === undefined ? bridged : patterns
}

/** The attacks, in the order in which they are made. */
export const attacks: readonly Attack[] = [
  ...connectionAttacks,
  ...strangerAttacks,
  ...callerAttacks,
  ...frameAttacks,
  ...numberAttacks,
  ...valueAttacks,
  ...readerAttacks,
  ...floodAttacks,
  ...streamAttacks,
]
