/** Work and subscribers that fail in unusual ways end nothing but themselves. */
import { asapScheduler, finalize, Observable, observeOn, of, Subject } from 'rxjs'
import t from 'tap'
import { isDeclaredError, isRivuletError } from '../../src/avro/index.js'
import type { SendAllSource } from '../../src/stream/index.js'
import { Numbers } from '../call/calling.js'
import { turn } from '../support/events.js'
import { Feed } from '../support/feed.js'
import type { Job } from '../support/job.js'
import { Sending } from '../support/sending.js'
import { uncaught } from '../support/uncaught.js'
import { broken, rejections, throwing, untouchables } from '../support/untouchable.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

t.test('process: work that cannot be touched is a failed message', async (t) => {
  const unhandled = rejections(t)
  for (const [what, make] of Object.entries(untouchables)) {
    const feed = new Feed<number>()
    const ways: ((value: number) => unknown)[] = [
      make,
      () => {
        throw make()
      },
      () => Promise.reject(make()),
      () => new Observable((subscriber) => subscriber.error(make())),
    ]
    feed.stream.process((value) => ways[value]?.(value) ?? 'done').subscribe()
    const supply = feed.frame(0, 1, 2, 3, 4)
    for (let turns = 0; turns < 5; turns++) await turn()
    t.equal(supply.taken, 5, what)
    t.ok(feed.errors.every(({ code }) => code === 'RIVULET_HANDLER_FAILED'))
  }
  t.strictSame(unhandled, [])
})

t.test('process: a teardown of the work that throws stalls nothing', async (t) => {
  const thrown = uncaught(t)
  const feed = new Feed<number>()
  const results: number[] = []
  feed.stream
    .process((value) => of(value).pipe(observeOn(asapScheduler), finalize(broken)))
    .subscribe((result) => results.push(result))
  feed.frame(2, 3, 4)
  for (let turns = 0; turns < 10; turns++) await turn()
  t.strictSame(results, [2, 3, 4])
  await thrown.settled()
})

t.test('a subscriber whose teardown throws does not keep the others from their end', async (t) => {
  const feed = new Feed<number>()
  const ends: string[] = []
  for (const name of ['one', 'two']) {
    feed.stream.pipe(finalize(broken)).subscribe({ complete: () => ends.push(name) })
  }
  feed.frame(1)
  feed.inbound.complete()
  t.strictSame(ends, ['one', 'two'])
  t.match(feed.errors, [{ code: 'RIVULET_HANDLER_FAILED' }, { code: 'RIVULET_HANDLER_FAILED' }])
  t.equal(feed.unaccounted, 0)
})

t.test('sendAll: steps and sources that cannot be touched are a failed source', async (t) => {
  const iterating = (next: () => unknown) => ({ [Symbol.iterator]: () => ({ next }) }) as SendAllSource<Job>
  const sources: Record<string, SendAllSource<Job>> = {
    'a step': iterating(() => throwing('done')),
    'a value': iterating(() => throwing('value')),
    'an iterator': throwing(Symbol.iterator) as never,
    'an observable': throwing('@@observable', Symbol.observable ?? '@@observable') as never,
  }
  for (const [what, source] of Object.entries(sources)) {
    const sending = new Sending()
    await t.rejects(sending.sink.sendAll(source), { code: 'RIVULET_SOURCE_FAILED' }, what)
    t.equal(sending.unaccounted, 0)
    t.equal(sending.listeners, 0)
  }
})

t.test('sendAll: a source whose teardown throws keeps no sink from closing', async (t) => {
  const sending = new Sending()
  const sent = [new Subject<Job>(), new Subject<Job>()].map((source) =>
    sending.sink.sendAll(source.pipe(finalize(broken))),
  )
  sending.close()
  for (const one of sent) await t.rejects(one, { code: 'RIVULET_CLOSED' })
  t.match(sending.errors, [{ code: 'RIVULET_SOURCE_FAILED' }, { code: 'RIVULET_SOURCE_FAILED' }])
})

t.test('whether something is an error can be asked of anything', async (t) => {
  for (const [what, make] of Object.entries(untouchables)) {
    t.equal(isRivuletError(make(), 'RIVULET_TIMEOUT'), false, what)
    t.equal(isDeclaredError(Numbers, 'double', make()), false, what)
  }
})
