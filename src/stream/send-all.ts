/**
 * `sendAll`: feeds a whole source to a sink, with backpressure where the source can be paused.
 *
 * It decides how to take from each kind of source; the intake decides what happens to a message.
 */
import { from, type Observable, type ObservableInput, Subscription, takeWhile } from 'rxjs'
import { type ErrorCode, RivuletError } from '../errors/index.js'
import { abortedError, onAbort, turnBudget } from '../lifecycle/index.js'
import { invalidOption, resolveOptions, signal } from '../options/index.js'
import { type Intake, offerWhenRoom, roomAfter, shed } from './intake.js'

/** What `sendAll` takes. */
export type SendAllSource<In> = Iterable<In> | AsyncIterable<In> | ObservableInput<In>

/** How `sendAll` works. */
export interface SendAllOptions {
  /**
   * Stops taking values from the source, and rejects; those that were taken are still sent.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
}

/** How `sendAll` went, in messages. */
export interface SendAllResult {
  /** Taken into the outbox. */
  readonly sent: number
  /** Not taken: they did not fit their schema, or found no room and could not wait. */
  readonly dropped: number
}

const subject = 'sendAll'
const rules = { signal }

/** Codes that end the whole: everything else concerns one message. */
const fatal: ReadonlySet<ErrorCode> = new Set([
  'RIVULET_CLOSED',
  'RIVULET_NAME_TAKEN',
  'RIVULET_OVERLOADED',
  'RIVULET_INVALID_REQUEST',
])

/** Feeds a source to an intake. */
export async function sendAll<In>(
  intake: Intake<In>,
  source: SendAllSource<In>,
  options?: SendAllOptions,
): Promise<SendAllResult> {
  const { signal: abort } = resolveOptions(subject, options, rules)
  const stop = new Stop(intake, abort)
  try {
    if (stop.error) throw stop.error
    const counts = { sent: 0, dropped: 0 }
    const iterator = iteratorOf(source)
    if (iterator) await takeAll(intake, iterator, counts, stop)
    else await subscribeAll(intake, source as ObservableInput<In>, counts, stop)
    return counts
  } catch (error) {
    throw error instanceof SourceFailure ? sourceFailed(error.cause) : error
  } finally {
    stop.forget()
  }
}

type Counts = { sent: number; dropped: number }
type AnyIterator<In> = Iterator<In> | AsyncIterator<In>

/** What ends it before the source does: its signal, or the closing of the sink. */
class Stop {
  /** Why it must end, once that is so. */
  error: RivuletError | undefined
  #interrupt: (error: RivuletError) => void = () => {}
  readonly #forget: readonly (() => void)[]

  constructor(intake: Intake<never>, abort: AbortSignal | undefined) {
    this.#forget = [
      onAbort(abort, () => this.#stop(abortedError(subject, abort as AbortSignal))),
      intake.onClosing(() => this.#stop(new RivuletError('RIVULET_CLOSED', `${subject}: the sink is closed`))),
    ]
  }

  /** Waits for a promise, or rejects when it must end. */
  wait<T>(promise: PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.whenStopped(reject)
      promise.then(resolve, reject)
    })
  }

  /** Calls back when it must end; replaces who was called back before. */
  whenStopped(callback: (error: RivuletError) => void): void {
    this.#interrupt = callback
    if (this.error) callback(this.error)
  }

  forget(): void {
    for (const forget of this.#forget) forget()
  }

  #stop(error: RivuletError): void {
    this.error ??= error
    this.#interrupt(this.error)
  }
}

/** The iterator of a source that can be paused. */
function iteratorOf<In>(source: SendAllSource<In>): AnyIterator<In> | undefined {
  if (typeof source !== 'object' || source === null) return undefined
  try {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]()
    if (Symbol.iterator in source) return source[Symbol.iterator]()
  } catch (cause) {
    throw new SourceFailure(cause)
  }
  return undefined
}

