/**
 * Native operations that are tried again, since what prevents them has passed in a moment.
 */
import { errnoOf } from '../errors/index.js'

/** How often something is tried at most, and how long a taken endpoint is waited for between two tries, in milliseconds. */
const mostTries = 1000
const releaseMs = 1

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Returns what `create` makes, as soon as no endpoint that it needs is taken.
 *
 * zeromq.js names the endpoint of a monitor by the place of the monitor in memory. If the memory of an earlier monitor is
 * used again before the library has closed that one, on a thread that this one cannot see, the endpoint is taken for a moment.
 * It blocks: without a monitor a socket would lose events, and the case is rare.
 *
 * @throws what `create` throws otherwise, or at its last try.
 */
export function whenReleased<T>(create: () => T): T {
  return tryAgain('EADDRINUSE', create, () => Atomics.wait(sleeper, 0, 0, releaseMs))
}

/**
 * Returns what an action returns that no signal has interrupted.
 *
 * To bind, connect, disconnect and monitor, the library first looks for commands of its threads, and ends with EINTR if a
 * signal comes at that moment; nothing is done then. A profiler sends a thousand signals a second and more. zeromq.js repeats
 * `send` and `receive` itself.
 *
 * @throws what the action throws otherwise, or at its last try.
 */
export function uninterrupted<T>(action: () => T): T {
  return tryAgain('EINTR', action, () => {})
}

function tryAgain<T>(code: string, action: () => T, wait: () => void): T {
  for (let tries = 1; ; tries++) {
    try {
      return action()
    } catch (error) {
      if (errnoOf(error) !== code || tries >= mostTries) throw error
      wait()
    }
  }
}
