/**
 * `process`: work on messages with a bound on how many are in work at once.
 *
 * It takes from the stream only what it can start at once. One failed message is reported; it ends nothing.
 */
import { from, isObservable, Observable, type ObservableInput, Subscription, takeWhile } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import type { Consumer, Consumers } from './consumer.js'
import type { StreamOwner } from './source.js'

/** Works on one message. */
export type Handler<T, R> = (value: T) => ObservableInput<R> | R

/** The observable behind `Stream.process`. */
export function processMessages<T, R>(
  stream: Consumers<T>,
  project: Handler<T, R>,
  concurrency: number,
  owner: Pick<StreamOwner<T>, 'handlerFailed' | 'detailsOf'>,
): Observable<R> {
  return new Observable<R>((subscriber) => {
    const work = new Subscription()
    let active = 0
    let ended = false

    const consumer: Consumer<T> = {
      demand: concurrency,
      next: start,
      complete() {
        ended = true
        if (active === 0) subscriber.complete()
      },
    }

    function start(value: T): void {
      if (subscriber.closed) return
      active += 1
      let results: Observable<R> | undefined
      try {
        const result = project(value)
        if (isAsynchronous(result)) results = from(result)
        else subscriber.next(result)
      } catch (cause) {
        fail(cause, value)
        return
      }
      if (results) follow(results, value)
      else done()
    }

    function follow(results: Observable<R>, value: T): void {
      // entered before it begins, since it may end within its own subscribe, or never while that lasts
      const one = new Subscription()
      work.add(one)
      const leave = () => {
        work.remove(one)
        one.unsubscribe()
      }
      const wanted = results.pipe(takeWhile(() => !subscriber.closed))
      one.add(
        wanted.subscribe({
          next: (result) => subscriber.next(result),
          // a teardown of the results may throw, which is for RxJS to report: the next message is begun all the same
          error: (cause: unknown) => {
            try {
              leave()
            } finally {
              fail(cause, value)
            }
          },
          complete: () => {
            try {
              leave()
            } finally {
              done()
            }
          },
        }),
      )
    }

    function fail(cause: unknown, value: T): void {
      const details = { cause, ...owner.detailsOf?.(value) }
      const text = 'a handler of process threw or rejected, and the stream continues: `cause` is what it threw'
      owner.handlerFailed(new RivuletError('RIVULET_HANDLER_FAILED', text, details))
      done()
    }

    function done(): void {
      active -= 1
      if (ended) {
        if (active === 0) subscriber.complete()
        return
      }
      consumer.demand += 1
      stream.resume()
    }

    work.add(stream.attach(consumer))
    subscriber.add(work)
    stream.resume()
  })
}

/** Whether a result is something to wait for; a string or an array is a plain result. */
export function isAsynchronous<R>(result: ObservableInput<R> | R): result is ObservableInput<R> {
  if (isObservable(result)) return true
  if (typeof result !== 'object' || result === null) return false
  return typeof (result as { then?: unknown }).then === 'function' || Symbol.asyncIterator in result
}
