/**
 * The deliveries of a consumer as its user holds them: a stream for one alone, and `process`, which settles what it works on.
 *
 * A delivery is to be settled once, so that two who take it would be one too many.
 */
import { finalize, from, Observable, type ObservableInput, tap } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import { concurrencyOf, type Handler, isAsynchronous, type ProcessOptions, type Stream } from '../stream/index.js'
import { type Delivery, LeasedDelivery } from './delivery.js'

/** Works on a message; the delivery tells more of it, and may be settled by the work itself. */
export type ProcessDelivery<Out, R> = (value: Out, delivery: Delivery<Out>) => ObservableInput<R> | R

/** A stream for one. */
export class DeliveryStream<Out> extends Observable<Delivery<Out>> implements Stream<Delivery<Out>> {
  readonly #inner: Stream<Delivery<Out>>
  #isTaken = false

  constructor(inner: Stream<Delivery<Out>>) {
    super((subscriber) => {
      if (!this.#take()) {
        subscriber.error(alreadyConsumed())
        return
      }
      subscriber.add(() => this.#leave())
      subscriber.add(inner.subscribe(subscriber))
    })
    this.#inner = inner
  }

  process<R>(project: Handler<Delivery<Out>, R>, options?: ProcessOptions): Observable<R> {
    return this.#alone(this.#inner.process(project, options))
  }

  /** Works on the messages themselves, and settles their deliveries. */
  processValues<R>(project: ProcessDelivery<Out, R>, options?: ProcessOptions): Observable<R> {
    concurrencyOf(project, options)
    return this.#alone(this.#inner.process((delivery) => settling(project, delivery), options))
  }

  [Symbol.asyncIterator](): AsyncIterator<Delivery<Out>, undefined> {
    if (!this.#take()) return failing(alreadyConsumed())
    const inner = this.#inner[Symbol.asyncIterator]()
    let hasLeft = false
    const leave = () => {
      if (!hasLeft) this.#leave() // once: afterwards it is somebody else who has them
      hasLeft = true
    }
    return {
      async next() {
        const step = await inner.next()
        if (step.done) leave()
        return step
      },
      async return() {
        leave()
        await inner.return?.()
        return { value: undefined, done: true }
      },
    }
  }

  #alone<R>(results: Observable<R>): Observable<R> {
    return new Observable((subscriber) => {
      if (!this.#take()) {
        subscriber.error(alreadyConsumed())
        return
      }
      subscriber.add(() => this.#leave())
      subscriber.add(results.subscribe(subscriber))
    })
  }

  #take(): boolean {
    if (this.#isTaken) return false
    this.#isTaken = true
    return true
  }

  #leave(): void {
    this.#isTaken = false
  }
}

/** Runs the work on one message, and settles it when that has ended. */
function settling<Out, R>(project: ProcessDelivery<Out, R>, delivery: Delivery<Out>): ObservableInput<R> | R {
  let results: Observable<R>
  let isDoneAtFirst: boolean
  try {
    const result = project(delivery.value, delivery)
    if (!isAsynchronous(result)) {
      void delivery.ack()
      return result
    }
    // a promise is done when it has its value: a subscriber may then leave at once, as `firstValueFrom` does
    isDoneAtFirst = isPromise(result)
    results = from(result)
  } catch (cause) {
    void delivery.nack({ reason: cause })
    throw cause
  }
  const lease = LeasedDelivery.leaseOf(delivery)
  lease?.working(1)
  return results.pipe(
    tap({
      next: () => void (isDoneAtFirst && delivery.ack()),
      complete: () => void delivery.ack(),
      error: (cause: unknown) => void delivery.nack({ reason: cause }),
    }),
    finalize(() => {
      lease?.working(-1)
      // only if the work was given up
      if (!delivery.settled) void delivery.nack({ delayMs: 0, reason: 'the work was given up' })
    }),
  )
}

function isPromise(result: unknown): boolean {
  return typeof (result as PromiseLike<unknown>).then === 'function'
}

function alreadyConsumed(): RivuletError {
  return new RivuletError('RIVULET_ALREADY_CONSUMED', 'the deliveries of this consumer have a subscriber already')
}

function failing(error: RivuletError): AsyncIterator<never, undefined> {
  return { next: () => Promise.reject(error), return: async () => ({ value: undefined, done: true }) }
}
