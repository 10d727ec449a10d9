/** All attacks of the suite. */
import type { Attack } from '../attack.js'
import { connectionAttacks } from './connections.js'
import { floodAttacks } from './floods.js'
import { frameAttacks } from './frames.js'
import { numberAttacks } from './numbers.js'
import { readerAttacks } from './readers.js'
import { valueAttacks } from './values.js'

/** The attacks, in the order in which they are made. */
export const attacks: readonly Attack[] = [
  ...connectionAttacks,
  ...frameAttacks,
  ...numberAttacks,
  ...valueAttacks,
  ...readerAttacks,
  ...floodAttacks,
]
