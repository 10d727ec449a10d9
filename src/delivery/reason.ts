/**
 * Why a delivery failed, as the history of its message keeps it: whatever was said or thrown, as far as a host stores it.
 *
 * It never fails, whatever it is given.
 */
import { maxReasonCharacters, maxStackCharacters, type SettledRange } from './protocol.js'

/** A reason as it is sent. */
export function describeReason(reason: unknown): Pick<SettledRange, 'reason' | 'stack'> {
  if (reason === undefined || reason === null) return { reason: null, stack: null }
  try {
    if (!(reason instanceof Error)) return { reason: reasonText(String(reason)), stack: null }
    const { name, message, stack } = reason
    return {
      reason: reasonText(`${name}: ${message}`),
      stack: typeof stack === 'string' ? stack.slice(0, maxStackCharacters).toWellFormed() : null,
    }
  } catch {
    return { reason: 'what was thrown is no text', stack: null }
  }
}

/** A text as a reason: as long as it may be, and such that it can be written. */
export function reasonText(text: string): string {
  return text.slice(0, maxReasonCharacters).toWellFormed()
}
