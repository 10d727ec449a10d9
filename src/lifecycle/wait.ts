/**
 * Waiting for something with a time limit and a way to give up, which cleans up after itself on every path.
 *
 * It waits for a promise; it does not stop what the promise stands for.
 */
import { type Clock, longestTimerMs } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import { onAbort } from './abort-watchers.js'

/** How long to wait, and how to give up. */
export interface WaitOptions {
  /**
   * How long to wait, in milliseconds, 0 or more; `Infinity`, or more than 24 days, is without a limit.
   * @defaultValue `Infinity`
   */
  readonly timeoutMs?: number
  /**
   * Gives up when aborted: the promise rejects with RIVULET_ABORTED.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
}

/** The error for an aborted signal. */
export function abortedError(subject: string, signal: AbortSignal): RivuletError {
  return new RivuletError('RIVULET_ABORTED', `${subject}: aborted by its signal`, { cause: signal.reason })
}

/**
 * Waits for a promise at most so long.
 *
 * @param subject - What is waited for, for messages.
 * @param why - What is known of why it takes so long, to be appended to the message when the time has passed.
 * @error RIVULET_TIMEOUT when the time has passed; RIVULET_ABORTED when the signal aborts.
 */
export function waitFor<T>(
  subject: string,
  promise: Promise<T>,
  clock: Pick<Clock, 'setTimer'>,
  options: WaitOptions = {},
  why = () => '',
): Promise<T> {
  const { timeoutMs = defaults.waitTimeoutMs, signal } = options
  return new Promise<T>((resolve, reject) => {
    const timer =
      timeoutMs <= longestTimerMs
        ? clock.setTimer(() => {
            settle()
            reject(new RivuletError('RIVULET_TIMEOUT', `${subject}: not within ${timeoutMs} ms${why()}`))
          }, timeoutMs)
        : undefined
    let forgetSignal = () => {}
    const settle = () => {
      timer?.cancel()
      forgetSignal()
    }
    forgetSignal = onAbort(signal, () => {
      settle()
      reject(abortedError(subject, signal as AbortSignal))
    })
    promise.then(
      (value) => {
        settle()
        resolve(value)
      },
      (error: unknown) => {
        settle()
        reject(error)
      },
    )
  })
}

/** A promise with its ends in the hands of the caller. */
export interface Deferred {
  readonly promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

/** Makes a promise to be settled later; a rejection that nobody waits for is not an error. */
export function deferred(): Deferred {
  let resolve: () => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
