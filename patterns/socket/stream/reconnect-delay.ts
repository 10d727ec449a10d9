/** How long `reconnectStream` waits before its next try. */
import type { ReconnectBackoff } from './options.js'

/**
 * The wait behind so many tries, in milliseconds: each longer than the one before, up to a limit.
 *
 * Up to as much is added at random, so that many clients of one listener do not come together.
 */
export function reconnectDelay(backoff: ReconnectBackoff, attempt: number, random = Math.random): number {
  const { initialMs, maxMs, factor } = backoff
  const delayMs = Math.min(maxMs, initialMs * factor ** Math.min(attempt - 1, 64))
  return delayMs * (1 + random())
}
