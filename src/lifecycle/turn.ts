/**
 * The end of a turn of the event loop: when what the turn produced is made into frames and leaves.
 *
 * A turn ends after its promise jobs and those they queue. A timer or an immediate would add latency to a lone message;
 * a promise job alone would cut a loop of awaited sends into frames of one message.
 */

const done = Promise.resolve()
let callbacks: (() => void)[] = []

/** Calls back at the end of this turn, or earlier if `endTurn` is called; once. */
export function atEndOfTurn(callback: () => void): void {
  if (callbacks.push(callback) === 1) void done.then(afterJobs)
}

/**
 * Ends the turn for all that waits for it: a read loop calls it when it has nothing more to read.
 *
 * @returns Whether anything waited.
 */
export function endTurn(): boolean {
  if (callbacks.length === 0) return false
  const ending = callbacks
  callbacks = []
  for (const callback of ending) callback()
  return true
}

function afterJobs(): void {
  if (callbacks.length > 0) process.nextTick(endTurn)
}
