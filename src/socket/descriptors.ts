/**
 * How many file descriptors this process may have, and how many it has: known on Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** How many this process may have; infinite where that is not known. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY // another system
  }
}

/** How many it has; infinite if there is none left to look with. */
export function descriptorsInUse(): number {
  try {
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
