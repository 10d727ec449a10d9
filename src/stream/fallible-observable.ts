/**
 * Observables that a peer can make fail: an error that no subscriber handles is reported, where RxJS would throw it globally
 * and so end the process.
 *
 * It gives an error callback to subscribers that have none, behind operators as well. That callback takes the errors of
 * `failSubscriber` alone: what operators and callbacks of the application throw stays with RxJS.
 */
import { Observable, type Observer, type Operator, type Subscriber, type Subscription } from 'rxjs'

/** Reports an error that no subscriber handled. */
export type ReportUnhandled = (error: Error) => void

/** Who reports each error that is in flight. */
const reporters = new WeakMap<WeakKey, ReportUnhandled>()

/** Fails a subscriber of a `FallibleObservable`; `report` gets the error if no subscriber handles it. */
export function failSubscriber(subscriber: Subscriber<unknown>, error: Error, report: ReportUnhandled): void {
  reporters.set(error, report)
  subscriber.error(error)
}

/** An observable that can fail because of a peer, and so can what operators make of it. */
export class FallibleObservable<T> extends Observable<T> {
  /** Applies an operator, as RxJS 7 does for every operator: the result is one of this class, too. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new FallibleObservable<R>()
    lifted.source = this
    lifted.operator = operator
    return lifted
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    if (isSubscriber(observerOrNext)) {
      handleErrorsBehind(observerOrNext)
      return super.subscribe(observerOrNext)
    }
    if (typeof observerOrNext !== 'function' && observerOrNext) return super.subscribe(handling(observerOrNext))
    return super.subscribe(observerOrNext, error ?? handleError, complete)
  }
}

/** The error callback of subscribers that have none. What it throws, RxJS throws globally, as if it were not there. */
function handleError(error: unknown): void {
  const report = reporters.get(error as WeakKey)
  if (report === undefined) throw error
  report(error as Error)
}

/** Returns an observer that handles errors. It asks for the callbacks at each call, as RxJS does. */
function handling<T>(observer: Partial<Observer<T>>): Partial<Observer<T>> {
  if (observer.error) return observer
  return {
    next: (value) => observer.next?.(value),
    error: (error: unknown) => (observer.error ? observer.error(error) : handleError(error)),
    complete: () => observer.complete?.(),
  }
}

/** What RxJS 7 keeps in a subscriber: that of an operator has the next one, the last one has the observer of the user. */
interface SubscriberLink {
  readonly destination?: SubscriberLink
  partialObserver?: Partial<Observer<unknown>>
}

/**
 * Gives the last subscriber of a chain an error callback if it has none.
 *
 * `merge`, `switchMap` and others subscribe for a subscriber that is not visible here. A chain of another form
 * than that of RxJS 7 is left as it is.
 */
function handleErrorsBehind(subscriber: object): void {
  let link: SubscriberLink = subscriber
  while (link.destination) link = link.destination
  if (link.partialObserver) link.partialObserver = handling(link.partialObserver)
}

/** Whether it is a subscriber of any copy of RxJS, as RxJS itself recognises them. */
function isSubscriber<T>(observer: unknown): observer is Subscriber<T> {
  const { next, error, complete, add, remove, unsubscribe } = (observer ?? {}) as Partial<Subscriber<T>>
  return [next, error, complete, add, remove, unsubscribe].every((member) => typeof member === 'function')
}