/** Takes from an iterator as fast as there is room. */
async function takeAll<In>(intake: Intake<In>, iterator: AnyIterator<In>, counts: Counts, stop: Stop): Promise<void> {
  let ended = false
  // messages since the last look at the budget, and when the next one is due: at once if others had their turn between
  let [taken, mostTaken] = [0, turnBudget.piecesUntilCheck]
  try {
    for (;;) {
      if (stop.error) throw stop.error
      const step = nextOf(iterator)
      if (step instanceof Promise) mostTaken = 0
      const result = step instanceof Promise ? await stop.wait(step) : step
      if (typeof result !== 'object' || result === null) throw new SourceFailure(new TypeError('a step is no object'))
      let value: In
      try {
        if (result.done) {
          ended = true
          return
        }
        value = result.value
      } catch (cause) {
        throw new SourceFailure(cause)
      }
      const refusal = intake.offer(value)
      if (!refusal) counts.sent += 1
      else if (refusal === shed) counts.dropped += 1
      else {
        mostTaken = 0
        await retry(intake, value, refusal, counts, stop)
      }
      taken += 1
      if (taken < mostTaken) continue
      if (turnBudget.spend(taken)) await new Promise<void>((resolve) => turnBudget.nextTurn(resolve))
      ;[taken, mostTaken] = [0, turnBudget.piecesUntilCheck]
    }
  } catch (error) {
    if (error instanceof SourceFailure) ended = true
    throw error
  } finally {
    if (!ended) leave(iterator)
  }
}

/** Tells a source that no more is taken, and does not wait: a generator answers only after the step it hangs in. */
function leave(iterator: AnyIterator<unknown>): void {
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

/** Returns the next step of an iterator, or a promise of it that is one of this realm. */
function nextOf<In>(iterator: AnyIterator<In>): IteratorResult<In> | Promise<IteratorResult<In>> {
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

/** A message was refused: waits for room if that is why, and else drops it. */
async function retry<In>(
  intake: Intake<In>,
  value: In,
  first: RivuletError,
  counts: Counts,
  stop: Stop,
): Promise<void> {
  const room = roomAfter(intake, first)
  const wait = (forRoom: Promise<void>) =>
    stop.wait(forRoom).catch((error: RivuletError) => {
      if (fatal.has(error.code)) intake.refused(error)
      throw error
    })
  const refusal = room ? await offerWhenRoom(intake, () => intake.offer(value), room, wait) : first
  if (!refusal) counts.sent += 1
  else if (refusal === shed) counts.dropped += 1
  else drop(intake, refusal, counts)
}

function drop<In>(intake: Intake<In>, refusal: RivuletError, counts: Counts): void {
  intake.refused(refusal)
  if (fatal.has(refusal.code)) throw refusal
  intake.report(refusal)
  counts.dropped += 1
}

/** Subscribes to what cannot be paused: there is nothing to wait with. */
function subscribeAll<In>(intake: Intake<In>, source: ObservableInput<In>, counts: Counts, stop: Stop): Promise<void> {
  return new Promise((resolve, reject) => {
    const subscription = new Subscription()
    const fail = (error: unknown) => {
      reject(error)
      try {
        subscription.unsubscribe()
      } catch (cause) {
        intake.report(sourceFailed(cause)) // a teardown of the source threw
      }
    }
    stop.whenStopped(fail)
    // a source may send and end within its own subscribe: it is stopped all the same
    const wanted = observableOf(source).pipe(takeWhile(() => !subscription.closed))
    subscription.add(
      wanted.subscribe({
        next(value) {
          const refusal = intake.offer(value)
          if (!refusal || refusal === shed) {
            if (refusal) counts.dropped += 1
            else counts.sent += 1
            return
          }
          try {
            drop(intake, refusal, counts)
          } catch (error) {
            fail(error)
          }
        },
        error: (cause: unknown) => reject(new SourceFailure(cause)),
        complete: resolve,
      }),
    )
  })
}

function observableOf<In>(source: ObservableInput<In>): Observable<In> {
  try {
    return from(source)
  } catch (cause) {
    // a TypeError is what RxJS throws where it knows no way to subscribe
    if (!(cause instanceof TypeError)) throw new SourceFailure(cause)
    throw invalidOption(subject, 'source', 'an iterable, an async iterable, an observable or a promise', source)
  }
}

function sourceFailed(cause: unknown): RivuletError {
  return new RivuletError('RIVULET_SOURCE_FAILED', `${subject}: the source failed; the sink stays open`, { cause })
}
