/** Streams of requests of calls in the models of RPC: some that end, fail, are invalid, or never end. */
import { NEVER, Observable, of, throwError } from 'rxjs'

/** What a stream of requests may do. */
export const requestKinds = ['some', 'none', 'invalid', 'fails', 'endless'] as const

/** A stream of requests. */
export function requestsOf(kind: (typeof requestKinds)[number], count: number): Observable<{ id: number }> {
  if (kind === 'fails') return throwError(() => new Error('as it was told to'))
  if (kind === 'endless') return NEVER
  if (kind === 'invalid') return of({ id: 1 }, { id: 'two' } as never, { id: 3 })
  return new Observable((subscriber) => {
    for (let id = 0; id < (kind === 'none' ? 0 : count); id++) subscriber.next({ id })
    subscriber.complete()
  })
}
