/** Turns of the event loop for many sequences that wait side by side: one timer for all of them. */

/** How often what cannot announce itself is looked at, in milliseconds. */
const tickMs = 1

let waiting: (() => void)[] = []

function fire(): void {
  const ready = waiting
  waiting = []
  for (const resolve of ready) resolve()
}

/** Resolves about a millisecond later, later on a busy machine. */
export function tick(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setTimeout(fire, tickMs)
  })
}
