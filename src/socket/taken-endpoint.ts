/**
 * Tries again while an endpoint is taken that its former owner is about to release, on a thread that this one cannot see.
 *
 * zeromq.js names the endpoint of a monitor by the place of the monitor in memory. If the memory of an earlier monitor is
 * used again before the library has closed that one, the endpoint is taken for a moment. It blocks: without a monitor a
 * socket would lose events, and the case is rare.
 */

/** How often it tries at most, and how long it waits before it tries again, in milliseconds. */
const mostTries = 1000
const againMs = 1

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Returns what `create` makes, as soon as no endpoint that it needs is taken.
 *
 * @throws what `create` throws otherwise, or at its last try.
 */
export function whenReleased<T>(create: () => T): T {
  for (let tries = 1; ; tries++) {
    try {
      return create()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries >= mostTries) throw error
      Atomics.wait(sleeper, 0, 0, againMs)
    }
  }
}
