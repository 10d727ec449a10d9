/**
 * The end of a turn of the event loop: when what the turn produced is made into frames and leaves.
 *
 * A turn ends after its promise jobs and those they queue. A timer or an immediate would add latency to a lone message;
 * a promise job alone would cut a loop of awaited sends into frames of one message.
 */

const done = Promise.resolve()
let callbacks: (() => void)[] = []
/** Resolves behind the promise jobs of this turn, if somebody waits for that. */
let over: Promise<void> | undefined

/** Calls back at the end of this turn, or earlier if `endTurn` is called; once. */
export function atEndOfTurn(callback: () => void): void {
  if (callbacks.push(callback) === 1 && !over) void done.then(afterJobs)
}

/** Ends the turn for all that waits for it now. */
export function endTurn(): void {
  if (callbacks.length === 0) return
  const ending = callbacks
  callbacks = []
  for (const callback of ending) callback()
}

/**
 * Ends the turn now, and once more behind its promise jobs, when it resolves.
 *
 * For a read loop, in a promise job, that has nothing more to read: what a lone message led to leaves before the loop
 * asks for the next one, which takes its time.
 */
export function turnOver(): Promise<void> {
  endTurn()
  over ??= new Promise<void>((resolve) => {
    process.nextTick(() => {
      over = undefined
      endTurn()
      resolve()
    })
  })
  return over
}

function afterJobs(): void {
  if (callbacks.length > 0) process.nextTick(endTurn)
}
