/** An error of a peer that no subscriber handles is reported, behind all operators; all other errors are left to RxJS. */
import {
  BehaviorSubject,
  catchError,
  combineLatest,
  defer,
  from,
  interval,
  map,
  merge,
  NEVER,
  type Observable,
  type OperatorFunction,
  of,
  retry,
  type Subscriber,
  share,
  shareReplay,
  switchMap,
  tap,
  timeout,
  withLatestFrom,
} from 'rxjs'
import t from 'tap'
import { FallibleObservable, failSubscriber } from '../../src/stream/fallible-observable.js'
import { turn } from '../support/events.js'
import { uncaught } from '../support/uncaught.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** A stream that a peer feeds and makes fail. */
class PeerStream {
  readonly reported: Error[] = []
  readonly #subscribers = new Set<Subscriber<number>>()
  readonly stream = new FallibleObservable<number>((subscriber) => {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  })

  next(value: number): void {
    for (const subscriber of [...this.#subscribers]) subscriber.next(value)
  }

  fail(error = new Error('of the peer')): void {
    for (const subscriber of [...this.#subscribers]) {
      failSubscriber(subscriber, error, (unhandled) => this.reported.push(unhandled))
    }
  }
}

const uses: Record<string, (stream: Observable<number>) => Observable<unknown>> = {
  'the stream itself': (stream) => stream,
  'operators in a chain': (stream) => stream.pipe(map(String), tap(), timeout(60_000)),
  share: (stream) => stream.pipe(share(), map(String)),
  shareReplay: (stream) => stream.pipe(shareReplay(1)),
  merge: (stream) => merge(stream, NEVER).pipe(tap()),
  combineLatest: (stream) => combineLatest([stream, of(1)]),
  switchMap: (stream) => of(1, 2).pipe(switchMap(() => stream)),
  defer: (stream) => defer(() => stream),
  from: (stream) => from(stream),
  withLatestFrom: (stream) => interval(60_000).pipe(withLatestFrom(stream)),
  'an error callback that throws it again': (stream) =>
    stream.pipe(
      catchError((error) => {
        throw error
      }),
    ),
}

for (const [name, use] of Object.entries(uses)) {
  t.test(`${name}: an error without a callback is reported once`, async (t) => {
    const thrown = uncaught(t)
    const peer = new PeerStream()
    use(peer.stream).subscribe(() => {})
    use(peer.stream).subscribe({ complete() {} })
    peer.next(1)
    peer.fail()
    await thrown.settled()
    t.strictSame(thrown.errors, [])
    t.equal(peer.reported.length, 2)
    t.match(peer.reported[0], { message: 'of the peer' })
  })

  t.test(`${name}: an error with a callback is not reported`, async (t) => {
    const thrown = uncaught(t)
    const peer = new PeerStream()
    const seen: unknown[] = []
    use(peer.stream).subscribe({ error: (error) => seen.push(error) })
    use(peer.stream).subscribe(
      () => {},
      (error) => seen.push(error),
    )
    peer.next(1)
    peer.fail()
    await thrown.settled()
    t.strictSame(thrown.errors, [])
    t.strictSame(peer.reported, [])
    t.equal(seen.length, 2)
  })
}

t.test('operators that handle errors see them', async (t) => {
  const thrown = uncaught(t)
  const handlers: OperatorFunction<number, number>[] = [catchError(() => of(-1)), retry(1)]
  for (const handle of handlers) {
    const peer = new PeerStream()
    const seen: number[] = []
    merge(peer.stream, NEVER)
      .pipe(handle, tap())
      .subscribe((value) => seen.push(value))
    peer.next(1)
    peer.fail()
    peer.next(2)
    t.ok(seen.length === 2, `${seen}`)
    t.strictSame(peer.reported, [])
  }
  await thrown.settled()
  t.strictSame(thrown.errors, [])
})

t.test('errors of the application stay with RxJS', async (t) => {
  const thrown = uncaught(t)
  const peer = new PeerStream()
  const own = (text: string) => () => {
    throw new Error(text)
  }
  peer.stream.pipe(map(own('in an operator'))).subscribe()
  peer.stream.subscribe(own('in a callback'))
  merge(peer.stream, NEVER)
    .pipe(tap(own('behind merge')))
    .subscribe()
  peer.stream.subscribe({ error: own('in an error callback') })
  peer.next(1)
  peer.fail()
  await thrown.settled()
  t.strictSame(thrown.errors.map((error) => (error as Error).message).sort(), [
    'behind merge',
    'in a callback',
    'in an error callback',
    'in an operator',
  ])
  t.equal(peer.reported.length, 1, 'the subscriber with a callback for values alone')
})

t.test('observers keep their form', async (t) => {
  const thrown = uncaught(t)
  const peer = new PeerStream()
  class Counter {
    #count = 0
    get count() {
      return this.#count
    }
    next() {
      this.#count += 1
    }
  }
  const counter = new Counter()
  peer.stream.subscribe(counter)
  const late: { next?: (value: number) => void; error?: (error: unknown) => void } = {}
  const seen: unknown[] = []
  peer.stream.subscribe(late)
  late.next = (value) => seen.push(value)
  late.error = (error) => seen.push((error as Error).message)
  const subject = new BehaviorSubject(0)
  const told: unknown[] = []
  subject.subscribe({ error: (error) => told.push((error as Error).message) })
  peer.stream.subscribe(subject)
  peer.next(1)
  peer.fail()
  await thrown.settled()
  t.equal(counter.count, 1)
  t.strictSame(seen, [1, 'of the peer'])
  t.strictSame(told, ['of the peer'])
  t.equal(peer.reported.length, 1)
  t.strictSame(thrown.errors, [])
})
