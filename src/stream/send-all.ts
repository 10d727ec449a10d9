/**
 * `sendAll`: feeds a whole source to a sink, with backpressure where the source can be paused.
 *
 * It decides how to take from each kind of source; what happens to a message is the intake's business.
 */
import { from, type ObservableInput } from 'rxjs'
import { type ErrorCode, RivuletError } from '../errors/index.js'
import { abortedError, onAbort } from '../lifecycle/index.js'
import { resolveOptions, signal } from '../options/index.js'
import type { Intake } from './intake.js'

/** What `sendAll` takes. */
export type SendAllSource<In> = Iterable<In> | AsyncIterable<In> | ObservableInput<In>

/** How `sendAll` works. */
export interface SendAllOptions {
  /** Stops taking from the source and rejects; what was taken is still sent. */
  readonly signal?: AbortSignal
}

/** How `sendAll` went, in messages. */
export interface SendAllResult {
  /** Taken into the outbox. */
  readonly sent: number
  /** Not taken: they did not fit their schema, or found no room and could not wait. */
  readonly dropped: number
}

/** Messages between two looks at the clock. */
const messagesPerLook = 256

/** How long messages are taken from a source before other work of the process has its turn, in milliseconds. */
const sliceMs = 10

const subject = 'sendAll'
const rules = { signal }

/** Codes that end the whole: everything else concerns one message. */
const fatal: ReadonlySet<ErrorCode> = new Set(['RIVULET_CLOSED'])

/** Feeds a source to an intake. */
export async function sendAll<In>(
  intake: Intake<In>,
  source: SendAllSource<In>,
  options?: SendAllOptions,
): Promise<SendAllResult> {
  const { signal: abort } = resolveOptions(subject, options, rules)
  if (abort?.aborted) throw abortedError(subject, abort)
  const counts = { sent: 0, dropped: 0 }
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source) {
      await takeAll(intake, source[Symbol.asyncIterator](), counts, abort)
      return counts
    }
    if (Symbol.iterator in source) {
      await takeAll(intake, source[Symbol.iterator](), counts, abort)
      return counts
    }
  }
  await subscribeAll(intake, source as ObservableInput<In>, counts, abort)
  return counts
}

type Counts = { sent: number; dropped: number }

/** Takes from an iterator as fast as there is room. */
async function takeAll<In>(
  intake: Intake<In>,
  iterator: Iterator<In> | AsyncIterator<In>,
  counts: Counts,
  abort: AbortSignal | undefined,
): Promise<void> {
  let ended = false
  try {
    let sliceEnd = performance.now() + sliceMs
    for (let count = 1; ; count++) {
      const step = nextOf(iterator)
      const result = step instanceof Promise || isThenable(step) ? await untilAborted(step, abort) : step
      if (result.done) {
        ended = true
        return
      }
      if (abort?.aborted) throw abortedError(subject, abort)
      const refusal = intake.offer(result.value)
      if (!refusal) counts.sent += 1
      else await retry(intake, result.value, refusal, counts, abort)
      if (count % messagesPerLook === 0 && performance.now() > sliceEnd) {
        await new Promise(setImmediate)
        sliceEnd = performance.now() + sliceMs
      }
    }
  } catch (error) {
    if (error instanceof SourceFailure) {
      ended = true
      throw sourceFailed(error.cause)
    }
    throw error
  } finally {
    if (!ended) leave(iterator)
  }
}

/** Tells a source that no more is taken, and does not wait: a generator answers only after the step it hangs in. */
function leave(iterator: Iterator<unknown> | AsyncIterator<unknown>): void {
  try {
    Promise.resolve(iterator.return?.()).catch(() => {})
  } catch {
    // why the source is left matters more than how it takes that
  }
}

/** Marks what the source threw, so that it is not taken for an error of ours. */
class SourceFailure {
  readonly cause: unknown
  constructor(cause: unknown) {
    this.cause = cause
  }
}

function nextOf<In>(iterator: Iterator<In> | AsyncIterator<In>): IteratorResult<In> | PromiseLike<IteratorResult<In>> {
  try {
    const step = iterator.next()
    return isThenable(step)
      ? Promise.resolve(step).catch((cause: unknown) => {
          throw new SourceFailure(cause)
        })
      : step
  } catch (cause) {
    throw new SourceFailure(cause)
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null)?.then === 'function'
}

/** Waits for a step of the source, or for the signal. */
async function untilAborted<T>(step: PromiseLike<T>, abort: AbortSignal | undefined): Promise<T> {
  if (!abort) return step
  let forget = () => {}
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(abort, () => reject(abortedError(subject, abort)))
  })
  try {
    return await Promise.race([step, aborted])
  } finally {
    forget()
  }
}

/** A message was refused: waits for room if that is why, and else drops it. */
async function retry<In>(
  intake: Intake<In>,
  value: In,
  first: RivuletError,
  counts: Counts,
  abort: AbortSignal | undefined,
): Promise<void> {
  let refusal: RivuletError | undefined = first
  while (refusal) {
    const room = refusal.code === 'RIVULET_OUTBOX_FULL' ? intake.whenRoom() : undefined
    if (!room) {
      drop(intake, refusal, counts)
      return
    }
    await untilAborted(room, abort)
    refusal = intake.offer(value)
  }
  counts.sent += 1
}

function drop<In>(intake: Intake<In>, refusal: RivuletError, counts: Counts): void {
  intake.refused(refusal)
  if (fatal.has(refusal.code)) throw refusal
  intake.report(refusal)
  counts.dropped += 1
}

/** Subscribes to what cannot be paused: there is nothing to wait with. */
function subscribeAll<In>(
  intake: Intake<In>,
  source: ObservableInput<In>,
  counts: Counts,
  abort: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const subscription = from(source).subscribe({
      next(value) {
        const refusal = intake.offer(value)
        if (!refusal) {
          counts.sent += 1
          return
        }
        try {
          drop(intake, refusal, counts)
        } catch (error) {
          settle(() => reject(error))
        }
      },
      error: (cause: unknown) => settle(() => reject(sourceFailed(cause))),
      complete: () => settle(resolve),
    })
    const forget = onAbort(abort, () => settle(() => reject(abortedError(subject, abort as AbortSignal))))
    function settle(outcome: () => void): void {
      outcome()
      // a source may settle within its own subscribe, before there is anything to undo
      queueMicrotask(() => {
        subscription.unsubscribe()
        forget()
      })
    }
  })
}

function sourceFailed(cause: unknown): RivuletError {
  return new RivuletError('RIVULET_SOURCE_FAILED', `${subject}: the source failed; the sink stays open`, { cause })
}
