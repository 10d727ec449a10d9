/**
 * The end of a turn of the event loop: when what the turn produced is made into frames and leaves.
 *
 * A turn ends after its promise jobs and those they queue. A timer or an immediate would add latency to a lone message;
 * a promise job alone would cut a loop of awaited sends into frames of one message.
 */

const done = Promise.resolve()
let callbacks: (() => void)[] = []
/** Promise jobs between a lone message and what awaits it: an `await`, and an async function around that. */
const jobsToAnswer = 5
/** Read loops that end this turn behind its promise jobs anyway. */
let endings = 0

/** Calls back at the end of this turn, or earlier if `endTurn` is called; once. */
export function atEndOfTurn(callback: () => void): void {
  if (callbacks.push(callback) === 1 && endings === 0) void done.then(afterJobs)
}

/** Ends the turn for all that waits for it now; tells whether that was anything. */
export function endTurn(): boolean {
  if (callbacks.length === 0) return false
  const ending = callbacks
  callbacks = []
  for (const callback of ending) callback()
  return true
}

/**
 * Ends the turn, and calls back: at once if there was something to end, or else after some promise jobs, which may lead
 * to something.
 *
 * For a read loop, in a promise job, that has nothing more to read: what a lone message led to leaves before the loop
 * asks for the next one, which takes its time. Jobs are counted, since `nextTick` would add to that time: what takes
 * more of them leaves later, as anything else.
 */
export function flushTurnThen(callback: () => void): void {
  if (endTurn()) {
    callback()
    return
  }
  void endAfterJobs(callback)
}

async function endAfterJobs(callback: () => void): Promise<void> {
  endings += 1
  for (let job = 0; job < jobsToAnswer; job++) await done
  endings -= 1
  endTurn()
  callback()
}

function afterJobs(): void {
  if (callbacks.length > 0) process.nextTick(endTurn)
}
