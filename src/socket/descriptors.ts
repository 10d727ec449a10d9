/**
 * How many file descriptors this process may have, and how many it has: known on Linux only.
 */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { devNull } from 'node:os'

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

/** Whether this process can still open so many descriptors. */
export function areDescriptorsLeft(count: number): boolean {
  const opened: number[] = []
  try {
    while (opened.length < count) opened.push(openSync(devNull, 'r'))
    return true
  } catch {
    return false
  } finally {
    for (const one of opened) closeSync(one)
  }
}
